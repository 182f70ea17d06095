import assert from 'node:assert/strict'
import helper from 'node-red-node-test-helper'
import { engineOf, registeredAt } from './support/devices'
import { deviceNode, type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'
import { ScriptedPeer } from '../support/scripted-device'
import { optionsOf } from '../server/support/registered-device'

const KEY = '000102030405060708090a0b0c0d0e0f'

interface Caught {
  readonly error: { readonly code?: string; readonly message: string }
}

const caught: FlowNode[] = [
  { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
  helperNode('caught'),
]

describe('nodes that manage the server', () => {
  let flows: Flows
  let port: number
  let coapsPort: number
  let bootstrapPort: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
    coapsPort = await freeUdpPort()
    bootstrapPort = await freeUdpPort()
  })

  afterEach(() => flows.close())

  const server = (more: { [property: string]: unknown } = {}): FlowNode =>
    serverNode(port, { coaps: true, coapsPort: String(coapsPort), storage: 'disk', ...more })

  describe('lwm2m-credentials', () => {
    const flow = (more: { [property: string]: unknown } = {}): FlowNode[] => [
      server(more),
      { id: 'node', type: 'lwm2m-credentials', z: 'tab', server: 'server', wires: [['out']] },
      helperNode('out'),
      ...caught,
    ]
    const ask = (message: { [property: string]: unknown }, at = 'out') =>
      flows.ask('node', message, at)

    it('emits unknown devices by the second output, and has a flow decide about them', async () => {
      await flows.load([
        server({ authorization: 'flow', takeOver: 'accept', renewOnReports: true }),
        {
          id: 'node',
          type: 'lwm2m-credentials',
          z: 'tab',
          server: 'server',
          wires: [['out'], ['requests']],
        },
        helperNode('requests'),
        helperNode('out'),
        ...caught,
      ])
      const engine = await engineOf(flows)
      flows.node('requests').on('input', (message) => {
        const { endpoint } = message as { endpoint?: string }
        const payload = endpoint === 'good' ? 'accept' : 'refuse'
        flows.node('node').receive({ ...message, action: 'decide', payload } as never)
      })
      const refused = new Promise<string>((resolve) =>
        engine.on('warning', ({ code }) => {
          if (code === 'refused') resolve(code)
        }),
      )
      const peer = (await ScriptedPeer.open()).connect(port)
      try {
        const register = (ep: string) =>
          peer.request({
            code: 2,
            options: optionsOf({ path: 'rd', format: 40, query: [`ep=${ep}`, 'lwm2m=1.1'] }),
            payload: '</3/0>',
          })
        assert.equal((await register('bad')).code, 0x83)
        await refused
        assert.equal((await register('good')).code, 0x41)
        assert.ok(engine.registrations.get('good'))
      } finally {
        await peer.close()
      }
      const late = await ask({ action: 'decide', id: 'gone', payload: 'accept' }, 'caught')
      assert.equal((late as unknown as Caught).error.code, 'not-pending')
    })

    it('adds, lists, replaces and removes; keys never come out', async () => {
      await flows.load(flow())
      const added = await ask({ action: 'add', endpoint: 'dev', payload: { key: KEY } })
      assert.equal((added.payload as { endpoint: string }).endpoint, 'dev')
      const payload = { endpoint: 'dev', key: 'ff', identity: 'other' }
      const replaced = await ask({ action: 'replace', payload })
      assert.equal((replaced.payload as { identity: string }).identity, 'other')
      const list = await ask({ action: 'list' })
      assert.equal((list.payload as object[]).length, 1)
      for (const { payload: said } of [added, list]) {
        assert.doesNotMatch(JSON.stringify(said), new RegExp(KEY))
      }
      assert.equal((await ask({ action: 'remove', endpoint: 'dev' })).payload, 1)
      assert.deepEqual((await ask({ action: 'list' })).payload, [])
    })

    it('keeps them over a restart', async () => {
      await flows.load(flow())
      await ask({ action: 'add', endpoint: 'dev', payload: { key: KEY } })
      await flows.unload()
      await flows.load(flow())
      const [one] = (await ask({ action: 'list' })).payload as { endpoint: string }[]
      assert.equal(one?.endpoint, 'dev')
    })

    it('names the entry and the property that is wrong, not the key', async () => {
      await flows.load(flow())
      const message = { action: 'add', endpoint: 'dev', payload: { key: 'secret-but-no-hex' } }
      const { error } = (await ask(message, 'caught')) as unknown as Caught
      assert.equal(error.code, 'invalid-credential')
      assert.match(error.message, /endpoint "dev".*key/)
      assert.doesNotMatch(error.message, /secret/)
    })

    it('does not change what the dialog says', async () => {
      const devices = [{ id: 'k', endpoint: 'dev', mode: 'psk', keyFormat: 'hex' }]
      await flows.load(flow({ devices }), { server: { keys: `{"k":"${KEY}"}` } })
      const { error } = (await ask(
        { action: 'remove', endpoint: 'dev' },
        'caught',
      )) as unknown as Caught
      assert.equal(error.code, 'fixed-credential')
    })

    it('refuses an unknown action', async () => {
      await flows.load(flow())
      const { error } = (await ask({ action: 'show' }, 'caught')) as unknown as Caught
      assert.equal(error.code, 'invalid-argument')
    })
  })

  it('reports an entry of the dialog that is wrong, and serves the others', async () => {
    const devices = [
      { id: 'a', endpoint: 'good', mode: 'psk', keyFormat: 'hex' },
      { id: 'b', endpoint: 'bad', mode: 'psk', keyFormat: 'hex' },
    ]
    await flows.load(
      [
        server({ devices }),
        { id: 'e', type: 'lwm2m-events', z: 'tab', server: 'server', wires: [[]] },
        ...caught,
      ],
      { server: { keys: `{"a":"${KEY}","b":"nonsense"}` } },
    )
    const { error } = (await flows.next('caught')) as unknown as Caught
    assert.match(error.message, /endpoint "bad"/)
    assert.doesNotMatch(error.message, /nonsense/)
    assert.deepEqual(
      (await engineOf(flows)).credentials?.list().map(({ endpoint }) => endpoint),
      ['good'],
    )
  })

  describe('lwm2m-bootstrap', () => {
    const configuration = (endpoint: string) => ({
      endpoint,
      servers: [
        {
          uri: `coaps://127.0.0.1:${coapsPort}`,
          shortServerId: 7,
          security: 'psk',
          createCredential: true,
        },
      ],
    })
    const flow = (more: { [property: string]: unknown } = {}): FlowNode[] => [
      server({
        bootstrap: true,
        bootstrapPort: String(bootstrapPort),
        decisions: 'unknown',
        ...more,
      }),
      {
        id: 'node',
        type: 'lwm2m-bootstrap',
        z: 'tab',
        server: 'server',
        wires: [['events'], ['answers']],
      },
      helperNode('events'),
      helperNode('answers'),
      ...caught,
    ]
    const factory = (endpoint: string): FlowNode =>
      deviceNode(endpoint, port, {
        uri: '',
        bootstrapUri: `coap://127.0.0.1:${bootstrapPort}`,
      })
    const event = (name: string) => (message: { [property: string]: unknown }) =>
      message['event'] === name

    it('sets a configuration by which a device is provisioned and registers securely', async () => {
      await flows.load([...flow(), { ...factory('f-1'), autoStart: false }])
      await engineOf(flows)
      const set = { action: 'set', payload: configuration('f-*') }
      const answer = await flows.ask('node', set, 'answers')
      assert.equal((answer.payload as { endpoint: string }).endpoint, 'f-*')
      const progress: string[] = []
      flows.node('events').on('input', (message) => {
        if (message['event'] !== 'progress') return
        const { operation, path, code } = message.payload as { [name: string]: string }
        progress.push(`${operation} ${path} ${code}`)
      })
      const result = flows.next('events', event('result'))
      flows.node('device-f-1').receive({ action: 'start' })
      const { payload } = await result
      assert.equal((payload as { outcome: string }).outcome, 'finished')
      assert.doesNotMatch(JSON.stringify(payload), /"key"/)
      assert.deepEqual([progress[0], progress.at(-1)], ['discover / 2.05', 'finish / 2.04'])
      await registeredAt(flows, 'f-1')
      assert.equal((await engineOf(flows)).registrations.get('f-1')?.peer.secure, true)
    })

    it('decides a pending request: with a configuration, or against it', async () => {
      await flows.load([...flow(), factory('wanted'), factory('unwanted')])
      flows.node('events').on('input', (message) => {
        if (message['event'] !== 'request') return
        const known = message['endpoint'] === 'wanted'
        const payload = known ? configuration('wanted') : 'refuse'
        flows.node('node').receive({ action: 'decide', id: message['id'], payload })
      })
      const refused = flows.next('events', event('refused'))
      const result = flows.next('events', event('result'))
      assert.equal((await refused)['endpoint'], 'unwanted')
      assert.equal(((await result).payload as { outcome: string }).outcome, 'finished')
      await registeredAt(flows, 'wanted')
    })

    it('does not hand back the keys of a decision', async () => {
      await flows.load([...flow(), factory('wanted')])
      const { id } = await flows.next('events', event('request'))
      const servers = [
        {
          uri: `coaps://127.0.0.1:${coapsPort}`,
          shortServerId: '7',
          security: 'psk',
          key: 'c0ffee00c0ffee00',
        },
      ]
      const decide = { action: 'decide', id, payload: { servers } }
      const { endpoint, payload } = await flows.ask('node', decide as never, 'answers')
      assert.equal(endpoint, 'wanted')
      assert.doesNotMatch(JSON.stringify(payload), /c0ffee/)
      assert.deepEqual((payload as { servers: object[] }).servers, [
        {
          uri: `coaps://127.0.0.1:${coapsPort}`,
          shortServerId: 7,
          security: 'psk',
          identity: '{endpoint}',
          hasKey: true,
          createCredential: false,
        },
      ])
    })

    it('lists and removes configurations', async () => {
      await flows.load(flow())
      await flows.ask('node', { action: 'set', payload: configuration('a') }, 'answers')
      const list = await flows.ask('node', { action: 'list' }, 'answers')
      assert.deepEqual(
        (list.payload as { endpoint: string }[]).map(({ endpoint }) => endpoint),
        ['a'],
      )
      const removed = await flows.ask('node', { action: 'remove', endpoint: 'a' }, 'answers')
      assert.equal(removed.payload, true)
    })

    it('takes configurations of the dialog', async () => {
      const bootstraps = [
        {
          id: 'b',
          endpoint: 'f-?',
          uri: `coap://127.0.0.1:${port}`,
          shortServerId: '1',
          security: 'nosec',
          lifetime: '120',
          binding: 'U',
          resources: '{"/3/0/15":"Europe/Rome"}',
        },
      ]
      await flows.load([...flow({ bootstraps }), factory('f-2')])
      await registeredAt(flows, 'f-2')
      const registration = (await engineOf(flows)).registrations.get('f-2')
      assert.equal(registration?.lifetime, 120)
    })

    it('sends a registered device to bootstrap again', async () => {
      await flows.load([...flow(), { ...factory('f-3'), autoStart: false }])
      await engineOf(flows)
      await flows.ask('node', { action: 'set', payload: configuration('f-3') }, 'answers')
      flows.node('device-f-3').receive({ action: 'start' })
      await registeredAt(flows, 'f-3')
      const again = flows.next('events', event('result'))
      const answer = await flows.ask('node', { action: 'trigger', endpoint: 'f-3' }, 'answers')
      assert.match(String(answer['path']), /^\/1\/\d+\/9$/)
      assert.equal(((await again).payload as { outcome: string }).outcome, 'finished')
    })

    for (const [what, message, code] of [
      ['an unknown action', { action: 'boot' }, 'invalid-argument'],
      [
        'a decision nobody waits for',
        { action: 'decide', id: 'x', payload: 'refuse' },
        'not-pending',
      ],
      ['a decision without an id', { action: 'decide', payload: 'refuse' }, 'invalid-argument'],
      [
        'to trigger who is not registered',
        { action: 'trigger', endpoint: 'x' },
        'unknown-endpoint',
      ],
      [
        'a wrong configuration',
        { action: 'set', payload: { endpoint: 'x' } },
        'invalid-configuration',
      ],
    ] as const) {
      it(`refuses ${what}: ${code}`, async () => {
        await flows.load(flow())
        const { error } = (await flows.ask('node', message, 'caught')) as unknown as Caught
        assert.equal(error.code, code)
      })
    }

    it('says that the bootstrap server is off', async () => {
      await flows.load(flow({ bootstrap: false }))
      const { error } = (await flows.ask('node', { action: 'list' }, 'caught')) as unknown as Caught
      assert.equal(error.code, 'no-bootstrap')
    })
  })

  it('generates a server key on request', async () => {
    await flows.load([server()])
    const { status, body } = await helper.request().post('/lwm2m/generate-key').send({ name: 'me' })
    assert.equal(status, 200)
    const { privateKey, publicKey, certificate } = body as { [name: string]: string }
    assert.match(privateKey ?? '', /^-----BEGIN PRIVATE KEY-----/)
    assert.match(publicKey ?? '', /^-----BEGIN PUBLIC KEY-----/)
    assert.match(certificate ?? '', /^-----BEGIN CERTIFICATE-----/)
    await flows.deploy([server({ certificate })], 'full')
  })
})
