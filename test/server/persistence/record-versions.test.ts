import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { encode } from 'cbor-x'
import { StoreNotes } from '../../../nodes/shared/server/store-notes'
import { CredentialStore } from '../../../src/server/credentials'
import { QueueJournal, type StoredRequest } from '../../../src/server/persistence/queue-journal'
import { ObservationJournal } from '../../../src/server/persistence/observation-journal'
import { SessionJournal } from '../../../src/server/persistence/session-journal'
import type { StoredObservation } from '../../../src/server/observations/observation-store'
import { DiskStore } from '../../../src/storage/disk-store'
import { MemoryStore } from '../../../src/storage/memory-store'
import { sealValue } from '../../../src/storage/sealed-value'
import type { Store } from '../../../src/storage/store'
import { FakeClock } from '../../support/fake-clock'
import { Harness, OBJECTS, register, registerOk } from '../registration/support/harness'
import firstShapes from './fixtures/first-shapes.json'
import secondShapes from './fixtures/second-shapes.json'

type Shapes = { readonly [key: string]: string }
const MARKER = '\u0000store'
const EPOCH = Date.UTC(2026, 0, 1)
const PREFIX = Buffer.from('d9d9f7', 'hex')
/** Kinds of records whose loss would matter: a start is refused where one is of a later version. */
const KINDS = ['registration:a', 'profile:open:p', 'awake:a', 'queue:0', 'relation:a\n/3'] as const

/** Of writes that nobody waits for. */
function refuse(error: unknown): never {
  throw error
}

/** A record of a version that is yet to come. */
const later = (): Buffer => Buffer.concat([PREFIX, encode([99, {}])])

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** What the store says of all that is in it. */
async function contentsOf(store: Store): Promise<unknown> {
  const harness = new Harness(
    { store, bootstrap: {}, credentials: new CredentialStore() },
    new FakeClock(EPOCH + 2000),
  )
  await harness.server.start()
  try {
    const { server } = harness
    const queue = await all(new QueueJournal(store, refuse).list())
    const relations = await all(new ObservationJournal(store).list())
    return {
      registrations: server.registrations.list().map((one) => {
        const { id, endpoint, attributes, peer, version, lifetime, sms, objects } = one
        const { address, port, secure, identity } = peer
        return [
          ...[id, endpoint, { ...attributes }, version, lifetime, sms, objects.length],
          ...[address, port, secure, identity.kind],
        ]
      }),
      queue: queue.map((one) => one && [one.endpoint, one.request.path, one.ticket, one.expiresAt]),
      relations: relations.map(({ key, observations, left, attributes }) => [
        key,
        observations.map(({ path, token, format }) => [
          path,
          Buffer.from(token).toString('hex'),
          format,
        ]),
        left,
        attributes,
      ]),
      sessions: (await all(new SessionJournal(store, 'server').load())).map(
        ({ suite, identity, chain }) => [suite, identity.kind, chain.length],
      ),
      credentials: server.credentials
        ?.list()
        .map(({ endpoint, mode, generated, confirmed }) => [endpoint, mode, generated, confirmed]),
      bootstrap: server.bootstrap?.configurations.list().map(({ endpoint }) => endpoint),
      note: await new StoreNotes(store).recall('abc'),
      windows: await all(store.list('awake:')).then((found) => found.length),
    }
  } finally {
    await harness.stop()
  }
}

const SITE_Y = Object.fromEntries([
  ['site', 'y'],
  ['__proto__', 'z'],
])
const SAID = ['1.1', 300, '49170', 2]
const EXPECTED = {
  registrations: [
    ['AAAAAAAAAAAAAAAA', 'first', { site: 'x' }, ...SAID, '192.0.2.1', 5683, false, 'none'],
    ['BBBBBBBBBBBBBBBB', 'plain', {}, ...SAID, '192.0.2.2', 5683, false, 'none'],
    ['CCCCCCCCCCCCCCCC', 'secure', SITE_Y, ...SAID, '192.0.2.3', 5684, true, 'psk'],
  ],
  queue: [['plain', '/3/0/9', { origin: 'node', data: { a: 1 } }, EPOCH + 86_400_000]],
  relations: [
    ['/3/0/10', [['/3/0/10', '0304', 0]], [], { pmin: 5 }],
    ['/3/0/13', [['/3/0/13', '0506', 0]], [], {}],
    ['/3/0/9', [['/3/0/9', '0102', 112]], [], {}],
  ],
  sessions: [[0xc0a8, 'psk', 0]],
  credentials: [['secure', 'psk', true, true]],
  bootstrap: ['new-*'],
  note: { last: 1 },
  windows: 1,
}

describe('versions of records', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-versions-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function fill(shapes: Shapes, format: number): Promise<void> {
    const level = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' })
    await level.put(MARKER, sealValue(MARKER, Buffer.from(JSON.stringify({ format }))))
    for (const [key, hex] of Object.entries(shapes)) {
      await level.put(key, sealValue(key, Buffer.from(hex, 'hex')))
    }
    await level.close()
  }

  it('the first shapes, without versions, are read', async () => {
    await fill(firstShapes, 1)
    assert.deepEqual(await contentsOf(new DiskStore(folder)), EXPECTED)
    const level = new ClassicLevel<string, Uint8Array>(folder, { valueEncoding: 'view' })
    const marker = await level.get(MARKER)
    await level.close()
    assert.match(String(marker), /\{"format":2\}$/, 'earlier versions of the package refuse it now')
  })

  it('the shapes of today are read, and written as they are in the fixture', async () => {
    await fill(secondShapes, 2)
    assert.deepEqual(await contentsOf(new DiskStore(folder)), EXPECTED)
  })

  it('a shape that changes gets a new version and a new fixture', async () => {
    const store = new MemoryStore()
    await store.open()
    const shapes: Shapes = secondShapes
    const journal = new ObservationJournal(store)
    const from = new MemoryStore()
    await from.open()
    for (const [key, hex] of Object.entries(shapes)) await from.put(key, Buffer.from(hex, 'hex'))
    for (const one of await all(new ObservationJournal(from).list())) {
      await journal.put(one satisfies StoredObservation)
    }
    const queue = new QueueJournal(store, refuse)
    for (const one of await all(new QueueJournal(from, refuse).list())) {
      await queue.put(one as StoredRequest)
    }
    for (const one of await all(new SessionJournal(from, 'server').load())) {
      await new SessionJournal(store, 'server').save(one)
    }
    await new StoreNotes(store).keep('abc', { last: 1 })
    const written = await all(store.list(''))
    assert.equal(written.length, 6)
    for (const [key, value] of written)
      assert.equal(Buffer.from(value).toString('hex'), shapes[key])
  })

  it('every record that a server writes carries its version', async () => {
    const store = new MemoryStore()
    const credentials = new CredentialStore()
    const harness = await Harness.start({ store, bootstrap: { coap: { port: 0 } }, credentials })
    const device = await harness.device()
    await registerOk(device, ['ep=a', 'lwm2m=1.2', 'Q', 'pid=oma:p'], OBJECTS)
    await harness.server.setAwakeWindow('a', 5000)
    await credentials.add({ endpoint: 'b', key: '00', identity: 'b' })
    await harness.server.bootstrap?.configurations.set({
      endpoint: 'c',
      servers: [{ uri: 'coap://192.0.2.9', shortServerId: 1, security: 'nosec' }],
    })
    harness.clock.advance(5000)
    await new Promise<void>((resolve) => {
      const ticket = { origin: 'test', data: 1 }
      harness.server.read('a', '/3', { ticket, onQueued: resolve }).catch(() => {})
    })
    const areas = new Set<string>()
    for (const [key, value] of await all(store.list(''))) {
      areas.add(key.split(':')[0] ?? '')
      assert.equal(Buffer.from(value.subarray(0, 3)).toString('hex'), 'd9d9f7', key)
    }
    assert.deepEqual([...areas].sort(), [
      ...['awake', 'bootstrap', 'credential', 'profile', 'queue', 'registration'],
    ])
    await harness.stop()
  })

  for (const key of [...KINDS, 'credential:a', 'bootstrap:a']) {
    it(`${JSON.stringify(key)} of a later version: the start is refused, nothing is changed`, async () => {
      const store = new MemoryStore()
      await store.open()
      await store.put(key, later())
      const options = {
        store,
        bootstrap: { coap: { port: 0 } },
        credentials: new CredentialStore(),
      }
      await assert.rejects(Harness.start(options), {
        code: 'store-newer',
        message: /in the store has version 99; this version of the package reads up to \d\. Update/,
      })
      await store.open()
      assert.deepEqual(Buffer.from((await store.get(key)) ?? []), later())
    })

    it(`${JSON.stringify(key)} that cannot be read harms nothing else`, async () => {
      const store = new MemoryStore()
      await store.open()
      await store.put(key, Buffer.concat([PREFIX, encode([1, { wires: 5, endpoint: 7 }])]))
      const options = {
        store,
        bootstrap: { coap: { port: 0 } },
        credentials: new CredentialStore(),
      }
      const harness = await Harness.start(options)
      const device = await harness.device()
      assert.equal((await device.request(register(['ep=z', 'lwm2m=1.1']))).code, 0x41)
      await harness.stop()
    })
  }

  it('a DTLS session of a later version costs its device a full handshake', async () => {
    const store = new MemoryStore()
    await store.open()
    await store.put(`session:server:${'00'.repeat(32)}`, later())
    assert.deepEqual(await all(new SessionJournal(store, 'server').load()), [])
  })

  it('a store of a later format is refused', async () => {
    await fill({}, 3)
    await assert.rejects(new DiskStore(folder).open(), {
      code: 'store-newer',
      message: /has format 3; this version of the package reads up to 2\. Update the package/,
    })
  })
})
