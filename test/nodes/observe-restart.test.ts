import assert from 'node:assert/strict'
import { Opt, type ReadMessage } from '../support/raw-coap'
import { freeUdpPort } from '../support/ports'
import type { ScriptedPeer } from '../support/scripted-device'
import { engineOf } from './support/devices'
import { type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { registerScripted } from './support/scripted-registration'

const CONTENT = 0x45
const ACK = 2

/** The value of Observe in a request; undefined without that option. */
function observeOf({ options }: ReadMessage): number | undefined {
  const value = options.find(([number]) => number === Opt.OBSERVE)?.[1]
  return value && (value.length === 0 ? 0 : value.readUIntBE(0, value.length))
}

describe('lwm2m-observe when nodes are made anew', () => {
  let flows: Flows
  let port: number
  let peer: ScriptedPeer

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(async () => {
    await flows.close()
    await peer.close()
  })

  function flow(more: { [property: string]: unknown } = {}, server = {}): FlowNode[] {
    return [
      serverNode(port, { storage: 'disk', ...server }),
      {
        id: 'node',
        type: 'lwm2m-observe',
        z: 'tab',
        server: 'server',
        endpoint: 'dev',
        path: '/3/0/9',
        wires: [['out']],
        ...more,
      },
      helperNode('out'),
    ]
  }

  /** Answers the observation that the node makes; answers its token. */
  async function observed(value: string): Promise<string> {
    const request = await peer.message()
    assert.equal(observeOf(request), 0)
    await peer.send({
      type: ACK,
      code: CONTENT,
      mid: request.mid,
      token: request.token,
      options: [
        [Opt.OBSERVE, 1],
        [Opt.CONTENT_FORMAT, 0],
      ],
      payload: value,
    })
    return request.token
  }

  /** Registers a device that is then observed; answers the token. */
  async function start(query: readonly string[] = [], server = {}): Promise<string> {
    await flows.load(flow({}, server))
    await engineOf(flows)
    const first = flows.next('out')
    ;({ peer } = await registerScripted(port, ['ep=dev', 'lt=600', 'lwm2m=1.1', ...query]))
    const token = await observed('1')
    assert.equal((await first).payload, 1)
    return token
  }

  /** A confirmable notification, and what the server says to it. */
  async function notify(token: string, observe: number, value: string): Promise<ReadMessage> {
    await peer.send({
      type: 0,
      code: CONTENT,
      mid: peer.nextMid(),
      token,
      options: [
        [Opt.OBSERVE, observe],
        [Opt.CONTENT_FORMAT, 0],
      ],
      payload: value,
    })
    return peer.message()
  }

  async function goesOn(token: string): Promise<void> {
    await peer.barrier()
    assert.deepEqual(peer.pending, [], 'the device was asked nothing')
    const next = flows.next('out', ({ payload }) => payload === 2)
    assert.equal((await notify(token, 2, '2')).type, ACK)
    await next
  }

  for (const [what, query, server] of [
    ['a device that listens', [], {}],
    ['a device that sleeps', ['Q'], { awakeWindow: '0' }],
  ] as const) {
    it(`goes on after a deploy of the node: ${what}`, async () => {
      const token = await start(query, server)
      await flows.deploy(flow({ name: 'renamed' }, server), 'nodes')
      await goesOn(token)
    })

    it(`goes on after a deploy of everything: ${what}`, async () => {
      const token = await start(query, server)
      await flows.deploy(flow({ name: 'renamed' }, server), 'full')
      await engineOf(flows)
      await goesOn(token)
    })

    it(`goes on after a restart of Node-RED: ${what}`, async () => {
      const token = await start(query, server)
      await flows.unload()
      await flows.load(flow({}, server))
      await engineOf(flows)
      await goesOn(token)
    })
  }

  it('answers at once who asks for what another node has observed since before a restart', async () => {
    const nodes = [
      ...flow(),
      { id: 'ask', type: 'lwm2m-request', z: 'tab', server: 'server', wires: [['said'], []] },
      helperNode('said'),
    ]
    await start()
    await flows.unload()
    await flows.load(nodes)
    await engineOf(flows)
    const said = flows.ask('ask', { operation: 'observe', endpoint: 'dev', path: '/3/0/9' }, 'said')
    const request = await peer.message()
    assert.equal(observeOf(request), undefined, 'it is read: the observation goes on as it is')
    await peer.send({
      type: ACK,
      code: CONTENT,
      mid: request.mid,
      token: request.token,
      options: [[Opt.CONTENT_FORMAT, 0]],
      payload: '7',
    })
    assert.equal((await said).payload, 7)
  })

  it('ends at once when the node is removed', async () => {
    const token = await start()
    await flows.deploy([serverNode(port, { storage: 'disk' })], 'nodes')
    const request = await peer.message()
    assert.deepEqual([observeOf(request), request.token], [1, token])
    await peer.send({ type: ACK, code: CONTENT, mid: request.mid, token: request.token })
  })
})
