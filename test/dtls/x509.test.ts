import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { parseCertificateFields } from '../../src/dtls/certificates/fields'
import { DecodeError, HandshakeFailure } from '../../src/dtls/errors'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { loadCertificates, loadServerKey } from '../../src/dtls/certificates/server-key'
import { identityOf, judgeChain, parseClientChain } from '../../src/dtls/certificates/x509'
import { seededRandom } from '../support/random'
import { requireTool } from '../support/tools'
import { CA_EXTENSIONS, type Issued, TestPki } from './support/pki'

const NO_KEY_IDS = ['subjectKeyIdentifier=none', 'authorityKeyIdentifier=none']
const DAY = 86_400_000

describe('client certificates', function () {
  let pki: TestPki
  let ca: Issued
  let now = 0

  before(function () {
    pki = new TestPki(requireTool(this, 'openssl'))
    ca = pki.issue('/CN=CA', { extensions: [...CA_EXTENSIONS, ...NO_KEY_IDS] })
    now = Date.now() + 60_000
  })
  after(() => pki?.remove())

  const der = ({ certificate }: Issued): Buffer => new X509Certificate(certificate).raw
  const judge = (chain: readonly Issued[], anchors: readonly Issued[] = [ca], at = now) =>
    judgeChain(
      parseClientChain(chain.map(der)),
      anchors.map(({ certificate }) => new X509Certificate(certificate)),
      at,
    )
  const reason = (...args: Parameters<typeof judge>): string | undefined => judge(...args).reason

  it('trusts a leaf of an anchor, a longer chain, an anchored intermediate and an anchored leaf', () => {
    const middle = pki.issue('/CN=Middle', { issuer: ca, extensions: CA_EXTENSIONS })
    const below = pki.issue('/CN=Below', { issuer: middle, extensions: CA_EXTENSIONS })
    const leaf = pki.issue('/CN=leaf', { issuer: below })
    assert.deepEqual(reason([pki.issue('/CN=dev', { issuer: ca })]), undefined)
    assert.equal(reason([leaf, below, middle]), undefined)
    assert.equal(reason([leaf, below, middle, ca]), undefined)
    assert.equal(reason([leaf, below], [middle]), undefined)
    assert.equal(reason([leaf], [leaf]), undefined)
    assert.equal(reason([leaf, middle, below]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf, below, middle], []), 'its chain leads to no trust anchor')
  })

  it('does not trust a root for being sent, nor a namesake of an anchor', () => {
    const namesake = pki.issue('/CN=CA', { extensions: [...CA_EXTENSIONS, ...NO_KEY_IDS] })
    const leaf = pki.issue('/CN=dev', { issuer: namesake, extensions: NO_KEY_IDS })
    assert.equal(reason([leaf, namesake]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf], [namesake]), undefined)
  })

  it('holds every certificate of the path to its dates', () => {
    const leaf = pki.issue('/CN=dev', { issuer: ca, days: 10 })
    assert.equal(reason([leaf], [ca], now - DAY), 'it is not valid yet')
    assert.equal(reason([leaf], [ca], now + 9 * DAY), undefined)
    assert.equal(reason([leaf], [ca], now + 11 * DAY), 'it has expired')
    const short = pki.issue('/CN=Short', { issuer: ca, days: 5, extensions: CA_EXTENSIONS })
    const of = pki.issue('/CN=dev', { issuer: short, days: 20 })
    assert.equal(reason([of, short], [ca], now + 6 * DAY), 'it has expired')
    const { notAfter } = judge([of, short])
    assert.ok(Math.abs(notAfter - (now + 5 * DAY)) < 3_600_000, 'the path ends with its first')
    assert.equal(reason([leaf], [ca], now + 31 * DAY), 'it has expired')
  })

  it('holds authorities to CA, path length and key usage', () => {
    const notCa = pki.issue('/CN=NotCA', {
      issuer: ca,
      extensions: ['basicConstraints=CA:FALSE', 'keyUsage=keyCertSign', ...NO_KEY_IDS],
    })
    const bare = pki.issue('/CN=Bare', { issuer: ca, extensions: NO_KEY_IDS })
    const mute = pki.issue('/CN=Mute', {
      issuer: ca,
      extensions: ['basicConstraints=CA:TRUE', 'keyUsage=digitalSignature', ...NO_KEY_IDS],
    })
    for (const [issuer, why] of [
      [notCa, 'its issuer is no authority'],
      [bare, 'its issuer is no authority'],
      [mute, 'its chain leads to no trust anchor'],
    ] as const) {
      const leaf = pki.issue('/CN=dev', { issuer, extensions: NO_KEY_IDS })
      assert.equal(reason([leaf, issuer]), why)
      assert.equal(reason([leaf], [issuer]), why, 'not even as a trust anchor')
    }
    const narrow = pki.issue('/CN=Narrow', {
      issuer: ca,
      extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'],
    })
    const below = pki.issue('/CN=Below', { issuer: narrow, extensions: CA_EXTENSIONS })
    assert.equal(reason([pki.issue('/CN=a', { issuer: narrow }), narrow]), undefined)
    const deep = pki.issue('/CN=b', { issuer: below })
    assert.equal(reason([deep, below, narrow]), 'its chain is longer than an authority allows')
  })

  it('holds the leaf to its key usage, and everyone to critical extensions it knows', () => {
    const leaf = (...extensions: string[]): Issued =>
      pki.issue('/CN=dev', { issuer: ca, extensions })
    const problem = (...extensions: string[]): string | undefined => reason([leaf(...extensions)])
    assert.equal(problem('keyUsage=keyAgreement'), 'its key must not be used for signatures')
    assert.equal(problem('extendedKeyUsage=serverAuth'), 'it is not for client authentication')
    assert.equal(problem('extendedKeyUsage=serverAuth,clientAuth'), undefined)
    assert.equal(problem('extendedKeyUsage=anyExtendedKeyUsage'), undefined)
    assert.match(problem('1.2.3.4=critical,DER:0500') ?? '', /critical extension 1\.2\.3\.4/)
    assert.equal(problem('1.2.3.4=DER:0500'), undefined)
    const constrained = pki.issue('/CN=NC', {
      issuer: ca,
      extensions: [...CA_EXTENSIONS, 'nameConstraints=critical,permitted;DNS:example.org'],
    })
    const below = pki.issue('/CN=dev', { issuer: constrained })
    assert.match(reason([below, constrained]) ?? '', /critical extension 2\.5\.29\.30/)
  })

  it('takes authorities with RSA and P-384 keys, but leaves with P-256 keys only', () => {
    for (const curve of ['rsa', 'secp384r1']) {
      const authority = pki.issue(`/CN=${curve}`, { curve, extensions: CA_EXTENSIONS })
      assert.equal(reason([pki.issue('/CN=dev', { issuer: authority })], [authority]), undefined)
      const leaf = pki.issue('/CN=dev', { issuer: ca, curve })
      assert.throws(() => parseClientChain([der(leaf)]), { code: 'bad-certificate' })
    }
  })

  it('finds names; two common names are none', () => {
    const identity = (subject: string, ...extensions: string[]) => {
      const issued = pki.issue(subject, { issuer: ca, extensions })
      const [leaf] = parseClientChain([der(issued)])
      assert.ok(leaf)
      return identityOf(leaf)
    }
    const names = 'subjectAltName=DNS:d.example,URI:urn:imei:1,IP:192.0.2.1,email:a@b.c'
    assert.deepEqual(identity('/CN=urn:imei:1/O=x', names).names, ['urn:imei:1', 'd.example'])
    const two = identity('/CN=a/CN=b', names)
    assert.equal(two.commonName, undefined)
    assert.deepEqual(two.names, ['d.example', 'urn:imei:1'])
    assert.equal(identity('/O=none').commonName, undefined)
    assert.equal(identity('/CN=line\\nbreak, CN=evil').commonName?.includes('CN=evil'), true)
  })

  it('refuses trailing bytes and anything mutated without ever throwing something untyped', () => {
    const good = der(pki.issue('/CN=dev', { issuer: ca, extensions: ['subjectAltName=DNS:x'] }))
    assert.throws(() => parseClientChain([Buffer.concat([good, Buffer.from([0])])]), {
      code: 'bad-certificate',
    })
    const random = seededRandom(7)
    let parsed = 0
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(good)
      for (let n = 0; n < 3; n++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      }
      const cut = random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
      try {
        parseCertificateFields(cut)
        parsed++
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
      try {
        parseClientChain([cut]).forEach(identityOf)
      } catch (error) {
        assert.ok(error instanceof HandshakeFailure || error instanceof DecodeError, String(error))
      }
    }
    assert.ok(parsed > 100 && parsed < 3000)
  })
})

describe('the own key', function () {
  it('is generated as P-256 with a certificate that openssl verifies', async function () {
    const openssl = requireTool(this, 'openssl')
    const { execFileSync } = await import('node:child_process')
    const pki = new TestPki(openssl)
    try {
      const { mkdtempSync, writeFileSync } = await import('node:fs')
      const file = `${mkdtempSync(`${pki.folder}/x`)}/own.pem`
      const own = generateServerKey({ commonName: 'lwm2m.example.org', days: 30_000 })
      writeFileSync(file, own.certificatePem)
      const run = (...args: string[]): string => execFileSync(openssl, args, { encoding: 'utf8' })
      assert.match(run('verify', '-x509_strict', '-check_ss_sig', '-CAfile', file, file), /OK/)
      const text = run('x509', '-in', file, '-noout', '-text')
      assert.match(text, /Version: 3/)
      assert.match(text, /DNS:lwm2m\.example\.org/)
      assert.match(text, /Not After : .* 21\d\d GMT/)
    } finally {
      pki.remove()
    }
  })

  it('can be loaded; others are refused, and no error holds key material', () => {
    const own = generateServerKey({ commonName: 'Ünïcode name' })
    const loaded = loadServerKey({
      privateKey: own.privateKeyPem,
      certificateChain: own.certificatePem,
    })
    assert.deepEqual(loaded.publicKey, own.publicKey)
    const other = generateServerKey({ commonName: 'other' })
    for (const [source, message] of [
      [{ privateKey: own.privateKeyPem, certificateChain: other.certificatePem }, /another key/],
      [{ privateKey: own.privateKeyPem.slice(0, -60) }, /cannot be read/],
      [{ privateKey: own.publicKeyPem }, /cannot be read/],
      [{ privateKey: own.privateKeyPem, certificateChain: 'nothing' }, /no PEM certificate/],
    ] as const) {
      assert.throws(
        () => loadServerKey(source),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'bad-credential')
          assert.match(error.message, message)
          assert.equal(error.cause, undefined)
          return true
        },
      )
    }
    assert.equal(loadCertificates(own.certificatePem + other.certificatePem).length, 2)
    assert.throws(() => generateServerKey({ commonName: '' }), RangeError)
    assert.throws(() => generateServerKey({ commonName: 'x'.repeat(65) }), RangeError)
    assert.throws(() => generateServerKey({ commonName: 'x', days: 1e9 }), RangeError)
  })
})
