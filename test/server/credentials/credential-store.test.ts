import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import { CredentialStore } from '../../../src/server/credentials'
import type { Revocation } from '../../../src/server/credentials/revocation'
import type { CredentialInfo } from '../../../src/server/credentials'
import { MemoryStore } from '../../../src/storage/memory-store'
import { StoreError } from '../../../src/storage/store'
import { NO_IDENTITY, type PeerIdentity } from '../../../src/transport/transport'
import { FakeClock } from '../../support/fake-clock'
import { requireTool } from '../../support/tools'

const psk = (identity: string): PeerIdentity => ({ kind: 'psk', identity: Buffer.from(identity) })
const spki = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'der',
    type: 'spki',
  })
const rpk = (publicKey: Uint8Array): PeerIdentity => ({ kind: 'rpk', publicKey })
const x509 = (...names: string[]): PeerIdentity => ({
  kind: 'x509',
  subject: `CN=${names[0]}`,
  commonName: names[0],
  names,
  certificate: Buffer.from(`certificate of ${names[0]}`),
})

/** Valid for one day from the second on in which it is made. */
function selfSigned(name: string): X509Certificate {
  const pem = execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', '/dev/null', '-subj', `/CN=${name}`, '-days', '1'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return new X509Certificate(pem)
}

function keyOf(store: CredentialStore, identity: string): string | undefined {
  const key = store.lookups(['server']).psk(Buffer.from(identity))
  return key && Buffer.from(key).toString('hex')
}

describe('CredentialStore', () => {
  let backing: MemoryStore
  let store: CredentialStore
  let clock: FakeClock
  let warnings: string[]
  let revocations: Revocation[]

  async function fresh(options: { certificates?: 'named' | 'listed' } = {}): Promise<void> {
    store = new CredentialStore({ clock, ...options })
    warnings = []
    revocations = []
    store.on('warning', ({ code, message }) => warnings.push(`${code} ${message}`))
    store.on('revoked', (revocation) => revocations.push(revocation))
    await store.open(backing)
  }

  beforeEach(async () => {
    clock = new FakeClock(Date.now())
    backing = new MemoryStore()
    await backing.open()
    await fresh()
  })
  afterEach(() => store.close())

  describe('at run time', () => {
    it('adds, replaces, removes and lists; keys never come back out', async () => {
      const added = await store.add({ endpoint: 'dev1', key: '0011', identity: 'one' })
      assert.deepEqual(
        { ...added, id: '' },
        {
          id: '',
          endpoint: 'dev1',
          use: 'server',
          mode: 'psk',
          identity: 'one',
          source: 'runtime',
          generated: false,
          addedAt: clock.now(),
        },
      )
      assert.equal(keyOf(store, 'one'), '0011')
      await store.add({ endpoint: 'dev1', key: '2233', identity: 'two' })
      await store.add({ endpoint: 'dev0', key: '4455', use: 'bootstrap' })
      await store.replace({ endpoint: 'dev1', key: '6677', identity: 'two' })
      assert.equal(keyOf(store, 'one'), undefined)
      assert.equal(keyOf(store, 'two'), '6677')
      assert.deepEqual(
        store.list().map((one) => [one.endpoint, one.use, one.identity]),
        [
          ['dev0', 'bootstrap', 'dev0'],
          ['dev1', 'server', 'two'],
        ],
      )
      assert.doesNotMatch(inspect(store, { depth: 12, showHidden: true }), /66 77|6677/)
      assert.doesNotMatch(JSON.stringify(store.list()), /6677|ZncK?=/)
      assert.equal(await store.remove({ endpoint: 'dev1' }), 1)
      assert.equal(await store.remove({ endpoint: 'dev1' }), 0)
      assert.equal(store.size, 1)
    })

    it('removes by use and identity', async () => {
      await store.add({ endpoint: 'a', key: '01', identity: 'x' })
      await store.add({ endpoint: 'a', key: '01', identity: 'y' })
      await store.add({ endpoint: 'a', key: '01', identity: 'x', use: 'bootstrap' })
      assert.equal(await store.remove({ endpoint: 'a', use: 'server', identity: 'x' }), 1)
      assert.deepEqual(
        store.list().map((one) => `${one.use} ${one.identity}`),
        ['server y', 'bootstrap x'],
      )
    })

    it('lists by pattern, use and page', async () => {
      for (const n of [3, 1, 2]) await store.add({ endpoint: `m-${n}`, key: '01' })
      await store.add({ endpoint: 'n*', key: '01' })
      const names = (list: CredentialInfo[]) => list.map((one) => one.endpoint).join()
      assert.equal(names(store.list({ pattern: 'm-*' })), 'm-1,m-2,m-3')
      assert.equal(names(store.list({ offset: 1, limit: 2 })), 'm-2,m-3')
      assert.equal(names(store.list({ pattern: 'n*' })), 'n*')
      assert.equal(names(store.list({ use: 'bootstrap' })), '')
    })

    it('refuses a second credential with the same identity, public key or name', async () => {
      await store.add({ endpoint: 'a', key: '01', identity: 'same' })
      await assert.rejects(store.add({ endpoint: 'b', key: '02', identity: 'same' }), {
        code: 'duplicate-identity',
        message:
          'credential (endpoint "b"): its identity is already that of credential (endpoint "a")',
      })
      await assert.rejects(store.replace({ endpoint: 'b', key: '02', identity: 'same' }), {
        code: 'duplicate-identity',
      })
      const publicKey = spki()
      await store.add({ endpoint: 'a', mode: 'rpk', publicKey })
      await assert.rejects(store.add({ endpoint: 'b', mode: 'rpk', publicKey }), /public key/)
      await store.add({ endpoint: 'a', mode: 'x509', name: 'cn' })
      await assert.rejects(store.add({ endpoint: 'b', mode: 'x509', name: 'cn' }), /name/)
      assert.equal(store.size, 3)
      await store.add({ endpoint: 'a', key: '03', identity: 'same', use: 'bootstrap' })
      assert.equal(keyOf(store, 'same'), '01')
      const both = store.lookups(['bootstrap', 'server'])
      assert.deepEqual(both.psk(Buffer.from('same')), Buffer.from([3]))
    })

    it('lets only one of two that are added at the same time win', async () => {
      const outcomes = await Promise.allSettled([
        store.add({ endpoint: 'a', key: '01', identity: 'same' }),
        store.add({ endpoint: 'b', key: '02', identity: 'same' }),
      ])
      assert.deepEqual(
        outcomes.map((one) => one.status),
        ['fulfilled', 'rejected'],
      )
      assert.equal(keyOf(store, 'same'), '01')
    })

    it('survives a restart', async () => {
      const publicKey = spki()
      await store.add({ endpoint: 'a', key: '0102', identity: 'i' })
      await store.add({ endpoint: 'b', mode: 'rpk', publicKey })
      await store.add({ endpoint: 'c', key: '03' })
      await store.remove({ endpoint: 'c' })
      const before = store.list()
      await store.close()
      await fresh()
      assert.deepEqual(store.list(), before)
      assert.equal(keyOf(store, 'i'), '0102')
      assert.equal(store.lookups(['server']).rawPublicKey(publicKey), true)
      assert.equal(keyOf(store, 'c'), undefined)
      assert.deepEqual(warnings, [])
    })

    it('changes nothing when the store cannot keep it', async () => {
      await store.add({ endpoint: 'a', key: '01' })
      backing.batch = () => Promise.reject(new StoreError('store-failed', 'disk full'))
      await assert.rejects(store.add({ endpoint: 'b', key: '02' }), { code: 'store-failed' })
      await assert.rejects(store.replace({ endpoint: 'a', key: '02' }), { code: 'store-failed' })
      await assert.rejects(store.remove({ endpoint: 'a' }), { code: 'store-failed' })
      assert.deepEqual(
        [keyOf(store, 'a'), keyOf(store, 'b'), revocations.length],
        ['01', undefined, 0],
      )
    })

    it('reports a stored credential that cannot be read and goes on', async () => {
      await store.add({ endpoint: 'a', key: '01' })
      await backing.put('credential:broken', Buffer.from('{'))
      await store.close()
      await fresh()
      assert.equal(store.size, 1)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /stored credential broken: it cannot be read/)
    })
  })

  describe('the list of the dialog', () => {
    it('is taken but for its wrong entries, which are named', async () => {
      const problems = await store.setList([
        { endpoint: 'a', key: '01' },
        { endpoint: 'b', key: 'xyz' },
        { endpoint: 'c', key: '02', identity: 'a' },
        { endpoint: 'd', key: '03' },
      ])
      assert.deepEqual(
        problems.map((one) => one.message),
        [
          'credential 2 of the list (endpoint "b"): key is not valid: it has characters that are not hex digits',
          'credential 3 of the list (endpoint "c"): its identity is already that of credential 1 of the list (endpoint "a")',
        ],
      )
      assert.equal(warnings.length, 2)
      assert.deepEqual([keyOf(store, 'a'), keyOf(store, 'd')], ['01', '03'])
    })

    it('cannot be changed at run time, and gives its identities to nobody', async () => {
      await store.setList([{ endpoint: 'a', key: '01' }])
      await assert.rejects(store.replace({ endpoint: 'a', key: '02' }), {
        code: 'fixed-credential',
      })
      await assert.rejects(store.remove({ endpoint: 'a' }), { code: 'fixed-credential' })
      await assert.rejects(store.add({ endpoint: 'b', identity: 'a', key: '02' }), {
        code: 'duplicate-identity',
      })
      await store.add({ endpoint: 'a', identity: 'second', key: '02' })
      assert.equal(await store.remove({ endpoint: 'a' }), 1)
      assert.equal(keyOf(store, 'a'), '01')
    })

    it('is not kept in the store', async () => {
      await store.setList([{ endpoint: 'a', key: '01' }])
      for await (const [key] of backing.list('')) assert.fail(key)
    })
  })

  describe('revocation', () => {
    it('matches who was let in by what was removed or changed, and nobody else', async () => {
      const publicKey = spki()
      await store.setList([
        { endpoint: 'a', key: '01' },
        { endpoint: 'b', key: '02' },
        { endpoint: 'c', mode: 'rpk', publicKey },
        { endpoint: 'd', mode: 'x509' },
        { endpoint: 'e', key: '05' },
      ])
      assert.ok(!revocations.some(Boolean))
      await store.setList([
        { endpoint: 'a', key: '01' },
        { endpoint: 'b', key: 'ff' },
        { endpoint: 'f', key: '05', identity: 'e' },
      ])
      const [revocation, ...others] = revocations
      assert.ok(revocation !== undefined && others.length === 0)
      const dropped = (identity: PeerIdentity) => revocation.matches(identity, ['server'])
      assert.equal(dropped(psk('a')), false)
      assert.equal(dropped(psk('b')), true, 'its key changed')
      assert.equal(dropped(rpk(publicKey)), true)
      assert.equal(dropped(rpk(spki())), false)
      assert.equal(dropped(x509('d')), true)
      assert.equal(dropped(x509('other')), false)
      assert.equal(dropped(psk('e')), true, 'it stands for another endpoint now')
      assert.equal(dropped(NO_IDENTITY), false)
      assert.equal(revocation.matches(psk('b'), ['bootstrap']), false)
      assert.deepEqual(revocation.credentials.map((one) => one.endpoint).sort(), [
        'b',
        'c',
        'd',
        'e',
      ])
    })

    it('comes after the change is in force', async () => {
      await store.add({ endpoint: 'a', key: '01' })
      let seen: string | undefined = 'not called'
      store.on('revoked', () => (seen = keyOf(store, 'a')))
      await store.remove({ endpoint: 'a' })
      assert.equal(seen, undefined)
    })

    it('of a pattern’s certificates matches each of them', async () => {
      await store.add({ endpoint: 'dev-*', mode: 'x509' })
      await store.remove({ endpoint: 'dev-*' })
      assert.equal(revocations[0]?.matches(x509('dev-7'), ['server']), true)
      assert.equal(revocations[0]?.matches(x509('other'), ['server']), false)
    })
  })

  describe('generated keys', () => {
    const generate = async (identity: string) => {
      clock.advance(1)
      return store.addGenerated('dev1', Buffer.from(identity), Buffer.from('00ff', 'hex'))
    }

    it('stay valid beside each other until one is confirmed', async () => {
      await generate('g1')
      const second = await generate('g2')
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], ['00ff', '00ff'])
      assert.equal(second.generated, true)
      await store.confirm(second.id)
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], [undefined, '00ff'])
      assert.equal(revocations[0]?.matches(psk('g1'), ['server']), true)
      await store.close()
      await fresh()
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], [undefined, '00ff'])
    })

    it('that nobody confirms push out each other, not the one that the device holds', async () => {
      await store.confirm((await generate('held')).id)
      for (const identity of ['g1', 'g2', 'g3', 'g4']) await generate(identity)
      assert.deepEqual(
        store.list().map((one) => [one.identity, one.confirmed]),
        [
          ['held', true],
          ['g3', false],
          ['g4', false],
        ],
      )
      await store.close()
      await fresh()
      await generate('g5')
      assert.deepEqual(
        store.list().map((one) => one.identity),
        ['held', 'g4', 'g5'],
      )
    })

    it('stay as they are where the confirmation cannot be written', async () => {
      await generate('g1')
      const second = await generate('g2')
      const batch = backing.batch.bind(backing)
      backing.batch = () => Promise.reject(new StoreError('store-failed', 'disk full'))
      await assert.rejects(store.confirm(second.id), { code: 'store-failed' })
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], ['00ff', '00ff'])
      assert.deepEqual(
        store.list().map(({ confirmed }) => confirmed),
        [false, false],
      )
      assert.equal(revocations.length, 0)
      backing.batch = batch
      await store.confirm(second.id)
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], [undefined, '00ff'])
    })

    it('that could not be written are not there to be confirmed', async () => {
      await store.confirm((await generate('held')).id)
      const batch = backing.batch.bind(backing)
      let written: string[] = []
      backing.batch = (changes) => {
        written = changes.map(({ key }) => key)
        return Promise.reject(new StoreError('store-failed', 'disk full'))
      }
      await assert.rejects(generate('lost'), { code: 'store-failed' })
      backing.batch = batch
      const [key = ''] = written
      await store.confirm(key.slice(key.indexOf(':') + 1))
      assert.deepEqual([keyOf(store, 'held'), keyOf(store, 'lost')], ['00ff', undefined])
      await store.close()
      await fresh()
      assert.deepEqual([keyOf(store, 'held'), keyOf(store, 'lost')], ['00ff', undefined])
    })

    it('are not dropped from the air by being confirmed', async () => {
      await store.confirm((await generate('g1')).id)
      assert.equal(revocations.length, 0)
      assert.equal(keyOf(store, 'g1'), '00ff')
    })

    it('do not touch keys that somebody provisioned', async () => {
      await store.add({ endpoint: 'dev1', key: '01', identity: 'own' })
      await generate('g1')
      await store.confirm((await generate('g2')).id)
      assert.deepEqual([keyOf(store, 'own'), keyOf(store, 'g1')], ['01', undefined])
      await store.confirm('no such id')
    })

    it('are confirmed by the first registration with one', async () => {
      await generate('g1')
      await generate('g2')
      const changed = new Promise((resolve) => store.on('changed', resolve))
      assert.equal(store.authority('server').refuse('dev1', psk('g2')), undefined)
      await changed
      assert.deepEqual([keyOf(store, 'g1'), keyOf(store, 'g2')], [undefined, '00ff'])
      backing.batch = () => assert.fail('written again')
      assert.equal(store.authority('server').refuse('dev1', psk('g2')), undefined)
      await store.close()
      assert.deepEqual(warnings, [])
    })
  })

  describe('who may be which endpoint', () => {
    const refusal = (endpoint: string, identity: PeerIdentity) => {
      const found = store.authority('server').refuse(endpoint, identity)
      return found && `${found.code}: ${found.reason}`
    }
    /** Whether a certificate with this name comes through the handshake. */
    const lets = (name: string | undefined, trusted = true) =>
      store.lookups(['server']).certificate({
        leaf: { raw: Buffer.from(String(name)) },
        trusted,
        identity: name === undefined ? x509() : x509(name),
      } as never)
    const endpointOf = (identity: PeerIdentity) => store.authority('server').endpointOf(identity)

    it('without any credential: everybody without security', () => {
      assert.equal(refusal('a', NO_IDENTITY), undefined)
      assert.equal(endpointOf(NO_IDENTITY), undefined)
      assert.equal(refusal('a', psk('x')), 'unknown-identity: PSK identity "x" has no credential')
    })

    it('PSK: the endpoint of the identity and no other', async () => {
      await store.add({ endpoint: 'a', key: '01', identity: 'ia' })
      await store.add({ endpoint: 'b', key: '02', identity: 'ib' })
      assert.equal(endpointOf(psk('ia')), 'a')
      assert.equal(refusal('a', psk('ia')), undefined)
      assert.equal(
        refusal('a', psk('ib')),
        'identity-mismatch: endpoint "a" must come with PSK identity "ia", but PSK identity "ib" came',
      )
      assert.equal(
        refusal('c', psk('ib')),
        'identity-mismatch: PSK identity "ib" stands for "b", not for "c"',
      )
      assert.equal(
        refusal('a', NO_IDENTITY),
        'security-required: endpoint "a" must come with PSK identity "ia", but came without security',
      )
      assert.equal(refusal('c', NO_IDENTITY), undefined)
    })

    it('a bootstrap credential opens and demands nothing at the server', async () => {
      await store.add({ endpoint: 'a', key: '01', use: 'bootstrap' })
      assert.equal(refusal('a', NO_IDENTITY), undefined)
      assert.match(refusal('a', psk('a')) ?? '', /^unknown-identity/)
      const bootstrap = store.authority('bootstrap')
      assert.equal(bootstrap.refuse('a', psk('a')), undefined)
      assert.equal(bootstrap.refuse('a', NO_IDENTITY)?.code, 'security-required')
      assert.equal(store.lookups(['server']).psk(Buffer.from('a')), undefined)
    })

    it('one PSK for a pattern: any matching endpoint, which must say its name', async () => {
      await store.add({ endpoint: 'fleet-*', key: '01', identity: 'factory' })
      assert.equal(endpointOf(psk('factory')), undefined)
      assert.equal(refusal('fleet-7', psk('factory')), undefined)
      assert.match(refusal('other', psk('factory')) ?? '', /stands for "fleet-\*", not for "other"/)
      assert.match(refusal('fleet-7', NO_IDENTITY) ?? '', /^security-required/)
    })

    it('RPK: the endpoint of the key', async () => {
      const publicKey = spki()
      await store.add({ endpoint: 'a', mode: 'rpk', publicKey })
      assert.equal(endpointOf(rpk(publicKey)), 'a')
      assert.equal(refusal('a', rpk(publicKey)), undefined)
      assert.match(refusal('a', rpk(spki())) ?? '', /must come with its raw public key/)
      assert.match(refusal('b', rpk(publicKey)) ?? '', /^identity-mismatch/)
      assert.equal(store.lookups(['server']).rawPublicKey(publicKey), true)
      assert.equal(store.lookups(['server']).rawPublicKey(spki()), false)
    })

    it('X.509: what the certificate names, where nothing else is said', async () => {
      assert.equal(endpointOf(x509('a')), 'a')
      assert.equal(refusal('a', x509('a')), undefined)
      assert.equal(refusal('b', x509('a', 'urn:b', 'b')), undefined)
      assert.equal(
        refusal('c', x509('a', 'b')),
        'identity-mismatch: the certificate names "a", "b", not "c"',
      )
      assert.equal(lets('a'), true)
      assert.equal(lets('a', false), false)
      assert.equal(lets(undefined), false, 'it names nobody')
      const nameless: PeerIdentity = { ...x509('san1', 'san2'), commonName: undefined } as never
      assert.equal(endpointOf(nameless), undefined)
      await store.add({ endpoint: 'a', key: '01' })
      assert.match(refusal('a', x509('a')) ?? '', /must come with PSK identity "a"/)
      assert.equal(endpointOf(x509('a')), undefined)
    })

    it('X.509: nothing unless listed, where so chosen', async () => {
      await fresh({ certificates: 'listed' })
      assert.match(refusal('a', x509('a')) ?? '', /^unknown-identity/)
      assert.equal(lets('a'), false)
      await store.add({ endpoint: 'dev-*', mode: 'x509' })
      assert.equal(lets('dev-1'), true)
      assert.equal(lets('dev-1', false), false, 'not under the trust anchors')
      assert.equal(endpointOf(x509('dev-1')), 'dev-1')
      assert.equal(refusal('dev-1', x509('dev-1')), undefined)
      assert.match(refusal('dev-2', x509('dev-1')) ?? '', /^identity-mismatch/)
      assert.match(refusal('dev-1', NO_IDENTITY) ?? '', /^security-required/)
    })

    it('X.509: a pinned certificate, whoever issued it, while it is valid', async function () {
      requireTool(this, 'openssl')
      const leaf = selfSigned('whatever')
      await store.add({ endpoint: 'a', mode: 'x509', certificate: leaf.raw })
      const identity: PeerIdentity = {
        kind: 'x509',
        subject: 'CN=whatever',
        commonName: 'whatever',
        names: ['whatever'],
        certificate: leaf.raw,
      }
      const accepted = () =>
        store.lookups(['server']).certificate({ leaf, trusted: false, identity } as never)
      assert.equal(endpointOf(identity), 'a')
      assert.equal(refusal('a', identity), undefined)
      assert.match(refusal('whatever', identity) ?? '', /stands for "a", not for "whatever"/)
      assert.match(refusal('a', x509('a')) ?? '', /its pinned certificate/)
      clock.advance(3_600_000)
      assert.equal(accepted(), true)
      clock.advance(2 * 86_400_000)
      assert.equal(accepted(), false)
    })

    it('X.509: another name, one for several endpoints', async () => {
      await store.add({ endpoint: 'a', mode: 'x509', name: 'CN of a' })
      assert.equal(endpointOf(x509('CN of a')), 'a')
      assert.equal(refusal('a', x509('CN of a')), undefined)
      assert.match(refusal('a', x509('a')) ?? '', /a certificate named "CN of a"/)
      await store.add({ endpoint: 'g/*', mode: 'x509', name: 'gateway' })
      assert.equal(refusal('g/1', x509('gateway')), undefined)
      assert.equal(endpointOf(x509('gateway')), undefined)
    })
  })
})
