import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { clientOf, deviceRegistered, engineOf, valuesOf } from './support/devices'
import { deviceNode, type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { freeUdpPort } from '../support/ports'

const OBJECTS = JSON.stringify({ 3: { 0: { 0: 'Maker', 9: 95 } }, 3303: { 0: { 5700: 20 } } })

interface Caught {
  readonly error: { readonly code?: string; readonly message: string }
}

describe('lwm2m-device', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  const flow = (more: { [property: string]: unknown } = {}): FlowNode[] => [
    serverNode(port),
    deviceNode('dev', port, { objects: OBJECTS, wires: [['out']], ...more }),
    helperNode('out'),
    {
      id: 'events',
      type: 'lwm2m-events',
      z: 'tab',
      server: 'server',
      events: ['registered', 'updated', 'deregistered', 'send'],
      wires: [['seen']],
    },
    helperNode('seen'),
    { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
    helperNode('caught'),
  ]

  const tell = (message: { [property: string]: unknown }): void =>
    flows.node('device-dev').receive(message)

  it('registers with the deploy and shows it', async () => {
    await flows.load(flow())
    assert.equal(await flows.status('device-dev', (text) => text === 'registered'), 'registered')
    await deviceRegistered(flows, 'dev')
  })

  it('waits for a message where it shall not start by itself', async () => {
    await flows.load(flow({ autoStart: false }))
    await engineOf(flows)
    assert.equal(flows.lastStatus('device-dev'), 'stopped')
    tell({ action: 'start' })
    await deviceRegistered(flows, 'dev')
    const gone = flows.next('seen', (message) => message['event'] === 'deregistered')
    tell({ action: 'stop' })
    assert.equal((await gone)['endpoint'], 'dev')
  })

  it('sets and gets values, one by path and several by object', async () => {
    await flows.load(flow())
    await deviceRegistered(flows, 'dev')
    tell({ path: '/3303/0/5700', payload: 22 })
    tell({ payload: { '/3/0/9': 50, '/3/0/0': 'Other' } })
    const message = await flows.ask('device-dev', { action: 'get', path: '/3/0' }, 'out')
    assert.deepEqual(message.payload, { 0: 'Other', 9: 50 })
    assert.equal(message.topic, 'dev/3/0')
    assert.deepEqual(valuesOf(flows, 'dev', '/3303'), { '/3303/0/5700': 22 })
  })

  it('sends values on its own', async () => {
    await flows.load(flow())
    await deviceRegistered(flows, 'dev')
    const sent = flows.next('seen', (message) => message['event'] === 'send')
    tell({ action: 'send', path: '/3303/0/5700', payload: 23.5 })
    const message = await sent
    assert.equal(message.payload, 23.5)
    assert.equal(message.topic, 'dev/3303/0/5700')
  })

  it('creates and deletes instances, and updates its registration', async () => {
    await flows.load(flow())
    await deviceRegistered(flows, 'dev')
    const added = flows.next('seen', (message) => message['event'] === 'updated')
    const known = new Promise((resolve) => clientOf(flows, 'dev').once('updated', resolve))
    tell({ action: 'create', path: '/3303/1', payload: { 5700: 5 } })
    const { change } = (await added).payload as { change: { added: string[] } }
    assert.deepEqual(change.added, ['/3303/1'])
    await known
    const removed = flows.next('seen', (message) => message['event'] === 'updated')
    tell({ action: 'delete', path: '/3303/1' })
    const { change: second } = (await removed).payload as { change: { removed: string[] } }
    assert.deepEqual(second.removed, ['/3303/1'])
  })

  it('reports its registrations by choice', async () => {
    await flows.load(flow({ reportState: true }))
    const message = await flows.next('out')
    assert.equal(message['event'], 'registered')
    assert.deepEqual(message.payload, {
      shortServerId: 1,
      server: `coap://127.0.0.1:${port}`,
      version: '1.1',
      lifetime: 300,
    })
  })

  it('says good-bye when it is removed, not when it is only deployed anew', async () => {
    await flows.load(flow())
    await deviceRegistered(flows, 'dev')
    const engine = await engineOf(flows)
    const byes: string[] = []
    engine.on('deregistered', ({ endpoint }) => byes.push(endpoint))
    const again = new Promise((resolve) => engine.once('registered', resolve))
    await flows.deploy(flow({ name: 'renamed' }), 'nodes')
    await again
    await deviceRegistered(flows, 'dev')
    assert.deepEqual(byes, [])
    const gone = new Promise((resolve) => engine.once('deregistered', resolve))
    await flows.deploy(
      flow().filter(({ id }) => id !== 'device-dev'),
      'nodes',
    )
    await gone
    assert.deepEqual(byes, ['dev'])
  })

  for (const [what, more] of [
    ['gets another name', { endpoint: 'other' }],
    ['goes to another server', { uri: 'coap://127.0.0.1:9' }],
    ['is disabled', { d: true }],
  ] as const) {
    it(`says good-bye when it ${what}`, async () => {
      await flows.load(flow())
      await deviceRegistered(flows, 'dev')
      const engine = await engineOf(flows)
      const gone = new Promise((resolve) => engine.once('deregistered', resolve))
      await flows.deploy(flow(more), 'nodes')
      assert.equal(((await gone) as { endpoint: string }).endpoint, 'dev')
    })
  }

  it('is heard when it says good-bye in a full deploy, which closes the server too', async () => {
    await flows.load([...flow(), deviceNode('other', port)])
    await deviceRegistered(flows, 'dev')
    await deviceRegistered(flows, 'other')
    const engine = await engineOf(flows)
    const gone = new Promise((resolve) => engine.once('deregistered', resolve))
    await flows.deploy(flow(), 'full')
    assert.deepEqual(((await gone) as { endpoint: string }).endpoint, 'other')
    await deviceRegistered(flows, 'dev')
    assert.equal((await engineOf(flows)).registrations.get('other'), undefined)
  })

  it('takes the accounts that it kept along when it is removed', async () => {
    await flows.load(flow({ keepAccounts: true }))
    await deviceRegistered(flows, 'dev')
    const file = join(flows.userDir, 'lwm2m', 'device-dev.accounts')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '{}')
    await flows.deploy(flow({ keepAccounts: true, name: 'renamed' }), 'nodes')
    assert.equal(existsSync(file), true)
    await deviceRegistered(flows, 'dev')
    await flows.deploy(flow({ keepAccounts: true, d: true }), 'nodes')
    assert.equal(existsSync(file), true)
    await flows.deploy(flow({ keepAccounts: true }), 'nodes')
    await deviceRegistered(flows, 'dev')
    await flows.deploy(
      flow().filter(({ id }) => id !== 'device-dev'),
      'nodes',
    )
    assert.equal(existsSync(file), false)
  })

  it('registers over DTLS with a pre-shared key of its credentials', async () => {
    const coapsPort = await freeUdpPort()
    await flows.load(
      [
        serverNode(port, {
          coaps: true,
          coapsPort: String(coapsPort),
          devices: [{ id: 'k1', endpoint: 'dev', mode: 'psk', identity: 'id', keyFormat: 'hex' }],
        }),
        deviceNode('dev', port, {
          uri: `coaps://127.0.0.1:${coapsPort}`,
          objects: OBJECTS,
          pskIdentity: 'id',
          pskKeyFormat: 'hex',
        }),
        {
          id: 'read',
          type: 'lwm2m-read',
          z: 'tab',
          server: 'server',
          endpoint: 'dev',
          path: '/3/0/0',
          wires: [['out']],
        },
        helperNode('out'),
      ],
      { server: { keys: '{"k1":"00112233"}' }, 'device-dev': { pskKey: '00112233' } },
    )
    await deviceRegistered(flows, 'dev')
    const { peer } = (await engineOf(flows)).registrations.get('dev') ?? {}
    assert.equal(peer?.secure, true)
    assert.equal((await flows.ask('read', {}, 'out')).payload, 'Maker')
  })

  for (const mode of ['rpk', 'x509'] as const) {
    it(`registers over DTLS with a key of its own (${mode}), and a Connection ID`, async () => {
      const coapsPort = await freeUdpPort()
      const own = generateServerKey({ commonName: 'localhost' })
      const device = generateServerKey({ commonName: 'dev' })
      const entry =
        mode === 'rpk'
          ? { mode, publicKey: device.publicKeyPem }
          : { mode, certificate: device.certificatePem }
      await flows.load(
        [
          serverNode(port, {
            coaps: true,
            coapsPort: String(coapsPort),
            certificate: own.certificatePem,
            trustAnchors: device.certificatePem,
            devices: [{ id: 'k1', endpoint: 'dev', ...entry }],
          }),
          deviceNode('dev', port, {
            uri: `coaps://localhost:${coapsPort}`,
            objects: OBJECTS,
            securityMode: mode,
            certificate: device.certificatePem,
            serverPublicKey: own.publicKeyPem,
            certificateUsage: '2',
            serverCertificate: own.certificatePem,
            connectionId: 'both',
          }),
        ],
        {
          server: { serverKey: own.privateKeyPem },
          'device-dev': { privateKey: device.privateKeyPem.replaceAll('\n', ' ') },
        },
      )
      await deviceRegistered(flows, 'dev')
      const { peer } = (await engineOf(flows)).registrations.get('dev') ?? {}
      assert.equal(peer?.identity.kind, mode)
    })
  }

  for (const [what, message, code] of [
    ['an unknown action', { action: 'explode' }, 'invalid-argument'],
    ['a value without a path', { payload: 5 }, 'invalid-argument'],
    ['a path that it does not have', { path: '/3303/7/5700', payload: 5 }, 'unknown-path'],
    ['a value of the wrong type', { path: '/3303/0/5700', payload: 'warm' }, 'invalid-value'],
  ] as const) {
    it(`refuses ${what}: ${code}`, async () => {
      await flows.load(flow())
      await deviceRegistered(flows, 'dev')
      const caught = flows.next('caught')
      tell(message)
      assert.equal(((await caught) as unknown as Caught).error.code, code)
    })
  }

  for (const [what, more] of [
    ['objects that are not valid JSON', { objects: '{' }],
    ['objects that are not an object', { objects: '[1]' }],
    ['no server at all', { uri: '' }],
    ['no name', { endpoint: '' }],
    ['a key that is none', { pskKeyFormat: 'hex' }],
  ] as const) {
    it(`shows that it was given ${what}`, async () => {
      const credentials = { 'device-dev': { pskKey: 'no hex' } }
      await flows.load(flow(more), what.startsWith('a key') ? credentials : {})
      assert.match(flows.lastStatus('device-dev'), /^invalid (setting|value)$/)
    })
  }
})
