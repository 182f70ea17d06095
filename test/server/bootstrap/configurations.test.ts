import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { generateServerKey } from '../../../src/dtls/certificates/generate'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { ObjectLink } from '../../../src/lwm2m/value'
import {
  type BootstrapConfiguration,
  BootstrapConfigurations,
  bootstrapTrigger,
} from '../../../src/server/bootstrap'
import { resolveConfiguration } from '../../../src/server/bootstrap/resolve-configuration'
import { MemoryStore } from '../../../src/storage/memory-store'
import { StoreError } from '../../../src/storage/store'

const model = builtinModel()
const SERVER = { uri: 'coap://s', shortServerId: 1 }
const PSK = { uri: 'coaps://s', shortServerId: 1, security: 'psk', key: '00ff' } as const

const resolve = (input: object, endpoint = 'dev1') =>
  resolveConfiguration({ endpoint, servers: [SERVER], ...input }, endpoint, model)

/** Every wrong configuration, and what is said of it. */
const WRONG: [input: unknown, message: string][] = [
  [null, 'it must be an object'],
  [[], 'it must be an object'],
  [{ servers: undefined }, 'servers must be a list'],
  [{ servers: {} }, 'servers must be a list'],
  [{ servers: [] }, 'servers is empty, and what accounts the device has would be deleted'],
  [{ servers: [{ ...SERVER, uri: `coap://h/${'p'.repeat(255)}` }] }, 'servers[0].uri has more than 255 bytes'],
  [{ servers: ['x'] }, 'servers[0] must be an object'],
  [{ serves: [] }, 'serves does not exist'],
  [{ servers: Array(33).fill(SERVER) }, 'servers has more than 32 entries'],
  [{ servers: [{ ...SERVER, ur: 'x' }] }, 'servers[0].ur does not exist'],
  [{ servers: [{ shortServerId: 1 }] }, 'servers[0].uri is missing'],
  [{ servers: [{ ...SERVER, uri: 5 }] }, 'servers[0].uri must be text'],
  [{ servers: [{ ...SERVER, uri: 'host:5683' }] }, 'servers[0].uri must begin with coap:// or coaps:// and name a host'],
  [{ servers: [{ ...SERVER, uri: 'nonsense' }] }, 'servers[0].uri is not a URI such as coap://192.0.2.1:5683'],
  [{ servers: [{ ...SERVER, uri: 'coap://h:99999' }] }, 'servers[0].uri is not a URI such as coap://192.0.2.1:5683'],
  [{ servers: [{ ...SERVER, uri: 'mqtt://h' }] }, 'servers[0].uri must begin with coap:// or coaps:// and name a host'],
  [{ servers: [{ ...SERVER, uri: 'coap://u@h' }] }, 'servers[0].uri must have no user, password or fragment (RFC 7252 §6.1)'],
  [{ servers: [{ ...SERVER, uri: 'coaps://h' }] }, 'servers[0].uri must begin with coap for nosec'],
  [{ servers: [{ ...PSK, uri: 'coap://h' }] }, 'servers[0].uri must begin with coaps for psk'],
  [{ servers: [{ ...SERVER, uri: 'coap://{endpiont}' }] }, 'servers[0].uri has the unknown placeholder {endpiont}; there is {endpoint}'],
  [{ servers: [{ ...PSK, identity: '{ep}' }] }, 'servers[0].identity has the unknown placeholder {ep}; there is {endpoint}'],
  [{ servers: [{ uri: 'coap://s' }] }, 'servers[0].shortServerId is missing'],
  [{ servers: [{ ...SERVER, shortServerId: 0 }] }, 'servers[0].shortServerId must be a whole number from 1 to 65534'],
  [{ servers: [{ ...SERVER, shortServerId: 65535 }] }, 'servers[0].shortServerId must be a whole number from 1 to 65534'],
  [{ servers: [{ ...SERVER, shortServerId: '1.5' }] }, 'servers[0].shortServerId must be a whole number from 1 to 65534'],
  [{ servers: [SERVER, SERVER] }, 'servers[1].shortServerId 1 occurs twice'],
  [{ servers: [{ ...SERVER, serverInstance: 2 }, { ...SERVER, shortServerId: 2, serverInstance: 2 }] }, 'servers[1].serverInstance 2 occurs twice'],
  [{ servers: [{ ...SERVER, lifetime: 0 }] }, 'servers[0].lifetime must be a whole number from 1 to 4294967295'],
  [{ servers: [{ ...SERVER, binding: 'UQ' }] }, 'servers[0].binding must be without Q: use queueMode'],
  [{ servers: [{ ...SERVER, binding: 'UU' }] }, 'servers[0].binding must be of the letters U, T, S, N, M, H, each once'],
  [{ servers: [{ ...SERVER, binding: 'X' }] }, 'servers[0].binding must be of the letters U, T, S, N, M, H, each once'],
  [{ servers: [{ ...SERVER, queueMode: 'yes' }] }, 'servers[0].queueMode must be true or false'],
  [{ servers: [{ ...SERVER, security: 'none' }] }, 'servers[0].security must be one of nosec, psk, rpk, x509'],
  [{ servers: [{ ...SERVER, key: '00' }] }, 'servers[0].key does not belong to security nosec'],
  [{ servers: [{ ...SERVER, createCredential: true }] }, 'servers[0].createCredential does not belong to security nosec'],
  [{ servers: [{ ...PSK, key: undefined }] }, 'servers[0].key is missing'],
  [{ servers: [{ ...PSK, key: 'secret' }] }, 'servers[0].key is not valid: it has characters that are not hex digits'],
  [{ servers: [{ ...PSK, key: 'ab'.repeat(65) }] }, 'servers[0].key has 65 bytes, it must have 1 to 64'],
  [{ servers: [{ ...PSK, identity: 'i'.repeat(129) }] }, 'servers[0].identity has 129 bytes, it must have 1 to 128'],
  [{ servers: [{ ...PSK, createCredential: true }] }, 'servers[0].key excludes createCredential'],
  [{ servers: [{ ...PSK, publicKey: 'AA' }] }, 'servers[0].publicKey does not belong to security psk'],
  [{ servers: [{ ...SERVER, uri: 'coaps://s', security: 'rpk' }] }, 'servers[0].publicKey is missing'],
  [{ servers: [{ ...SERVER, uri: 'coaps://s', security: 'x509', certificate: 'AAAA' }] }, 'servers[0].certificate is not valid: it is not an X.509 certificate'],
  [{ servers: [{ ...SERVER, serverResources: { 7: 'U' } }] }, 'servers[0].serverResources must not have 7, which the account itself sets'],
  [{ servers: [{ ...SERVER, securityResources: { 5: '' } }] }, 'servers[0].securityResources must not have 5, which the account itself sets'],
  [{ resources: [] }, 'resources must be an object'],
  [{ resources: { '/3': {} } }, 'resources["/3"] must be the path of an instance or a resource'],
  [{ resources: { '/3/0/6/1': 1 } }, 'resources["/3/0/6/1"] must be the path of an instance or a resource'],
  [{ resources: { '/0/5/0': 'x' } }, 'resources["/0/5/0"] is of a server account: use securityResources or serverResources of the server'],
  [{ resources: { '/x/0/0': 1 } }, 'resources["/x/0/0"] must be a path like /2/0, without a gateway prefix'],
  [{ resources: { '/2/0': { 0: 3 }, '/2/0/1': 0 } }, 'resources["/2/0/1"] is within /2/0, which is there too'],
  [{ servers: [{ ...SERVER, oscore: {} }], resources: { '/21/0': {} } }, 'resources must not have /21 beside the oscore of a server'],
  [{ delete: '/0' }, 'delete must be a list'],
  [{ delete: ['/1/0/1'] }, 'delete[0] must be /, an object or an instance'],
  [{ delete: ['/1', '/3/0'] }, 'delete[1] is the Device object, which is never deleted (Core §6.1.7.6)'],
  [{ delete: [5] }, 'delete[0] must be a path like /2/0'],
  [{ read: ['/3'] }, 'read[0] must be /1 or /2 or an instance of them (Core §6.1.7.3)'],
  [{ read: ['/1/0/1'] }, 'read[0] must be /1 or /2 or an instance of them (Core §6.1.7.3)'],
  [{ format: 'text' }, 'format must be tlv, senml-cbor, senml-json, lwm2m-cbor or json, or their number'],
  [{ format: 40 }, 'format must be tlv, senml-cbor, senml-json, lwm2m-cbor or json, or their number'],
  [{ discover: 1 }, 'discover must be true or false'],
] // prettier-ignore

describe('a bootstrap configuration', () => {
  for (const [i, [input, message]] of WRONG.entries()) {
    it(`is refused: ${message} (${i + 1})`, () => {
      const whole =
        input !== null && !Array.isArray(input)
          ? { endpoint: 'dev1', servers: [SERVER], ...(input as object) }
          : input
      assert.throws(
        () => resolveConfiguration(whole, 'dev1', model),
        (error: Error & { code?: string }) => {
          assert.equal(error.message, `bootstrap configuration of "dev1": ${message}`)
          assert.equal(error.code, 'invalid-configuration')
          assert.ok(!inspect(error, { depth: 9 }).includes('secret'))
          return true
        },
      )
    })
  }

  it('is refused when a value does not fit its resource', () => {
    for (const [input, place] of [
      [{ resources: { '/3/0/13': 'noon' } }, 'resources["/3/0/13"]'],
      [{ servers: [{ ...SERVER, serverResources: { 5: 'x' } }] }, 'servers[0].serverResources'],
    ] as const) {
      assert.throws(
        () => resolve(input),
        (error: Error) => error.message.includes(`${place} is not valid: `),
      )
    }
  })

  it('is filled in for its device: texts, not keys', () => {
    const { accounts, writes } = resolve(
      {
        servers: [
          {
            ...PSK,
            uri: 'coaps://{endpoint}.example:5684',
            identity: '{endpoint}/{endpoint}',
            key: '{endpoint}',
            keyFormat: 'text',
          },
        ],
        resources: { '/3/0/15': 'zone of {endpoint}', '/16/0': { 0: { 0: '{endpoint}' } } },
      },
      'a$&b',
    )
    assert.equal(accounts[0]?.uri, 'coaps://a$&b.example:5684')
    assert.equal(Buffer.from(accounts[0].publicKeyOrIdentity).toString(), 'a$&b/a$&b')
    assert.equal(Buffer.from(accounts[0].secretKey).toString(), '{endpoint}')
    assert.deepEqual(
      writes.flatMap(({ records }) => records.map(({ path, value }) => `${path} ${String(value)}`)),
      ['/3/0/15 zone of a$&b', '/16/0/0/0 a$&b'],
    )
  })

  it('has the endpoint name as identity, and takes numbers as dialogs give them', () => {
    const { accounts } = resolve({
      servers: [{ ...PSK, shortServerId: '7', lifetime: '60', binding: '', identity: '' }],
    })
    assert.deepEqual(
      [
        Buffer.from(accounts[0]?.publicKeyOrIdentity ?? '').toString(),
        accounts[0]?.shortServerId,
        accounts[0]?.lifetime,
        accounts[0]?.binding,
      ],
      ['dev1', 7, 60, 'U'],
    )
  })

  for (const [form, of] of [
    ['PEM', (key: KeyObject) => key.export({ format: 'pem', type: 'sec1' })],
    ['DER', (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' })],
    ['base64', (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' }).toString('base64')],
  ] as const) {
    it(`may give a device raw public keys, the private one from ${form}`, () => {
      const device = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const server = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
      const { accounts } = resolve({
        servers: [
          {
            uri: 'coaps://s',
            shortServerId: 1,
            security: 'rpk',
            publicKey: device.publicKey.export({ format: 'pem', type: 'spki' }),
            privateKey: of(device.privateKey),
            serverPublicKey: server.export({ format: 'der', type: 'spki' }).toString('base64'),
          },
        ],
      })
      const spki = { format: 'der', type: 'spki' } as const
      assert.deepEqual(accounts[0]?.publicKeyOrIdentity, device.publicKey.export(spki))
      assert.deepEqual(accounts[0].serverPublicKey, server.export(spki))
      const pkcs8 = device.privateKey.export({ format: 'der', type: 'pkcs8' })
      assert.deepEqual(accounts[0].secretKey, pkcs8)
    })
  }

  it('refuses a private key that belongs to something else, before anything is sent', () => {
    const [device, other] = [1, 2].map(() => generateServerKey({ commonName: 'a' }))
    const given = {
      uri: 'coaps://s',
      shortServerId: 1,
      privateKey: other?.privateKeyPem,
    }
    for (const [own, message] of [
      [
        {
          security: 'rpk',
          publicKey: device?.publicKeyPem,
          serverPublicKey: device?.publicKeyPem,
        },
        /servers\[0\]\.privateKey does not belong to publicKey$/,
      ],
      [
        {
          security: 'x509',
          certificate: device?.certificatePem,
          serverCertificate: device?.certificatePem,
        },
        /servers\[0\]\.privateKey does not belong to certificate$/,
      ],
    ] as const) {
      assert.throws(() => resolve({ servers: [{ ...given, ...own }] }), { message })
    }
  })
})

describe('a bootstrap configuration from a Function node', () => {
  it('may have bytes, dates and objects of another realm', () => {
    const input: unknown = runInNewContext(`({
      endpoint: 'a',
      servers: [{ uri: 'coaps://s', shortServerId: 1, security: 'psk', key: new Uint8Array([1, 2]) }],
      resources: { '/3/0/13': new Date(1700000000000) },
    })`)
    const { accounts, writes } = resolveConfiguration(input, 'a', model)
    assert.deepEqual(accounts[0]?.secretKey, Buffer.from([1, 2]))
    assert.deepEqual(writes[0]?.records[0]?.value, new Date(1_700_000_000_000))
  })

  it('is refused when it contains itself', () => {
    const input: Record<string, unknown> = { endpoint: 'a', servers: [SERVER] }
    input['resources'] = { '/3/0': input }
    assert.throws(() => resolveConfiguration(input, 'a', model), /it is nested too deeply/)
  })
})

describe('the bootstrap configurations', () => {
  let store: MemoryStore
  let configurations: BootstrapConfigurations
  let warnings: string[]

  async function fresh(): Promise<void> {
    configurations = new BootstrapConfigurations(() => model)
    warnings = []
    configurations.on('warning', ({ message }) => warnings.push(message))
    await configurations.open(store)
  }
  beforeEach(async () => {
    store = new MemoryStore()
    await store.open()
    await fresh()
  })

  const uriFor = (endpoint: string) => configurations.find(endpoint)?.servers[0]?.uri
  const named = (endpoint: string, uri = `coap://${endpoint.replaceAll(/[*?]/g, 'x')}`) => ({
    endpoint,
    servers: [{ uri, shortServerId: 1 }],
  })

  it('are of endpoints that can be', async () => {
    for (const [endpoint, why] of [
      ['', 'endpoint is missing'],
      ['a\nb', 'endpoint has control characters'],
      ['x'.repeat(256), 'endpoint is longer than 255 bytes'],
    ] as const) {
      await assert.rejects(configurations.set(named(endpoint, 'coap://s')), (error: Error) =>
        error.message.endsWith(why),
      )
    }
    assert.deepEqual(configurations.list(), [])
  })

  it('may leave a device the accounts that it has', async () => {
    await configurations.set({ endpoint: 'a', servers: [], delete: [] })
    assert.equal(configurations.list().length, 1)
  })

  it('go by the exact name, then by the longest pattern', async () => {
    for (const endpoint of ['*', 'dev-*', 'dev-1?', 'dev-12']) {
      await configurations.set(named(endpoint))
    }
    assert.equal(uriFor('dev-12'), 'coap://dev-12')
    assert.equal(uriFor('dev-13'), 'coap://dev-1x')
    assert.equal(uriFor('dev-2'), 'coap://dev-x')
    assert.equal(uriFor('other'), 'coap://x')
  })

  it('set at run time survive a restart, with values of every type', async () => {
    const date = new Date(1_700_000_000_000)
    const configuration: BootstrapConfiguration = {
      endpoint: 'dev-*',
      servers: [
        {
          ...PSK,
          key: Buffer.from([1, 2]),
          securityResources: { 17: new ObjectLink(21, 0) },
        },
      ],
      resources: {
        '/3/0/13': date,
        '/16/0': { 0: { 0: 'x' } },
        '/10/0/1': 9223372036854775807n,
        '/19/0/0': { 0: Buffer.from([9]) },
      },
    }
    await configurations.set(configuration)
    await configurations.set(named('gone'))
    assert.equal(await configurations.remove('gone'), true)
    assert.equal(await configurations.remove('gone'), false)
    const before = resolveConfiguration(configurations.find('dev-1'), 'dev-1', model)
    await configurations.close()
    await fresh()
    assert.deepEqual(warnings, [])
    assert.deepEqual(resolveConfiguration(configurations.find('dev-1'), 'dev-1', model), before)
    assert.deepEqual(before, resolveConfiguration(configuration, 'dev-1', model))
    assert.deepEqual(
      configurations.list().map((one) => one.endpoint),
      ['dev-*'],
    )
  })

  it('are what they were when they were set, whatever becomes of the message', async () => {
    const message = named('a', 'coap://before')
    await configurations.set(message)
    ;(message.servers[0] as { uri: string }).uri = 'coap://after'
    assert.equal(uriFor('a'), 'coap://before')
  })

  it('of the dialog cannot be changed at run time; its wrong entries are left out and named', async () => {
    await configurations.set(named('runtime'))
    const problems = configurations.setList([
      named('a'),
      { endpoint: 'b', servers: [{ uri: 'coap://b' }] },
      named('a'),
      { servers: [] },
    ])
    assert.deepEqual(
      problems.map((one) => one.message),
      [
        'bootstrap configuration of "b": servers[0].shortServerId is missing',
        'bootstrap configuration of "a": it occurs twice in the list',
        'bootstrap configuration of "entry 4": endpoint is missing',
      ],
    )
    const fixed = { code: 'fixed-configuration' }
    await assert.rejects(configurations.set(named('a')), fixed)
    await assert.rejects(configurations.remove('a'), fixed)
    assert.deepEqual(
      configurations.list().map((one) => [one.endpoint, one.source]),
      [
        ['a', 'list'],
        ['runtime', 'runtime'],
      ],
    )
    assert.deepEqual(configurations.setList([named('c')]), [])
    assert.equal(uriFor('a'), undefined)
  })

  it('of the dialog go before those that were set at run time earlier', async () => {
    await configurations.set(named('a', 'coap://runtime'))
    await configurations.close()
    configurations = new BootstrapConfigurations(() => model)
    configurations.setList([named('a', 'coap://dialog')])
    await configurations.open(store)
    assert.equal(uriFor('a'), 'coap://dialog')
  })

  it('change nothing when they cannot be kept', async () => {
    await configurations.set(named('a', 'coap://1'))
    const failure = new StoreError('store-failed', 'disk full')
    store.put = () => Promise.reject(failure)
    store.delete = () => Promise.reject(failure)
    await assert.rejects(configurations.set(named('a', 'coap://2')), { code: 'store-failed' })
    await assert.rejects(configurations.remove('a'), { code: 'store-failed' })
    assert.equal(uriFor('a'), 'coap://1')
  })

  it('that cannot be read from the store are reported and left out', async () => {
    await configurations.set(named('a'))
    await store.put('bootstrap:b', Buffer.from([0xff, 0x00]))
    await fresh()
    assert.equal(uriFor('a'), 'coap://a')
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^stored .*b/)
  })

  it('are listed without their secrets', async () => {
    await configurations.set({
      endpoint: 'a',
      servers: [
        { ...PSK, key: 'topsecret', keyFormat: 'text', identity: 'id-{endpoint}', lifetime: 5 },
      ],
      resources: { '/21/0/0': Buffer.from('master') },
      format: 'tlv',
    })
    const listed = configurations.list()
    assert.deepEqual(listed, [
      {
        endpoint: 'a',
        source: 'runtime',
        servers: [
          {
            uri: 'coaps://s',
            shortServerId: 1,
            security: 'psk',
            identity: 'id-{endpoint}',
            hasKey: true,
            createCredential: false,
            lifetime: 5,
          },
        ],
        resources: ['/21/0/0'],
        discover: true,
        format: 'tlv',
        pack: true,
      },
    ])
  })
})

describe('the bootstrap trigger', () => {
  const object = (id: number, ...instances: number[]) => ({ id, version: undefined, instances })

  it('is resource 9 of the first Server instance, from 1.1 on', () => {
    const trigger = (version: string, ...objects: ReturnType<typeof object>[]) =>
      String(bootstrapTrigger({ version, objects } as never))
    assert.equal(trigger('1.1', object(3, 0), object(1, 2, 1)), '/1/1/9')
    assert.equal(trigger('1.0', object(1, 0)), 'undefined')
    assert.equal(trigger('1.2', object(1)), 'undefined')
    assert.equal(trigger('1.2', object(3, 0)), 'undefined')
  })
})
