import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import type { DtlsCredentials } from '../../src/dtls/credentials'
import { buildCertificateChain } from '../../src/dtls/v12/messages/certificate'
import { SessionJournal } from '../../src/server/persistence/session-journal'
import { MemoryStore } from '../../src/storage/memory-store'
import { FakeClock } from '../support/fake-clock'
import { requireTool } from '../support/tools'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { CA_EXTENSIONS, type Issued, TestPki } from './support/pki'
import { CLIENT_SPKI, rpkClient, rpkCredentials } from './support/raw-keys'

const DAY = 86_400_000

describe('verification of the credential at resumption', function () {
  let pki: TestPki
  let ca: Issued
  let otherCa: Issued
  let middle: Issued
  let leaf: Issued
  let store: MemoryStore

  /** The credentials known to the server; changed during a test. */
  type Known = { -readonly [name in keyof DtlsCredentials]: DtlsCredentials[name] }

  before(function () {
    pki = new TestPki(requireTool(this, 'openssl'))
    ca = pki.issue('/CN=CA', { extensions: CA_EXTENSIONS })
    otherCa = pki.issue('/CN=Other CA', { extensions: CA_EXTENSIONS })
    middle = pki.issue('/CN=Middle', { issuer: ca, extensions: CA_EXTENSIONS, days: 20 })
    leaf = pki.issue('/CN=device', { issuer: middle })
  })
  after(() => pki?.remove())
  beforeEach(() => {
    store = new MemoryStore()
    return store.open()
  })

  const x509 = ({ certificate }: Issued): X509Certificate => new X509Certificate(certificate)
  const clock = (days = 0): FakeClock => new FakeClock(Date.now() + 60_000 + days * DAY)
  const start = async (credentials: DtlsCredentials, days = 0): Promise<MemoryNet> => {
    const sessions = new SessionJournal(store, 'test')
    const lifetime = { sessionLifetime: 30 * DAY, cookieLifetime: DAY }
    const net = new MemoryNet({ credentials, sessions, clock: clock(days), ...lifetime })
    await net.server.start()
    return net
  }
  const serverKey = () =>
    loadServerKey({ privateKey: leaf.key, certificateChain: leaf.certificate })
  const client = (net: MemoryNet, session?: HostileClient['session']): HostileClient =>
    new HostileClient(net, {
      suites: [0xc0ae],
      group: 23,
      session,
      certificate: {
        key: createPrivateKey(leaf.key),
        body: buildCertificateChain([x509(leaf).raw, x509(middle).raw]),
      },
    })
  const connect = async (net: MemoryNet, session?: HostileClient['session']) =>
    client(net, session).connect()
  const resumptions = (net: MemoryNet): number => net.server.counters.resumptions

  for (const restarted of [false, true]) {
    const when = restarted ? 'after a restart' : 'while the server runs'

    it(`resumes with a chain of a trust anchor, ${when}`, async () => {
      const known: Known = { serverKey: serverKey(), trustAnchors: [x509(ca)] }
      let net = await start(known)
      const { session } = await connect(net)
      if (restarted) net = await start(known)
      await connect(net, session)
      assert.equal(resumptions(net), 1)
      assert.equal(net.server.exportSessions()[0]?.chain.length, 1)
    })

    it(`rejects a certificate of a removed CA, ${when}`, async () => {
      const lookups = [undefined, ({ trusted }: { trusted: boolean }) => trusted]
      for (const certificate of lookups) {
        const known: Known = { serverKey: serverKey(), trustAnchors: [x509(ca)], certificate }
        let net = await start(known)
        const { session } = await connect(net)
        known.trustAnchors = [x509(otherCa)]
        if (restarted) net = await start(known)
        const again = await connect(net, session)
        assert.equal(resumptions(net), 0)
        assert.equal(again.serverFinished, false)
        assert.equal(net.failures.at(-1)?.code, 'untrusted-certificate')
      }
    })

    it(`rejects it without any trust anchor left, ${when}`, async () => {
      for (const certificate of [undefined, ({ trusted }: { trusted: boolean }) => trusted]) {
        const known: Known = { serverKey: serverKey(), trustAnchors: [x509(ca)], certificate }
        let net = await start(known)
        const { session } = await connect(net)
        known.trustAnchors = []
        if (restarted) net = await start(known)
        await client(net, session)
          .connect()
          .catch(() => {})
        assert.equal(resumptions(net), 0)
        assert.equal(net.server.counters.associations, restarted ? 0 : 1)
        assert.ok(net.failures.length > 0)
      }
    })

    it(`rejects a device that its lookup no longer knows, ${when}`, async () => {
      let knows = true
      const known: Known = {
        serverKey: serverKey(),
        trustAnchors: [x509(ca)],
        certificate: () => knows,
      }
      let net = await start(known)
      const { session } = await connect(net)
      knows = false
      if (restarted) net = await start(known)
      await connect(net, session)
      assert.equal(resumptions(net), 0)
      assert.equal(net.failures.at(-1)?.code, 'untrusted-certificate')
    })

    it(`rejects a raw public key that is no longer known, ${when}`, async () => {
      let knows = true
      const known: Known = {
        ...rpkCredentials,
        rawPublicKey: (spki) => knows && CLIENT_SPKI.equals(spki),
      }
      let net = await start(known)
      const { session } = await new HostileClient(net, rpkClient()).connect()
      if (restarted) net = await start(known)
      await new HostileClient(net, rpkClient(CLIENT_SPKI, { session })).connect()
      assert.equal(resumptions(net), 1)
      knows = false
      await new HostileClient(net, rpkClient(CLIENT_SPKI, { session })).connect()
      assert.equal(resumptions(net), 1)
    })
  }

  it('checks the current validity of the chain', async () => {
    // The session would last 30 days, but the intermediate expires after 20.
    const known: Known = { serverKey: serverKey(), trustAnchors: [x509(ca)] }
    const { session } = await connect(await start(known))
    const later = await start(known, 15)
    await connect(later, session)
    assert.equal(resumptions(later), 1)
    const tooLate = await start(known, 21)
    await connect(tooLate, session)
    assert.equal(resumptions(tooLate), 0)
    assert.equal(tooLate.failures.at(-1)?.code, 'expired-certificate')
  })

  it('checks only the leaf of a session stored by an earlier version without its chain', async () => {
    const known: Known = { serverKey: serverKey(), trustAnchors: [x509(ca)] }
    const first = await start(known)
    const { session } = await connect(first)
    const [kept] = first.server.exportSessions()
    assert.ok(kept)
    const old = { ...kept, trusted: true, chain: undefined }
    await new SessionJournal(store, 'test').save(old as never)
    const second = await start(known)
    const again = await connect(second, session)
    assert.equal(resumptions(second), 0)
    assert.ok(again.serverFinished, 'by a full handshake')
  })
})
