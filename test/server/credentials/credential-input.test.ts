import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { parseCredential } from '../../../src/server/credentials/credential-input'
import {
  restoreCredential,
  storedCredential,
} from '../../../src/server/credentials/credential-record'
import { requireTool } from '../../support/tools'

const parse = (input: unknown) => parseCredential(input, 'entry 3', 'runtime')

function refused(input: unknown, message: RegExp): void {
  assert.throws(
    () => parse(input),
    (error: { code?: string; message?: string }) => {
      assert.equal(error.code, 'invalid-credential')
      assert.match(error.message ?? '', message)
      assert.match(error.message ?? '', /^entry 3/)
      return true
    },
  )
}

function psk(input: object): { identity: string; key: string } {
  const { proof } = parse({ endpoint: 'dev1', ...input })
  assert.ok(proof.mode === 'psk')
  return { identity: proof.identity.toString('hex'), key: proof.key.toString('hex') }
}

const P256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
const SPKI = P256.export({ format: 'der', type: 'spki' })

describe('a credential as it is written', () => {
  describe('pre-shared keys', () => {
    it('take the key as hex, base64, text or bytes', () => {
      const key = 'deadbeef00ff'
      assert.equal(psk({ key: 'DEADBEEF00ff' }).key, key)
      assert.equal(psk({ key: '0xDE:AD:BE:EF 00 ff' }).key, key)
      assert.equal(psk({ key: '3q2+7wD/', keyFormat: 'base64' }).key, key)
      assert.equal(psk({ key: '3q2-7wD_', keyFormat: 'base64' }).key, key)
      assert.equal(psk({ key: 'AA==', keyFormat: 'base64' }).key, '00')
      assert.equal(psk({ key: 'AA', keyFormat: 'base64' }).key, '00')
      assert.equal(psk({ key: 'sécret', keyFormat: 'text' }).key, '73c3a963726574')
      assert.equal(psk({ key: Buffer.from(key, 'hex') }).key, key)
      assert.equal(psk({ key: runInNewContext('new Uint8Array([222, 173])') }).key, 'dead')
    })

    it('have the endpoint name as identity unless told otherwise', () => {
      assert.equal(psk({ key: '01' }).identity, '64657631')
      assert.equal(psk({ key: '01', identity: 'é' }).identity, 'c3a9')
      assert.equal(psk({ key: '01', identity: '00ff', identityFormat: 'hex' }).identity, '00ff')
    })

    it('have keys of 1 to 64 and identities of 1 to 1,024 bytes', () => {
      assert.equal(psk({ key: 'ab'.repeat(64) }).key.length, 128)
      refused({ endpoint: 'a', key: 'ab'.repeat(65) }, /key has 65 bytes, it must have 1 to 64/)
      refused({ endpoint: 'a', key: new Uint8Array(0) }, /key has 0 bytes/)
      refused({ endpoint: 'a', key: '' }, /key is missing/)
      assert.equal(psk({ key: '01', identity: 'i'.repeat(1024) }).identity.length, 2048)
      refused({ endpoint: 'a', key: '01', identity: 'i'.repeat(1025) }, /identity has 1025 bytes/)
    })

    it('are refused when malformed, naming entry and property but never the key', () => {
      for (const [input, message] of [
        [{ key: 'secret' }, /\(endpoint "dev1"\): key is not valid: .* not hex digits/],
        [{ key: 'abc' }, /key is not valid: .*odd number/],
        [{ key: 'c2VjcmV0x', keyFormat: 'base64' }, /key is not valid: .*cut off/],
        [{ key: 'secret!', keyFormat: 'base64' }, /key is not valid: .*not base64/],
        [{ key: 12345678 }, /key must be text or bytes/],
        [{ key: '01', keyFormat: 'rot13' }, /keyFormat must be one of hex, base64, text/],
        [{ key: '01', identity: 'xy', identityFormat: 'hex' }, /identity is not valid/],
      ] as const) {
        refused({ endpoint: 'dev1', ...input }, message)
        assert.throws(
          () => parse({ endpoint: 'dev1', ...input }),
          (error: Error) =>
            !/secret|12345678|c2Vj/.test(inspect(error, { depth: 9, showHidden: true })),
        )
      }
    })
  })

  describe('raw public keys', () => {
    it('may be PEM, or DER in hex, base64 or bytes', () => {
      for (const publicKey of [
        P256.export({ format: 'pem', type: 'spki' }),
        SPKI.toString('hex'),
        SPKI.toString('base64'),
        SPKI,
      ]) {
        const { proof } = parse({ endpoint: 'a', mode: 'rpk', publicKey })
        assert.deepEqual(proof, { mode: 'rpk', publicKey: SPKI })
      }
    })

    it('are refused in any other form', () => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
      const rpk = (publicKey: unknown) => ({ endpoint: 'a', mode: 'rpk', publicKey })
      refused(rpk(Buffer.concat([SPKI, Buffer.from([0])])), /not in canonical DER form/)
      refused(rpk(rsa.export({ format: 'pem', type: 'spki' })), /elliptic curve/)
      refused(
        rpk(pair.privateKey.export({ format: 'pem', type: 'pkcs8' })),
        /not the PEM of a PUBLIC/,
      )
      refused(rpk('AAAA'), /not a SubjectPublicKeyInfo/)
      refused(rpk(undefined), /publicKey is missing/)
      refused({ ...rpk(SPKI), key: '01' }, /key does not belong to this mode/)
    })
  })

  describe('certificates', () => {
    it('are pinned as PEM, or DER in base64, hex or bytes', function () {
      requireTool(this, 'openssl')
      const folder = mkdtempSync(join(tmpdir(), 'lwm2m-cert-'))
      const key = join(folder, 'key.pem')
      execFileSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', key, '-out', join(folder, 'cert.pem'), '-subj', '/CN=dev1'],
      ], { stdio: 'ignore' }) // prettier-ignore
      const pem = readFileSync(join(folder, 'cert.pem'), 'utf8')
      const keyPem = readFileSync(key, 'utf8')
      rmSync(folder, { recursive: true })
      const base64 = pem.replace(/-----.*-----|\s/g, '')
      const der = Buffer.from(base64, 'base64')
      for (const certificate of [pem, base64, der.toString('hex'), der]) {
        const { proof } = parse({ endpoint: 'a', mode: 'x509', certificate })
        assert.deepEqual(proof, { mode: 'x509', certificate: der })
      }
      refused({ endpoint: 'a', mode: 'x509', certificate: pem + keyPem }, /contains a private key/)
    })

    it('go by name without one: the endpoint’s, or another', () => {
      const named = (input: object) => parse({ mode: 'x509', ...input }).proof
      assert.deepEqual(named({ endpoint: 'a' }), { mode: 'x509', name: 'a' })
      assert.deepEqual(named({ endpoint: 'a', name: 'urn:b' }), { mode: 'x509', name: 'urn:b' })
      assert.deepEqual(named({ endpoint: 'dev-*' }), { mode: 'x509', name: 'dev-*' })
      refused({ endpoint: 'dev-1', mode: 'x509', name: 'dev-*' }, /name must be no pattern/)
      refused({ endpoint: 'a', mode: 'x509', name: 'b', certificate: 'AAAA' }, /exclude each other/)
      refused({ endpoint: 'a', mode: 'x509', certificate: 'AAAA' }, /not an X\.509 certificate/)
    })
  })

  it('is refused for an endpoint that is none, and for properties that do not exist', () => {
    refused(null, /must be an object/)
    refused([], /must be an object/)
    refused('dev1', /must be an object/)
    refused({ key: '01' }, /endpoint is missing/)
    refused({ endpoint: 5, key: '01' }, /endpoint must be text/)
    refused({ endpoint: 'a\nb', key: '01' }, /control characters/)
    refused({ endpoint: 'a'.repeat(256), key: '01' }, /more than 255 bytes/)
    assert.equal(parse({ endpoint: 'a'.repeat(255), key: '01', identity: 'i' }).mode, 'psk')
    refused({ endpoint: 'a', key: '01', identiy: 'b' }, /"identiy" is not a property/)
    refused({ endpoint: 'a', key: '01', use: 'both' }, /use must be one of server, bootstrap/)
    refused({ endpoint: 'a', mode: 'nosec' }, /mode must be one of psk, rpk, x509/)
  })

  it('prints, serialises and spreads without its key', () => {
    const credential = parse({ endpoint: 'dev1', key: 'topsecret!', keyFormat: 'text' })
    const key = Buffer.from('topsecret!')
    const shown = [
      JSON.stringify(credential),
      JSON.stringify({ ...credential }),
      inspect(credential, { showHidden: true, depth: 10 }),
      inspect([credential], { customInspect: false, showHidden: true, depth: 10 }),
      String(credential),
    ].join()
    assert.doesNotMatch(shown, /topsecret/)
    for (const encoding of ['hex', 'base64', 'latin1'] as const) {
      assert.ok(!shown.includes(key.toString(encoding)), encoding)
    }
    assert.doesNotMatch(shown, /74 ?6f ?70 ?73/)
    assert.match(shown, /"identity":"dev1"/)
  })

  it('shows identities that are not text as hex', () => {
    const shown = (identity: Buffer) => parse({ endpoint: 'a', key: '01', identity }).info.identity
    assert.equal(shown(Buffer.from('urn:é')), 'urn:é')
    assert.equal(shown(Buffer.from([0xff, 0x00])), 'hex:ff00')
    assert.equal(shown(Buffer.from('a\u0000b')), 'hex:610062')
  })

  it('comes back from its stored form as it was', () => {
    for (const input of [
      { endpoint: 'a', key: '0102', identity: 'i', use: 'bootstrap' },
      { endpoint: 'a', mode: 'rpk', publicKey: SPKI },
      { endpoint: 'a*', mode: 'x509' },
    ]) {
      const before = parseCredential(input, 'x', 'runtime', { generated: true, addedAt: 7 })
      const after = restoreCredential(before.id, storedCredential(before))
      assert.deepEqual(after.info, before.info)
      assert.deepEqual(after.proof, before.proof)
      assert.ok(after.sameAs(before))
    }
    assert.throws(() => restoreCredential('x', Buffer.from('{')), { code: 'invalid-credential' })
    const incomplete = Buffer.from('{"endpoint":"a","use":"server","mode":"psk"}')
    assert.throws(() => restoreCredential('x', incomplete), /incomplete/)
  })
})
