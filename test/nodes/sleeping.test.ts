import assert from 'node:assert/strict'
import { Opt } from '../support/raw-coap'
import { engineOf } from './support/devices'
import { type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'
import { registerScripted, updateScripted } from './support/scripted-registration'

const CONTENT = 0x45
/** Seconds awake after each message. */
const WINDOW = '0.1'

interface Caught {
  readonly error: { readonly code?: string }
}

describe('requests to sleeping devices', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  function flow(
    more: { [property: string]: unknown } = {},
    server: { [property: string]: unknown } = {},
  ): FlowNode[] {
    return [
      serverNode(port, { awakeWindow: WINDOW, storage: 'disk', ...server }),
      {
        id: 'node',
        type: 'lwm2m-read',
        z: 'tab',
        server: 'server',
        endpoint: 'dev',
        path: '/3/0/9',
        wires: [['out']],
        ...more,
      },
      helperNode('out'),
      { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
      helperNode('caught'),
    ]
  }

  /** Registers a device and waits until it sleeps. */
  async function register() {
    const engine = await engineOf(flows)
    const asleep = new Promise((resolve) => engine.once('asleep', resolve))
    const device = await registerScripted(port, ['ep=dev', 'lt=600', 'lwm2m=1.1', 'Q'])
    await asleep
    return device
  }

  /** Wakes up, and answers the request that then comes. */
  async function wakeAndAnswer(
    { peer, location }: Awaited<ReturnType<typeof register>>,
    value: string,
  ): Promise<void> {
    assert.equal(await updateScripted(peer, location), 0x44)
    const request = await peer.message()
    await peer.send({
      type: 2,
      code: CONTENT,
      mid: request.mid,
      token: request.token,
      options: [[Opt.CONTENT_FORMAT, 0]],
      payload: value,
    })
  }

  it('wait for its next sign of life', async () => {
    await flows.load(flow())
    const device = await register()
    const waiting = flows.status('node', (text) => text === 'asleep, 1 queued')
    const answer = flows.ask('node', { reqID: 1 }, 'out')
    await waiting
    await wakeAndAnswer(device, '80')
    const message = await answer
    assert.equal(message.payload, 80)
    assert.equal(message['reqID'], 1)
    await device.peer.close()
  })

  it('are announced at once where the dialog says so', async () => {
    await flows.load(flow({ asleep: 'announce' }))
    const device = await register()
    const announced = await flows.ask('node', { payload: 'go' }, 'out')
    assert.deepEqual(announced['lwm2m'], { endpoint: 'dev', path: '/3/0/9', state: 'queued' })
    assert.equal(announced.topic, 'dev/3/0/9')
    const answer = flows.next('out')
    await wakeAndAnswer(device, '81')
    assert.equal((await answer).payload, 81)
    await device.peer.close()
  })

  it('fail at once where the dialog says so', async () => {
    await flows.load(flow({ asleep: 'fail' }))
    const device = await register()
    const caught = (await flows.ask('node', {}, 'caught')) as unknown as Caught
    assert.equal(caught.error.code, 'asleep')
    await device.peer.close()
  })

  it('beyond what its queue takes are refused at once, each once', async () => {
    await flows.load(flow({ ttl: '0.2' }, { queueMax: '10', storage: 'memory' }))
    const device = await register()
    const codes: (string | undefined)[] = []
    const all = flows.next('caught', (message) => {
      codes.push((message as unknown as Caught).error.code)
      return codes.length === 1000
    })
    for (let i = 0; i < 1000; i++) flows.node('node').receive({ payload: i })
    await all
    // The first ten waited until their time was over.
    const expected = Array.from({ length: 1000 }, (_, i) => (i < 990 ? 'queue-full' : 'expired'))
    assert.deepEqual(codes, expected)
    await device.peer.close()
  })

  it('wait, many through one node, without a warning of Node.js about listeners', async () => {
    await flows.load(flow({ ttl: '0.2' }, { storage: 'memory' }))
    const device = await register()
    const waiting = flows.status('node', (text) => text === 'asleep, 50 queued')
    const codes: (string | undefined)[] = []
    const all = flows.next('caught', (message) => {
      codes.push((message as unknown as Caught).error.code)
      return codes.length === 50
    })
    for (let i = 0; i < 50; i++) flows.node('node').receive({ payload: i })
    await waiting
    await all
    assert.deepEqual([...new Set(codes)], ['expired'])
    // Warnings of the process fail the test in the hook that follows (test/support/uncaught.ts).
    await device.peer.close()
  })

  it('expire after their time', async () => {
    await flows.load(flow({ ttl: '0.05' }))
    const device = await register()
    const caught = (await flows.ask('node', {}, 'caught')) as unknown as Caught
    assert.equal(caught.error.code, 'expired')
    await device.peer.close()
  })

  it('are answered to the new node when theirs was deployed anew meanwhile', async () => {
    await flows.load(flow())
    const device = await register()
    const waiting = flows.status('node', (text) => text === 'asleep, 1 queued')
    flows.node('node').receive({ reqID: 7 })
    await waiting
    await flows.deploy(flow({ name: 'renamed' }), 'nodes')
    const answer = flows.next('out')
    await wakeAndAnswer(device, '82')
    const message = await answer
    assert.equal(message.payload, 82)
    assert.equal(message['reqID'], 7)
    await device.peer.close()
  })

  it('survive a restart of Node-RED, with their message', async () => {
    await flows.load(flow())
    const device = await register()
    const waiting = flows.status('node', (text) => text === 'asleep, 1 queued')
    flows.node('node').receive({ reqID: 8, res: { send: () => {} }, deep: { a: [1] } })
    await waiting
    await flows.unload()
    await flows.load(flow())
    await engineOf(flows)
    const answer = flows.next('out')
    await wakeAndAnswer(device, '83')
    const message = await answer
    assert.equal(message.payload, 83)
    assert.equal(message['reqID'], 8)
    assert.deepEqual(message['deep'], { a: [1] })
    assert.equal('res' in message, false)
    await device.peer.close()
  })

  it('are cancelled when their node is removed', async () => {
    await flows.load(flow())
    const engine = await engineOf(flows)
    const device = await register()
    const waiting = flows.status('node', (text) => text === 'asleep, 1 queued')
    flows.node('node').receive({})
    await waiting
    assert.equal(engine.queued('dev').length, 1)
    await flows.deploy([serverNode(port, { awakeWindow: WINDOW, storage: 'disk' })], 'nodes')
    assert.equal(engine.queued('dev').length, 0)
    await device.peer.close()
  })

  describe('by lwm2m-request', () => {
    const managed = (): FlowNode[] => [
      ...flow(),
      { id: 'request', type: 'lwm2m-request', z: 'tab', server: 'server', wires: [['said']] },
      helperNode('said'),
    ]
    const ask = (message: { [property: string]: unknown }) => flows.ask('request', message, 'said')

    it('are listed, and cancelled', async () => {
      await flows.load(managed())
      const device = await register()
      const waiting = flows.status('node', (text) => text === 'asleep, 1 queued')
      const failed = flows.next('caught')
      flows.node('node').receive({})
      await waiting
      const [one, ...more] = (await ask({ operation: 'queue' })).payload as {
        [name: string]: string
      }[]
      assert.equal(more.length, 0)
      const { endpoint, operation, path } = one ?? {}
      assert.deepEqual([endpoint, operation, path], ['dev', 'read', '/3/0/9'])
      const cancelled = await ask({ operation: 'cancel-queued', endpoint: 'dev', id: one?.['id'] })
      assert.equal(cancelled.payload, 1)
      assert.equal(((await failed) as unknown as Caught).error.code, 'cancelled')
      assert.deepEqual((await ask({ operation: 'queue', endpoint: 'dev' })).payload, [])
      await device.peer.close()
    })

    it('wait no more once the awake window of the device is long enough', async () => {
      await flows.load(managed())
      const device = await register()
      await ask({ operation: 'awake-window', endpoint: 'd*', payload: 60 })
      assert.equal(await updateScripted(device.peer, device.location), 0x44)
      // Another one, with the server's short window, comes later and sleeps earlier.
      const engine = await engineOf(flows)
      const asleep = new Promise<string>((resolve) => {
        engine.once('asleep', ({ endpoint }) => resolve(endpoint))
      })
      const other = await registerScripted(port, ['ep=other', 'lt=600', 'lwm2m=1.1', 'Q'])
      assert.equal(await asleep, 'other')
      assert.equal(engine.registrations.get('dev')?.state, 'online')
      await other.peer.close()
      await device.peer.close()
    })
  })
})
