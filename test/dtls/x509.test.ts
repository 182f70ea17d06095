import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { parseCertificateFields } from '../../src/dtls/certificates/fields'
import { DecodeError, HandshakeFailure } from '../../src/dtls/errors'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { loadCertificates, loadServerKey } from '../../src/dtls/certificates/server-key'
import { identityOf, judgeChain, parseChain } from '../../src/dtls/certificates/x509'
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
    now = Date.now() + 600_000
  })
  after(() => pki?.remove())

  const der = ({ certificate }: Issued): Buffer => new X509Certificate(certificate).raw
  const judge = (chain: readonly Issued[], anchors: readonly Issued[] = [ca], at = now) =>
    judgeChain(
      parseChain('client', chain.map(der)),
      anchors.map(({ certificate }) => new X509Certificate(certificate)),
      at,
    )
  const reason = (...args: Parameters<typeof judge>): string | undefined => judge(...args).reason

  it('accepts a leaf of an anchor, a longer chain, an anchored intermediate and an anchored leaf', () => {
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

  it('rejects a root that was only sent, and a CA with the name of an anchor', () => {
    const namesake = pki.issue('/CN=CA', { extensions: [...CA_EXTENSIONS, ...NO_KEY_IDS] })
    const leaf = pki.issue('/CN=dev', { issuer: namesake, extensions: NO_KEY_IDS })
    assert.equal(reason([leaf, namesake]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf]), 'its chain leads to no trust anchor')
    assert.equal(reason([leaf], [namesake]), undefined)
  })

  it('checks the validity period of every certificate of the path', () => {
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

  it('checks CA flag, path length and key usage of CAs', () => {
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
      [notCa, 'its issuer is not an authority'],
      [bare, 'its issuer is not an authority'],
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

  it('checks the key usage of the leaf, and critical extensions of every certificate', () => {
    const leaf = (...extensions: string[]): Issued =>
      pki.issue('/CN=dev', { issuer: ca, extensions })
    const problem = (...extensions: string[]): string | undefined => reason([leaf(...extensions)])
    assert.equal(problem('keyUsage=keyAgreement'), 'its key must not be used for signatures')
    assert.equal(problem('extendedKeyUsage=serverAuth'), 'it is not for client authentication')
    assert.equal(problem('extendedKeyUsage=serverAuth,clientAuth'), undefined)
    assert.equal(problem('extendedKeyUsage=anyExtendedKeyUsage'), undefined)
    assert.match(problem('1.2.3.4=critical,DER:0500') ?? '', /critical extension 1\.2\.3\.4/)
    assert.equal(problem('1.2.3.4=DER:0500'), undefined)
  })

  it('rejects chains signed with MD5 or SHA-1, or by RSA keys below 2,048 bits', () => {
    const rsa = pki.issue('/CN=RSA', { curve: 'rsa', extensions: CA_EXTENSIONS })
    const short = pki.issue('/CN=Short', { curve: 'rsa:1024', extensions: CA_EXTENSIONS })
    for (const [issuer, hash] of [
      [rsa, 'md5'],
      [rsa, 'sha1'],
      [ca, 'sha1'],
    ] as const) {
      const leaf = pki.issue('/CN=dev', { issuer, hash })
      assert.match(reason([leaf], [issuer]) ?? '', /algorithm that is not accepted \(1\.2\.840\./)
      // The signature of a certificate that is trusted itself is not checked.
      assert.equal(reason([leaf], [leaf]), undefined)
      const middle = pki.issue('/CN=Middle', { issuer, hash, extensions: CA_EXTENSIONS })
      const below = pki.issue('/CN=dev', { issuer: middle })
      assert.match(reason([below, middle], [issuer]) ?? '', /algorithm that is not accepted/)
      assert.equal(reason([below], [middle]), undefined)
    }
    for (const hash of ['sha256', 'sha384', 'sha512']) {
      assert.equal(reason([pki.issue('/CN=dev', { issuer: rsa, hash })], [rsa]), undefined)
      assert.equal(reason([pki.issue('/CN=dev', { issuer: ca, hash })]), undefined)
    }
    const leaf = pki.issue('/CN=dev', { issuer: short })
    assert.match(reason([leaf], [short]) ?? '', /RSA key of 1024 bits; 2048 are needed/)
    const under = pki.issue('/CN=Under', {
      issuer: rsa,
      curve: 'rsa:1024',
      extensions: CA_EXTENSIONS,
    })
    const deep = pki.issue('/CN=dev', { issuer: under })
    assert.match(reason([deep, under], [rsa]) ?? '', /RSA key of 1024 bits/)
  })

  it('checks the extended key usage of intermediates', () => {
    const authority = (...extensions: string[]): Issued =>
      pki.issue('/CN=Middle', { issuer: ca, extensions: [...CA_EXTENSIONS, ...extensions] })
    const problem = (middle: Issued): string | undefined =>
      reason([pki.issue('/CN=dev', { issuer: middle }), middle])
    assert.equal(
      problem(authority('extendedKeyUsage=serverAuth')),
      'its issuer is not an authority for client authentication',
    )
    assert.equal(problem(authority('extendedKeyUsage=serverAuth,clientAuth')), undefined)
    assert.equal(problem(authority('extendedKeyUsage=anyExtendedKeyUsage')), undefined)
    assert.equal(problem(authority()), undefined)
  })

  it('applies the name constraints of a CA to all names below it, critical or not', () => {
    const OUTSIDE = 'its names are outside of those that an authority may certify'
    const problem = (
      constraints: string,
      subject: string,
      alternative?: string,
    ): string | undefined => {
      const middle = pki.issue('/CN=Middle', {
        issuer: ca,
        extensions: [...CA_EXTENSIONS, `nameConstraints=${constraints}`],
      })
      const extensions = alternative === undefined ? [] : [`subjectAltName=${alternative}`]
      return reason([pki.issue(subject, { issuer: middle, extensions }), middle])
    }
    const inside = (...args: Parameters<typeof problem>): void =>
      assert.equal(problem(...args), undefined, args.join(' '))
    const outside = (...args: Parameters<typeof problem>): void =>
      assert.equal(problem(...args), OUTSIDE, args.join(' '))
    for (const critical of ['', 'critical,']) {
      const dns = `${critical}permitted;DNS:example.org`
      inside(dns, '/CN=room-1.example.org')
      inside(dns, '/O=x', 'DNS:a.B.EXAMPLE.org,URI:urn:imei:1')
      outside(dns, '/O=x', 'DNS:a.example.org,DNS:b.example.com')
      outside(dns, '/O=x', 'DNS:badexample.org')
      outside(dns, '/CN=room-1')
      inside(dns, '/CN=urn:imei:1')
      outside(`${critical}excluded;DNS:example.org`, '/CN=room-1.example.org')
      inside(`${critical}excluded;DNS:example.org`, '/CN=room-1.example.com')
    }
    inside('permitted;URI:.example.org', '/O=x', 'URI:coaps://a.example.org:5684/x')
    outside('permitted;URI:.example.org', '/O=x', 'URI:coaps://example.org/')
    inside('permitted;URI:example.org', '/O=x', 'URI:coaps://u@example.org')
    // Without a host there is nothing to compare (RFC 5280 §4.2.1.10).
    outside('permitted;URI:.example.org', '/CN=urn:imei:1')
    outside('permitted;URI:.example.org', '/O=x', 'URI:urn:imei:1')
    inside('permitted;email:example.org', '/O=x', 'email:a@example.org')
    outside('permitted;email:example.org', '/O=x', 'email:a@b.example.org')
    outside('permitted;email:example.org', '/O=x/emailAddress=a@example.com')
    inside('permitted;IP:192.0.2.0/255.255.255.0', '/O=x', 'IP:192.0.2.9')
    outside('permitted;IP:192.0.2.0/255.255.255.0', '/O=x', 'IP:192.0.3.9')
    outside('permitted;IP:192.0.2.0/255.255.255.0', '/O=x', 'IP:2001:db8::1')
    // A form that cannot be compared.
    outside('excluded;otherName:1.2.3.4;UTF8:a', '/O=x', 'otherName:1.2.3.4;UTF8:b')
  })

  it('continues without a trust anchor that cannot be read, and reports it if one is missing', () => {
    const odd = pki.issue('/CN=Odd', {
      extensions: [...CA_EXTENSIONS, 'nameConstraints=DER:3003800100'],
    })
    const leaf = pki.issue('/CN=dev', { issuer: ca })
    assert.equal(reason([leaf], [odd, ca]), undefined)
    const below = pki.issue('/CN=dev', { issuer: odd })
    const why = /no trust anchor \(1 of the trust anchors cannot be read\)/
    assert.match(reason([below], [odd, ca]) ?? '', why)
  })

  it('applies directory name constraints to subjects in any spelling, and to intermediates', () => {
    const section = ['nameConstraints=permitted;dirName:dir', '[dir]', 'O=Acme  Corp']
    const middle = pki.issue('/O=ACME corp/CN=Middle', {
      issuer: ca,
      extensions: [...CA_EXTENSIONS, ...section],
    })
    const of = (subject: string, issuer: Issued): Issued => pki.issue(subject, { issuer })
    assert.equal(reason([of('/O=acme corp/CN=a', middle), middle]), undefined)
    assert.match(reason([of('/O=Other/CN=a', middle), middle]) ?? '', /outside of those/)
    assert.match(reason([of('/CN=a/O=Acme Corp', middle), middle]) ?? '', /outside of those/)
    const below = pki.issue('/O=Other/CN=Below', { issuer: middle, extensions: CA_EXTENSIONS })
    const deep = of('/O=Acme Corp/CN=a', below)
    assert.match(reason([deep, below, middle]) ?? '', /outside of those/)
  })

  it('accepts CAs with RSA and P-384 keys, but only leaves with P-256 keys', () => {
    for (const curve of ['rsa', 'secp384r1']) {
      const authority = pki.issue(`/CN=${curve}`, { curve, extensions: CA_EXTENSIONS })
      assert.equal(reason([pki.issue('/CN=dev', { issuer: authority })], [authority]), undefined)
      const leaf = pki.issue('/CN=dev', { issuer: ca, curve })
      assert.throws(() => parseChain('client', [der(leaf)]), { code: 'bad-certificate' })
    }
  })

  it('finds names, but no common name if there are two', () => {
    const identity = (subject: string, ...extensions: string[]) => {
      const issued = pki.issue(subject, { issuer: ca, extensions })
      const [leaf] = parseChain('client', [der(issued)])
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

  it('rejects trailing bytes and any mutation with typed errors', () => {
    const good = der(pki.issue('/CN=dev', { issuer: ca, extensions: ['subjectAltName=DNS:x'] }))
    assert.throws(() => parseChain('client', [Buffer.concat([good, Buffer.from([0])])]), {
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
        parseChain('client', [cut]).forEach(identityOf)
      } catch (error) {
        assert.ok(error instanceof HandshakeFailure || error instanceof DecodeError, String(error))
      }
    }
    assert.ok(parsed > 100 && parsed < 3000)
  })
})

describe('own key', function () {
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

  it('is loaded if valid; others are rejected, and no error contains key material', () => {
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
