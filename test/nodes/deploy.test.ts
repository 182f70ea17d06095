import assert from 'node:assert/strict'
import type { Lwm2mServer } from '../../src/server/lwm2m-server'
import { freeUdpPort } from '../support/ports'
import { engineOf } from './support/devices'
import { type FlowNode, Flows, serverNode } from './support/harness'
import { NotifyingDevice } from './support/notifying-device'

const KEY = '0123456789abcdef0123456789abcdef'
const DEPLOYS = ['full', 'flows', 'nodes'] as const
const READ = { name: '', endpoint: '', path: '/3/0/1' }
/** From one notification of a device to the next, ms. */
const INTERVAL = 5

describe('deploys under traffic', function () {
  this.timeout(120_000)
  let flows: Flows
  let ports: { coap: number; coaps: number }
  let devices: NotifyingDevice[]

  beforeEach(async () => {
    flows = new Flows()
    ports = { coap: await freeUdpPort(), coaps: await freeUdpPort() }
    devices = []
  })

  afterEach(async () => {
    for (const device of devices) device.close()
    await flows.close()
  })

  /** The flow, of which each deploy changes what it should restart. */
  function flow(round: number, server: { [property: string]: unknown } = {}): FlowNode[] {
    return [
      serverNode(ports.coap, {
        coaps: true,
        coapsPort: String(ports.coaps),
        devices: ['psk', 'cid'].map((id) => ({ id, endpoint: id, mode: 'psk' })),
        ...server,
      }),
      {
        id: 'observe',
        type: 'lwm2m-observe',
        z: 'tab',
        name: `round ${round}`,
        server: 'server',
        endpoint: '*',
        path: '/3/0/9',
        wires: [['out']],
      },
      {
        id: 'events',
        type: 'lwm2m-events',
        z: 'tab',
        name: `round ${round}`,
        server: 'server',
        events: ['registered', 'updated', 'deregistered', 'expired', 'send'],
        wires: [['out']],
      },
      { id: 'read', type: 'lwm2m-read', z: 'tab', server: 'server', wires: [['out']], ...READ },
      { id: 'out', type: 'collector', z: 'tab' },
    ]
  }

  /** What the flow got of an endpoint, or of an event. */
  function got(name: string): unknown[] {
    return flows.collected
      .filter((message) => (message['event'] ?? message['endpoint']) === name)
      .map(({ payload }) => payload)
  }

  async function start(): Promise<Lwm2mServer> {
    const keys = JSON.stringify({ psk: KEY, cid: KEY })
    await flows.load(flow(0), { server: { keys } })
    const server = await engineOf(flows)
    const secure = (identity: string) => ({
      identity,
      key: KEY,
      connectionId: identity === 'cid',
    })
    devices = await Promise.all([
      NotifyingDevice.open('plain', ports.coap),
      NotifyingDevice.open('psk', ports.coaps, secure('psk')),
      NotifyingDevice.open('cid', ports.coaps, secure('cid')),
    ])
    for (const device of devices) {
      await device.register()
      await device.observed()
    }
    return server
  }

  const countTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, i) => i)

  it('loses and repeats nothing in 50 deploys of all kinds, and nobody handshakes or registers', async () => {
    const server = await start()
    let deploying = true
    const traffic = devices.map(async (device) => {
      while (deploying) {
        await device.notify()
        await new Promise((resolve) => setTimeout(resolve, INTERVAL))
      }
    })
    const { handshakesCompleted } = server.statistics.dtls ?? { handshakesCompleted: NaN }
    for (let round = 1; round <= 50; round++) {
      const kind = DEPLOYS[round % DEPLOYS.length] ?? 'full'
      await flows.deploy(flow(round), kind)
    }
    deploying = false
    await Promise.all(traffic)
    assert.equal(await engineOf(flows), server, 'the server that runs is the same')
    for (const device of devices) {
      assert.deepEqual(device.surprises, [], device.endpoint)
      assert.equal(device.observeRequests, 1, device.endpoint)
      assert.equal(await device.update(), 0x44)
      assert.deepEqual(got(device.endpoint), countTo(device.acknowledged), device.endpoint)
    }
    assert.equal(server.statistics.dtls?.handshakesCompleted, handshakesCompleted)
    assert.equal(got('registered').length, 3)
  })

  it('delivers each Send and each answer once while everything is deployed', async () => {
    await start()
    let deploying = true
    const sent = devices.map(async (device) => {
      let count = 0
      while (deploying) {
        assert.equal(await device.sendValue(count), 0x44)
        count++
        await new Promise((resolve) => setTimeout(resolve, INTERVAL))
      }
      return count
    })
    for (let round = 1; round <= 30; round++) {
      const kind = DEPLOYS[round % DEPLOYS.length] ?? 'full'
      await flows.deploy(flow(round), kind)
    }
    deploying = false
    const counts = await Promise.all(sent)
    // The last one may still be on its way through the flow.
    await new Promise((resolve) => setTimeout(resolve, 0))
    for (const [i, { endpoint }] of devices.entries()) {
      const values = flows.collected
        .filter((message) => message['event'] === 'send' && message['endpoint'] === endpoint)
        .map(({ payload }) => payload)
      assert.deepEqual(values, countTo((counts[i] ?? 0) - 1), endpoint)
    }
  })

  it('answers a request that was under way by the next self of its node', async () => {
    await start()
    const [device] = devices
    assert.ok(device)
    const held = device.holdRead()
    flows.node('read').receive({ correlation: 7, endpoint: 'plain' } as never)
    const release = await held
    await flows.deploy(flow(1), 'full')
    const answered = flows.collect((message) => message['correlation'] === 7)
    release()
    const answer = await answered
    assert.equal(answer.payload, '0')
    assert.equal(answer['endpoint'], 'plain')
  })

  it('says close_notify and starts anew where the deploy changes the server', async () => {
    const server = await start()
    await flows.deploy(flow(1, { lifetimeMin: '60' }), 'full')
    assert.equal((await engineOf(flows)) === server, false)
    for (const device of devices.slice(1)) {
      await device.surprised()
      assert.deepEqual(device.surprises, ['close_notify'], device.endpoint)
    }
  })

  it('takes over credentials while it runs, and drops who lost theirs', async () => {
    const server = await start()
    const entries = ['cid', 'new'].map((id) => ({ id, endpoint: id, mode: 'psk' }))
    const keys = JSON.stringify({ cid: KEY, new: KEY })
    await flows.deploy(flow(1, { devices: entries }), 'full', { server: { keys } })
    assert.equal((await engineOf(flows)) === server, true)
    const [plain, psk, cid] = devices
    await psk?.surprised()
    assert.deepEqual(psk?.surprises, ['close_notify'])
    const added = await NotifyingDevice.open('new', ports.coaps, {
      identity: 'new',
      key: KEY,
      connectionId: false,
    })
    devices.push(added)
    await added.register()
    for (const device of [plain, cid]) {
      await device?.notify()
      assert.deepEqual(device?.surprises, [])
    }
  })

  it('stops a server whose node is disabled', async () => {
    const server = await start()
    const [config, ...rest] = flow(1)
    await flows.deploy([{ ...config, d: true } as FlowNode, ...rest], 'full')
    assert.equal(server.running, false)
  })
})
