import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { engineOf, registeredAt } from './support/devices'
import { registerScripted, updateScripted } from './support/scripted-registration'
import { deviceNode, type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'
import type { ServerNode } from '../../nodes/shared/server/server-node'

const read = (more: { [property: string]: unknown } = {}): FlowNode => ({
  id: 'read',
  type: 'lwm2m-read',
  z: 'tab',
  server: 'server',
  endpoint: 'dev',
  path: '/3/0/9',
  wires: [['out']],
  ...more,
})
const caught: FlowNode[] = [
  { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
  helperNode('caught'),
]

interface Caught {
  readonly error: { readonly code?: string; readonly source: { readonly id: string } }
}

function errorOf(message: unknown): Caught['error'] {
  return (message as Caught).error
}

/** Whether a UDP port can be bound now. */
async function isFree(port: number): Promise<boolean> {
  const socket = createSocket({ type: 'udp6' })
  const bound = new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind(port, () => resolve(true))
  })
  const free = await bound
  if (free) {
    socket.close()
    await once(socket, 'close')
  }
  return free
}

describe('lwm2m-server', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  it('waits with an action for the server that a deploy is just starting', async () => {
    await flows.load([serverNode(port), read(), helperNode('out'), ...caught])
    const host = (flows.node('server') as ServerNode).host
    assert.equal(host.state.kind, 'starting')
    const message = await flows.ask('read', {}, 'caught')
    assert.equal(errorOf(message).code, 'unknown-endpoint')
    assert.equal(host.state.kind, 'running')
  })

  it('frees its port when it is closed', async () => {
    await flows.load([serverNode(port)])
    await engineOf(flows)
    assert.equal(await isFree(port), false)
    await flows.deploy([], 'full')
    assert.equal(await isFree(port), true)
  })

  it('shows a port in use at its users, tells catch nodes, and recovers when it is free', async () => {
    const squatter = createSocket({ type: 'udp6' })
    squatter.bind(port)
    await once(squatter, 'listening')
    await flows.load([serverNode(port), read(), helperNode('out'), ...caught])
    const shown = flows.status('read', (text) => text === 'port in use')
    const told = errorOf(await flows.next('caught'))
    assert.equal(told.code, 'EADDRINUSE')
    assert.equal(told.source.id, 'server')
    assert.equal(await shown, 'port in use')
    const refused = errorOf(await flows.ask('read', {}, 'caught'))
    assert.equal(refused.code, 'EADDRINUSE')
    assert.equal(refused.source.id, 'read')

    const recovered = flows.status('read', (text) => text === 'not registered')
    squatter.close()
    assert.equal(await recovered, 'not registered')
    assert.equal((await engineOf(flows)).addresses.coap?.port, port)
  })

  it('says at each message that no server is chosen', async () => {
    await flows.load([read({ server: '' }), helperNode('out'), ...caught])
    assert.equal(errorOf(await flows.ask('read', {}, 'caught')).code, 'no-server')
  })

  it('shows a setting that cannot be, and lives', async () => {
    await flows.load([
      serverNode(port, { blockSize: '1000' }),
      read(),
      helperNode('out'),
      ...caught,
    ])
    const told = errorOf(await flows.next('caught'))
    assert.equal(told.code, 'invalid-setting')
    assert.equal(errorOf(await flows.ask('read', {}, 'caught')).code, 'invalid-setting')
  })

  describe('over deploys', () => {
    const flow = (more: FlowNode[] = []): FlowNode[] => [
      serverNode(port),
      deviceNode('dev', port),
      read(),
      helperNode('out'),
      ...more,
    ]

    it('goes on when only other nodes change', async () => {
      await flows.load(flow())
      await registeredAt(flows, 'dev')
      const before = await engineOf(flows)
      await flows.deploy(flow([helperNode('another')]), 'nodes')
      assert.equal(await engineOf(flows), before)
      await flows.deploy(
        [serverNode(port), deviceNode('dev', port), read({ path: '/3/0/0' }), helperNode('out')],
        'nodes',
      )
      assert.equal(await engineOf(flows), before)
      assert.equal((await flows.ask('read', {}, 'out')).payload, 'LwM2M Flows')
    })

    it('serves again after the flows were deployed', async () => {
      await flows.load(flow())
      await registeredAt(flows, 'dev')
      const before = await engineOf(flows)
      await flows.deploy(flow([helperNode('another')]), 'flows')
      assert.equal(await engineOf(flows), before)
      await registeredAt(flows, 'dev')
      assert.equal(typeof (await flows.ask('read', {}, 'out')).payload, 'number')
    })

    it('goes on over a full deploy that changes nothing of it', async () => {
      await flows.load(flow())
      await registeredAt(flows, 'dev')
      const before = await engineOf(flows)
      await flows.deploy([serverNode(port, { name: 'again' }), read(), helperNode('out')], 'full')
      assert.equal(await engineOf(flows), before)
    })

    it('starts anew on the same port when one of its settings changes', async () => {
      await flows.load(flow())
      await registeredAt(flows, 'dev')
      const before = await engineOf(flows)
      const changed = serverNode(port, { lifetimeMin: '60' })
      await flows.deploy([changed, read(), helperNode('out')], 'full')
      const after = await engineOf(flows)
      assert.equal(after === before, false)
      assert.equal(before.running, false)
      assert.equal(after.addresses.coap?.port, port)
    })

    it('keeps registrations in memory when it starts anew', async () => {
      await flows.load([serverNode(port)])
      await engineOf(flows)
      const { peer, location } = await registerScripted(port, ['ep=raw', 'lt=300', 'lwm2m=1.1'])
      await flows.deploy([serverNode(port, { lifetimeMin: '60' })], 'full')
      const { registrations } = await engineOf(flows)
      assert.equal(registrations.get('raw')?.id, location[1])
      assert.equal(await updateScripted(peer, location), 0x44)
      await peer.close()
    })
  })

  it('keeps registrations on disk over a restart of the runtime', async () => {
    await flows.load([serverNode(port, { storage: 'disk' })])
    await engineOf(flows)
    const { peer, location } = await registerScripted(port, ['ep=raw', 'lt=300', 'lwm2m=1.1'])
    await flows.unload()
    await flows.load([serverNode(port, { storage: 'disk' })])
    assert.equal((await engineOf(flows)).registrations.get('raw')?.id, location[1])
    assert.equal(await updateScripted(peer, location), 0x44)
    await peer.close()
  })
})
