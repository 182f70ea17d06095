import assert from 'node:assert/strict'
import { PatientClient } from '../dtls/support/patient-client'
import { Opt } from '../support/raw-coap'
import { engineOf } from './support/devices'
import { type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'
import { registerScripted, updateScripted } from './support/scripted-registration'

const DELETE = 0x04
const POST = 0x02

describe('lwm2m-events', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  const flow = (more: { [property: string]: unknown } = {}): FlowNode[] => [
    serverNode(port, { lifetimeMin: '1' }),
    { id: 'node', type: 'lwm2m-events', z: 'tab', server: 'server', wires: [['out']], ...more },
    helperNode('out'),
  ]

  it('tells of a registration with all that is known', async () => {
    await flows.load(flow())
    await engineOf(flows)
    const next = flows.next('out')
    const query = ['ep=dev', 'lt=600', 'lwm2m=1.1', 'b=U', 'Q', 'colour=red']
    const { peer } = await registerScripted(port, query, '</1/0>,</3>;ver=1.1,</3/0>,</3303/0>')
    const message = await next
    assert.equal(message['event'], 'registered')
    assert.equal(message.topic, 'dev/registered')
    assert.equal(message['endpoint'], 'dev')
    const { registeredAt, updatedAt, expiresAt, ...payload } = message.payload as {
      [name: string]: unknown
    }
    assert.equal(updatedAt, registeredAt)
    const lived = Date.parse(String(expiresAt)) - Date.parse(String(registeredAt))
    assert.equal(lived, 600_000)
    assert.deepEqual(payload, {
      endpoint: 'dev',
      version: '1.1',
      lifetime: 600,
      binding: 'U',
      queueMode: true,
      address: '127.0.0.1',
      port: peer.port,
      security: 'none',
      state: 'online',
      attributes: { colour: 'red' },
      objects: [
        { id: 1, name: 'LwM2M Server', version: '1.1', instances: [0] },
        { id: 3, name: 'Device', version: '1.1', instances: [0] },
        { id: 3303, name: 'Temperature', version: '1.0', instances: [0] },
      ],
      again: false,
    })
    await peer.close()
  })

  it('tells of updates, what changed, and of good-byes', async () => {
    await flows.load(flow())
    await engineOf(flows)
    const { peer, location } = await registerScripted(port, ['ep=dev', 'lt=600', 'lwm2m=1.1'])
    const updated = flows.next('out', (message) => message['event'] === 'updated')
    assert.equal(await updateScripted(peer, location), 0x44)
    const { change } = (await updated).payload as { change: object }
    assert.deepEqual(change, {
      address: false,
      lifetime: false,
      binding: false,
      objects: false,
      added: [],
      removed: [],
    })
    const gone = flows.next('out', (message) => message['event'] === 'deregistered')
    const path = location.map((segment) => [Opt.URI_PATH, segment] as const)
    assert.equal((await peer.request({ code: DELETE, options: path })).code, 0x42)
    assert.equal((await gone).topic, 'dev/deregistered')
    await peer.close()
  })

  it('tells an expiry from a good-bye', async () => {
    await flows.load(flow({ events: ['expired', 'deregistered'] }))
    await engineOf(flows)
    const next = flows.next('out')
    const { peer } = await registerScripted(port, ['ep=dev', 'lt=1', 'lwm2m=1.1'])
    assert.equal((await next)['event'], 'expired')
    await peer.close()
  })

  it('passes only what matches the pattern', async () => {
    const seen: unknown[] = []
    await flows.load(flow({ endpoint: 'room-*' }))
    flows.node('out').on('input', (message) => seen.push(message['endpoint']))
    await engineOf(flows)
    const next = flows.next('out', (message) => message['endpoint'] === 'room-2')
    for (const name of ['hall', 'room-1', 'room-2']) {
      const { peer } = await registerScripted(port, [`ep=${name}`, 'lt=60', 'lwm2m=1.1'])
      await peer.close()
    }
    await next
    assert.deepEqual(seen, ['room-1', 'room-2'])
  })

  it('passes data that a device sends on its own, one message for each time', async () => {
    await flows.load(flow({ events: ['send'] }))
    await engineOf(flows)
    const { peer } = await registerScripted(
      port,
      ['ep=dev', 'lt=60', 'lwm2m=1.1'],
      '</1/0>,</3303/0>',
    )
    const seen: { payload?: unknown; topic?: string; lwm2m?: unknown }[] = []
    flows.node('out').on('input', (message) => seen.push(message))
    const second = flows.next('out', (message) => message.payload === 22)
    const answer = await peer.request({
      code: POST,
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 110],
      ],
      payload: '[{"bn":"/3303/0/5700","bt":1700000000,"v":21},{"t":5,"v":22}]',
    })
    assert.equal(answer.code, 0x44)
    await second
    assert.deepEqual(
      seen.map(({ payload, topic, lwm2m }) => [payload, topic, (lwm2m as { time: number }).time]),
      [
        [21, 'dev/3303/0/5700', 1700000000000],
        [22, 'dev/3303/0/5700', 1700000005000],
      ],
    )
    await peer.close()
  })

  it('passes warnings, with the bytes that could not be read', async () => {
    await flows.load(flow({ events: ['warning'] }))
    await engineOf(flows)
    const { peer } = await registerScripted(port, ['ep=dev', 'lt=60', 'lwm2m=1.1'])
    const next = flows.next('out')
    const answer = await peer.request({
      code: POST,
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 112],
      ],
      payload: Buffer.from([0x00, 0x10]),
    })
    assert.equal(answer.code, 0x80)
    const { payload, topic } = await next
    const { code, raw } = payload as { code: string; raw: Buffer }
    assert.equal(topic, 'dev/warning')
    assert.equal(typeof code, 'string')
    assert.deepEqual(raw, Buffer.from([0x00, 0x10]))
    await peer.close()
  })

  it('tells those who listen to a device that it comes with a wrong key, and from where', async () => {
    const coapsPort = await freeUdpPort()
    const devices = [{ id: 'a', endpoint: 'dev', mode: 'psk', identity: 'id', keyFormat: 'hex' }]
    const [, ...others] = flow({ events: ['warning'], endpoint: 'd*' })
    const secured = { coaps: true, coapsPort: String(coapsPort), devices }
    await flows.load([serverNode(port, secured), ...others], {
      server: { keys: '{"a":"00112233445566778899aabbccddeeff"}' },
    })
    await engineOf(flows)
    const next = flows.next('out')
    const options = { identity: Buffer.from('id'), psk: Buffer.alloc(16) }
    const device = await PatientClient.open(coapsPort, options)
    device.handshake().catch(() => {})
    const { payload, topic } = await next
    device.close()
    assert.equal(topic, 'dev/warning')
    const { port: from, message, ...rest } = payload as { port: number; message: string }
    assert.deepEqual(rest, {
      code: 'wrong-key',
      address: '127.0.0.1',
      identity: 'PSK identity "id"',
    })
    assert.ok(message.startsWith(`DTLS handshake with 127.0.0.1 port ${from} (PSK identity "id")`))
  })

  it('counts the devices in its status', async () => {
    await flows.load(flow())
    await engineOf(flows)
    const shown = flows.status('node', (text) => text === '1 device')
    const { peer } = await registerScripted(port, ['ep=dev', 'lt=60', 'lwm2m=1.1'])
    assert.equal(await shown, '1 device')
    await peer.close()
  })

  it('refuses an event that there is not', async () => {
    await flows.load(flow({ events: ['exploded'] }))
    assert.equal(flows.lastStatus('node'), 'invalid setting')
  })
})
