import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { createCipher } from '../../src/dtls/ciphers'
import { additionalData } from '../../src/dtls/ciphers/cipher'
import { connectionKeys, pskPremaster } from '../../src/dtls/v12/keys/key-schedule'
import { prf } from '../../src/dtls/v12/keys/prf'
import { openRecord, readRecord, sealRecord } from '../../src/dtls/records/record'
import { findSuite } from '../../src/dtls/ciphers/suites'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const NONE = Buffer.alloc(0)

describe('key derivation', () => {
  it('computes the PRF with SHA-256 as published for TLS 1.2', () => {
    const output = prf(
      hex('9bbe436ba940f017b17652849a71db35'),
      'test label',
      [hex('a0ba9f936cda311827a6f796ffd5198c')],
      100,
    )
    assert.equal(
      output.toString('hex'),
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a' +
        '6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab' +
        '4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701' +
        '87347b66',
    )
  })

  it('computes the premaster secret of a PSK, alone (RFC 4279 §2) and with ECDH (RFC 5489 §2)', () => {
    assert.deepEqual(pskPremaster(hex('a1a2a3')), hex('0003 000000 0003 a1a2a3'))
    assert.deepEqual(pskPremaster(hex('a1a2'), hex('e1e2e3')), hex('0003 e1e2e3 0002 a1a2'))
  })

  it('splits the key block in the order of RFC 5246 §6.3', () => {
    const [master, client, server] = [randomBytes(48), randomBytes(32), randomBytes(32)]
    const block = prf(master, 'key expansion', [server, client], 96)
    const cbc = connectionKeys('cbc', master, client, server)
    assert.deepEqual(
      [cbc.client.mac, cbc.server.mac, cbc.client.key, cbc.server.key, cbc.client.iv],
      [
        block.subarray(0, 32),
        block.subarray(32, 64),
        block.subarray(64, 80),
        block.subarray(80),
        NONE,
      ],
    )
    const ccm = connectionKeys('ccm8', master, client, server)
    assert.deepEqual(
      [ccm.client.mac, ccm.client.key, ccm.server.key, ccm.client.iv, ccm.server.iv],
      [
        NONE,
        block.subarray(0, 16),
        block.subarray(16, 32),
        block.subarray(32, 36),
        block.subarray(36, 40),
      ],
    )
  })
})

describe('record protection, compared with primitives', () => {
  const keys = {
    client: { mac: randomBytes(32), key: randomBytes(16), iv: randomBytes(4) },
    server: { mac: randomBytes(32), key: randomBytes(16), iv: randomBytes(4) },
  }
  const mirrored = { client: keys.server, server: keys.client }
  const cid = hex('c1d2e3')
  const sequence = 0x0102_0304_0506

  it('computes additional data without Connection ID (RFC 5246 §6.2.3.3)', () => {
    const context = { type: 23, epoch: 1, sequence, connectionId: NONE }
    assert.deepEqual(additionalData(context, 5), hex('0001 010203040506 17 fefd 0005'))
  })

  it('computes additional data with Connection ID (RFC 9146 §5.3)', () => {
    const context = { type: 25, epoch: 1, sequence, connectionId: cid }
    const expected = 'ffffffffffffffff 19 03 19 fefd 0001 010203040506 c1d2e3 0006'
    assert.deepEqual(additionalData(context, 6), hex(expected))
  })

  const content = Buffer.from('hello')
  const header = hex('17 fefd 0001 010203040506')
  const cidHeader = hex('19 fefd 0001 010203040506 c1d2e3')
  const inner = Buffer.concat([content, hex('17')])
  const aad = (length: number, withCid: boolean): Buffer =>
    withCid
      ? hex(
          `ffffffffffffffff 19 03 19 fefd 0001 010203040506 c1d2e3 ${length.toString(16).padStart(4, '0')}`,
        )
      : hex(`0001 010203040506 17 fefd ${length.toString(16).padStart(4, '0')}`)

  const aeads = [
    ['ccm8', 'aes-128-ccm', 8],
    ['ccm', 'aes-128-ccm', 16],
    ['gcm', 'aes-128-gcm', 16],
  ] as const
  for (const [protection, name, authTagLength] of aeads) {
    for (const withCid of [false, true]) {
      it(`${protection}${withCid ? ' with Connection ID' : ''}: matches byte by byte`, () => {
        const plaintext = withCid ? inner : content
        const explicit = hex('0001 010203040506')
        const nonce = Buffer.concat([keys.server.iv, explicit])
        const cipher = createCipheriv(name as 'aes-128-ccm', keys.server.key, nonce, {
          authTagLength,
        })
        cipher.setAAD(aad(plaintext.length, withCid), { plaintextLength: plaintext.length })
        const ciphertext = cipher.update(plaintext)
        cipher.final()
        const fragment = Buffer.concat([explicit, ciphertext, cipher.getAuthTag()])
        const length = Buffer.from([0, fragment.length])
        const expected = Buffer.concat([withCid ? cidHeader : header, length, fragment])
        const ours = createCipher(protection, false, keys)
        const sealed = sealRecord(ours, 23, sequence, content, withCid ? cid : NONE)
        assert.deepEqual(sealed, expected)
        const { record } = readRecord(sealed, 0, cid.length)
        const theirs = createCipher(protection, false, mirrored)
        assert.deepEqual(record && openRecord(theirs, record), { type: 23, content })
      })
    }
  }

  const open = (fragment: Buffer): Buffer => {
    const decipher = createDecipheriv('aes-128-cbc', keys.server.key, fragment.subarray(0, 16))
    return decipher.setAutoPadding(false).update(fragment.subarray(16))
  }
  for (const withCid of [false, true]) {
    const name = withCid ? ' with Connection ID' : ''
    const fragmentOf = (etm: boolean): Buffer => {
      const cipher = createCipher('cbc', etm, keys)
      return sealRecord(cipher, 23, sequence, content, withCid ? cid : NONE).subarray(
        withCid ? 16 : 13,
      )
    }
    const plaintext = withCid ? inner : content

    it(`CBC, encrypt-then-MAC${name}: computes the MAC over IV and ciphertext (RFC 7366 §3, RFC 9146 §5.2)`, () => {
      const fragment = fragmentOf(true)
      const sealed = fragment.subarray(0, -32)
      const mac = createHmac('sha256', keys.server.mac)
        .update(aad(sealed.length, withCid))
        .update(sealed)
      assert.deepEqual(fragment.subarray(-32), mac.digest())
      const padding = Buffer.alloc(16 - plaintext.length, 15 - plaintext.length)
      assert.deepEqual(open(sealed), Buffer.concat([plaintext, padding]))
    })

    it(`CBC, MAC-then-encrypt${name}: puts the MAC inside the encryption (RFC 5246 §6.2.3.2)`, () => {
      const mac = createHmac('sha256', keys.server.mac)
      mac.update(aad(plaintext.length, withCid)).update(plaintext)
      const length = plaintext.length + 32
      const padding = Buffer.alloc(48 - length, 47 - length)
      const expected = Buffer.concat([plaintext, mac.digest(), padding])
      assert.deepEqual(open(fragmentOf(false)), expected)
    })
  }

  it('decrypts any length of content, any length of CBC padding, zeros after a type', () => {
    for (const protection of ['ccm8', 'ccm', 'gcm', 'cbc'] as const) {
      for (const etm of protection === 'cbc' ? [true, false] : [true]) {
        const seal = createCipher(protection, etm, mirrored)
        const read = createCipher(protection, etm, keys)
        for (let length = 0; length < 70; length++) {
          const bytes = randomBytes(length)
          const { record } = readRecord(sealRecord(seal, 23, length, bytes, NONE), 0, 0)
          assert.deepEqual(record && openRecord(read, record), { type: 23, content: bytes })
        }
        // Inner plaintext may be padded with zeros (RFC 9146 §4).
        const padded = Buffer.concat([Buffer.from('x'), hex('17 0000')])
        const { record } = readRecord(sealRecord(seal, 0, 99, padded, cid), 0, 3)
        assert.deepEqual(record && openRecord(read, record), {
          type: 23,
          content: Buffer.from('x'),
        })
      }
    }
    // 255 bytes of padding are allowed (RFC 5246 §6.2.3.2).
    const mac = createHmac('sha256', keys.client.mac).update(hex('0001 000000000000 17 fefd 0000'))
    const long = Buffer.concat([mac.digest(), Buffer.alloc(240, 239)])
    const iv = randomBytes(16)
    const cipher = createCipheriv('aes-128-cbc', keys.client.key, iv).setAutoPadding(false)
    const fragment = Buffer.concat([iv, cipher.update(long)])
    const read = createCipher('cbc', false, keys)
    const context = { type: 23, epoch: 1, sequence: 0, connectionId: NONE }
    assert.deepEqual(read.open(fragment, context), NONE)
    for (const bad of [238, 240, 255]) {
      const spoilt = Buffer.concat([long.subarray(0, -1), Buffer.from([bad])])
      const again = createCipheriv('aes-128-cbc', keys.client.key, iv).setAutoPadding(false)
      assert.equal(read.open(Buffer.concat([iv, again.update(spoilt)]), context), undefined)
    }
  })

  it('rejects bad padding even with a valid MAC (encrypt-then-MAC)', () => {
    const read = createCipher('cbc', true, keys)
    const context = { type: 23, epoch: 1, sequence: 0, connectionId: NONE }
    const open = (plaintext: Buffer): Buffer | undefined => {
      const iv = randomBytes(16)
      const cipher = createCipheriv('aes-128-cbc', keys.client.key, iv).setAutoPadding(false)
      const sealed = Buffer.concat([iv, cipher.update(plaintext)])
      const mac = createHmac('sha256', keys.client.mac)
      mac.update(hex(`0001 000000000000 17 fefd 00${sealed.length.toString(16)}`)).update(sealed)
      return read.open(Buffer.concat([sealed, mac.digest()]), context)
    }
    assert.deepEqual(open(hex('aabbcc0c0c0c0c0c0c0c0c0c0c0c0c0c')), hex('aabbcc'))
    assert.equal(open(hex('aabbcc0d0c0c0c0c0c0c0c0c0c0c0c0d')), undefined)
    assert.equal(open(hex('aabbcc10101010101010101010101010')), undefined)
    assert.equal(open(Buffer.alloc(16, 0xff)), undefined)
  })

  it('rejects fragments too short for their protection', () => {
    for (const number of [0xc0a8, 0xc0a4, 0x00a8, 0x00ae]) {
      const { protection } = findSuite(number) ?? assert.fail('no suite')
      for (const etm of [true, false]) {
        const cipher = createCipher(protection, etm, keys)
        const context = { type: 23, epoch: 1, sequence: 0, connectionId: NONE }
        for (let length = 0; length < 80; length++) {
          assert.equal(cipher.open(Buffer.alloc(length), context), undefined)
        }
      }
    }
  })
})
