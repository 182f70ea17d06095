import assert from 'node:assert/strict'
import { NotifyingDevice } from '../nodes/support/notifying-device'
import { type FlowNode, NodeRed, requireRuntime, runtimes } from '../support/node-red'
import { freeUdpPort } from '../support/ports'

const KEY = '0123456789abcdef0123456789abcdef'
const DEPLOYS = ['full', 'flows', 'nodes'] as const
/** From one notification of a device to the next, ms. */
const INTERVAL = 200

function flow(round: number, port: number, coapsPort: number): FlowNode[] {
  return [
    { id: 'tab', type: 'tab', label: 'deploys' },
    {
      id: 'server',
      type: 'lwm2m-server',
      port: String(port),
      coaps: true,
      coapsPort: String(coapsPort),
      storage: 'disk',
      devices: ['psk', 'cid'].map((id) => ({ id, endpoint: id, mode: 'psk' })),
      ...(round === 0
        ? { credentials: { keysUpdate: JSON.stringify({ psk: KEY, cid: KEY }) } }
        : {}),
    },
    {
      id: 'observe',
      type: 'lwm2m-observe',
      z: 'tab',
      name: `round ${round}`,
      server: 'server',
      endpoint: '*',
      path: '/3/0/9',
      wires: [['keep']],
    },
    {
      id: 'keep',
      type: 'function',
      z: 'tab',
      name: `round ${round}`,
      func: "const all = global.get('all') ?? []; all.push([msg.endpoint, msg.payload]); global.set('all', all)",
      outputs: 0,
      wires: [],
    },
  ]
}

for (const runtime of runtimes()) {
  describe(`deploys of ${runtime.name}`, function () {
    this.timeout(180_000)
    let red: NodeRed
    let devices: NotifyingDevice[] = []

    before(function () {
      requireRuntime(this, runtime)
    })

    afterEach(async () => {
      for (const device of devices) device.close()
      await red?.stop()
    })

    it('loses and repeats no value in 50 deploys, and no device handshakes or registers', async () => {
      const [port, coapsPort] = [await freeUdpPort(), await freeUdpPort()]
      red = await NodeRed.start({ runtime })
      const listening = red.printed('coaps://')
      await red.deploy(flow(0, port, coapsPort))
      const secure = (identity: string, connectionId: boolean) =>
        NotifyingDevice.open(identity, coapsPort, { identity, key: KEY, connectionId })
      await listening
      devices = [
        await NotifyingDevice.open('plain', port),
        await secure('psk', false),
        await secure('cid', true),
      ]
      for (const device of devices) {
        await device.register()
        await device.observed()
      }
      let deploying = true
      const traffic = devices.map(async (device) => {
        while (deploying) {
          await device.notify()
          await new Promise((resolve) => setTimeout(resolve, INTERVAL))
        }
      })
      for (let round = 1; round <= 50; round++) {
        await red.deploy(flow(round, port, coapsPort), DEPLOYS[round % DEPLOYS.length])
      }
      deploying = false
      await Promise.all(traffic)
      const answer = await fetch(`${red.url}/context/global/all`)
      const { msg } = (await answer.json()) as { msg: string }
      const all = JSON.parse(msg) as [endpoint: string, value: number][]
      for (const device of devices) {
        const values = all.filter(([endpoint]) => endpoint === device.endpoint)
        const expected = Array.from({ length: device.acknowledged + 1 }, (_, i) => i)
        assert.deepEqual(device.surprises, [], device.endpoint)
        assert.equal(device.observeRequests, 1, device.endpoint)
        assert.deepEqual(
          values.map(([, value]) => value),
          expected,
          device.endpoint,
        )
      }
    })
  })
}
