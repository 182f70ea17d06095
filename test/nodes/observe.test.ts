import assert from 'node:assert/strict'
import { registeredAt } from './support/devices'
import { deviceNode, type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'

const OBJECTS = JSON.stringify({ 3: { 0: { 9: 95 } }, 3303: { 0: { 5700: 20, 5701: 'Cel' } } })

interface Caught {
  readonly error: { readonly code?: string }
  readonly endpoint?: string
}

describe('lwm2m-observe', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  function flow(more: { [property: string]: unknown }, devices = ['dev']): FlowNode[] {
    return [
      serverNode(port),
      ...devices.map((name) => deviceNode(name, port, { objects: OBJECTS })),
      { id: 'node', type: 'lwm2m-observe', z: 'tab', server: 'server', wires: [['out']], ...more },
      helperNode('out'),
      { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
      helperNode('caught'),
    ]
  }

  const set = (endpoint: string, payload: unknown, path = '/3303/0/5700'): void =>
    flows.node(`device-${endpoint}`).receive({ path, payload })

  const value =
    (wanted: unknown) =>
    (message: { payload?: unknown }): boolean =>
      message.payload === wanted

  it('passes on the first value and every change of one device', async () => {
    await flows.load(flow({ endpoint: 'dev', path: '/3303/0/5700' }))
    const first = await flows.next('out')
    assert.equal(first.payload, 20)
    assert.equal(first.topic, 'dev/3303/0/5700')
    assert.equal(first['endpoint'], 'dev')
    const next = flows.next('out')
    set('dev', 21.5)
    assert.equal((await next).payload, 21.5)
  })

  it('shows value and age of one device, the number of several', async () => {
    await flows.load(flow({ endpoint: 'dev', path: '/3303/0/5700' }))
    assert.equal(await flows.status('node', (text) => text.startsWith('20')), '20 · now')
    await flows.deploy(flow({ endpoint: '*', path: '/3303/0/5700' }, ['dev', 'other']), 'full')
    assert.equal(await flows.status('node', (text) => text === '2 devices'), '2 devices')
  })

  it('observes all that match a pattern, and none else', async () => {
    const seen: unknown[] = []
    await flows.load(
      flow({ endpoint: 'room-?', path: '/3303/0/5700' }, ['room-1', 'room-2', 'hall']),
    )
    flows.node('out').on('input', (message) => seen.push(message['endpoint']))
    for (const name of ['room-1', 'room-2', 'hall']) await registeredAt(flows, name)
    const changed = flows.next('out', value(30))
    set('hall', 29)
    set('room-2', 30)
    assert.equal((await changed)['endpoint'], 'room-2')
    assert.deepEqual([...new Set(seen)].sort(), ['room-1', 'room-2'])
  })

  it('observes again after the device registered again', async () => {
    await flows.load(flow({ endpoint: 'dev', path: '/3303/0/5700' }))
    await flows.next('out')
    const again = flows.next('out', value(20))
    flows.node('device-dev').receive({ action: 'stop' })
    flows.node('device-dev').receive({ action: 'start' })
    await again
    const next = flows.next('out', value(25))
    set('dev', 25)
    await next
  })

  it('observes several paths together, by path', async () => {
    await flows.load(flow({ endpoint: 'dev', path: '/3303/0/5700, /3/0/9' }))
    const message = await flows.next('out')
    assert.deepEqual(message.payload, { '/3303/0/5700': 20, '/3/0/9': 95 })
    assert.deepEqual(message['path'], ['/3303/0/5700', '/3/0/9'])
  })

  it('applies its own criteria', async () => {
    const seen: unknown[] = []
    await flows.load(flow({ endpoint: 'dev', path: '/3303/0/5700', st: '5' }))
    flows.node('out').on('input', (message) => seen.push(message.payload))
    await flows.next('out')
    const far = flows.next('out', value(26))
    set('dev', 22)
    set('dev', 26)
    await far
    assert.deepEqual(seen, [20, 26])
  })

  it('tells catch nodes of a refusal', async () => {
    await flows.load(flow({ endpoint: 'dev', path: '/3303/9' }))
    const message = (await flows.next('caught')) as unknown as Caught
    assert.equal(message.error.code, '4.04')
    assert.equal(message.endpoint, 'dev')
  })

  for (const [what, more] of [
    ['no path', { endpoint: 'dev', path: '' }],
    ['what is not a path', { endpoint: 'dev', path: '/3/nine' }],
    ['no endpoint', { endpoint: '', path: '/3/0/9' }],
    ['a criterion that is not a number', { endpoint: 'dev', path: '/3/0/9', pmin: 'often' }],
  ] as const) {
    it(`shows that ${what} was set`, async () => {
      await flows.load(flow(more))
      const status = flows.lastStatus('node')
      assert.match(status, /^invalid (message|path|setting)$/)
    })
  }

  describe('by messages', () => {
    const dynamic = (more = {}): FlowNode[] => flow({ mode: 'dynamic', ...more })

    it('subscribes, lists and unsubscribes', async () => {
      await flows.load(dynamic())
      await registeredAt(flows, 'dev')
      const first = await flows.ask(
        'node',
        { action: 'subscribe', endpoint: 'dev', path: '/3303/0/5700', criteria: { st: 5 } },
        'out',
      )
      assert.equal(first.payload, 20)
      const list = await flows.ask('node', { action: 'list' }, 'out')
      assert.deepEqual(list.payload, [
        { criteria: { st: 5 }, attributes: {}, target: 'dev', paths: ['/3303/0/5700'] },
      ])
      flows.node('node').receive({ action: 'unsubscribe', endpoint: 'dev' })
      assert.deepEqual((await flows.ask('node', { action: 'list' }, 'out')).payload, [])
    })

    it('takes true and false for attributes that are 1 or 0', async () => {
      await flows.load(dynamic())
      const subscribe = { action: 'subscribe', endpoint: 'later', path: '/3/0/9' }
      flows.node('node').receive({ ...subscribe, criteria: { con: true, edge: false } } as never)
      const list = await flows.ask('node', { action: 'list' }, 'out')
      const [subscription] = list.payload as { attributes: object }[]
      assert.deepEqual(subscription?.attributes, { con: 1, edge: 0 })
    })

    it('does not take a name with a blank more for that of the device', async () => {
      await flows.load(dynamic())
      await registeredAt(flows, 'dev')
      flows.node('node').receive({ action: 'subscribe', endpoint: ' dev', path: '/3/0/9' } as never)
      const [subscription] = (await flows.ask('node', { action: 'list' }, 'out'))
        .payload as object[]
      assert.deepEqual(subscription, { target: ' dev', paths: ['/3/0/9'] })
    })

    it('keeps what was subscribed over a deploy', async () => {
      await flows.load(dynamic())
      await registeredAt(flows, 'dev')
      await flows.ask('node', { action: 'subscribe', endpoint: 'dev', path: '/3303/0/5700' }, 'out')
      await flows.deploy(dynamic({ name: 'renamed' }), 'full')
      assert.equal((await flows.next('out')).payload, 20)
    })

    for (const [what, message] of [
      ['an unknown action', { action: 'stop' }],
      ['a subscription without a path', { action: 'subscribe', endpoint: 'dev' }],
      ['a subscription without an endpoint', { action: 'subscribe', path: '/3/0/9' }],
      [
        'criteria that are none',
        { action: 'subscribe', endpoint: 'dev', path: '/3/0/9', criteria: { often: 1 } },
      ],
    ] as const) {
      it(`refuses ${what}`, async () => {
        await flows.load(dynamic())
        const caught = (await flows.ask('node', message, 'caught')) as unknown as Caught
        assert.equal(caught.error.code, 'invalid-argument')
      })
    }
  })
})
