import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { AEAD_ALGORITHMS, AeadCipher } from '../../src/dtls/ciphers/aead'
import { KeptCcm, MOST_KEPT_CONTENT } from '../../src/dtls/ciphers/kept-ccm'
import { type Keeper, KeptCiphers } from '../../src/dtls/ciphers/kept-ciphers'

describe('CCM with kept cipher objects', () => {
  const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 300, MOST_KEPT_CONTENT]
  const dataLengths = [13, 14, 30, 31, 21 + 255 + 2]

  for (const [name, keyLength] of [
    ['aes-128-ccm', 16],
    ['aes-256-ccm', 32],
  ] as const) {
    for (const tagLength of [8, 16]) {
      it(`encrypts and decrypts like ${name} with ${tagLength} byte tags, in any order`, () => {
        const key = createSecretKey(randomBytes(keyLength))
        const writer = new KeptCcm(key, tagLength)
        const reader = new KeptCcm(key, tagLength)
        for (const length of [...lengths, ...lengths.toReversed()]) {
          for (const dataLength of dataLengths) {
            const [nonce, data, plaintext] = [12, dataLength, length].map((n) => randomBytes(n))
            assert.ok(nonce && data && plaintext)
            const sealed = Buffer.alloc(5 + length + tagLength)
            writer.seal(nonce, data, plaintext, sealed, 5)
            const cipher = createCipheriv(name, key, nonce, { authTagLength: tagLength })
            cipher.setAAD(data, { plaintextLength: length })
            const expected = [cipher.update(length === 0 ? Buffer.alloc(1).subarray(1) : plaintext)]
            cipher.final()
            expected.push(cipher.getAuthTag())
            if (length > 0) assert.deepEqual(sealed.subarray(5), Buffer.concat(expected))
            assert.deepEqual(reader.open(nonce, data, sealed.subarray(5)), plaintext)
            const decipher = createDecipheriv(name, key, nonce, { authTagLength: tagLength })
            decipher.setAuthTag(sealed.subarray(5 + length))
            decipher.setAAD(data, { plaintextLength: length })
            if (length > 0) {
              assert.deepEqual(decipher.update(sealed.subarray(5, 5 + length)), plaintext)
              decipher.final()
            }
          }
        }
      })
    }
  }

  it('rejects every flipped bit, and continues with the next message', () => {
    const key = createSecretKey(randomBytes(16))
    const writer = new KeptCcm(key, 8)
    const reader = new KeptCcm(key, 8)
    for (const length of [0, 5, 16, 40]) {
      const [nonce, data, plaintext] = [12, 13, length].map((n) => randomBytes(n))
      assert.ok(nonce && data && plaintext)
      const sealed = Buffer.alloc(length + 8)
      writer.seal(nonce, data, plaintext, sealed, 0)
      for (const part of [sealed, data, nonce]) {
        for (let bit = 0; bit < part.length * 8; bit++) {
          part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          assert.equal(reader.open(nonce, data, sealed), undefined)
          part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        }
      }
      assert.deepEqual(reader.open(nonce, data, sealed), plaintext)
    }
  })

  it('starts after some records, ends when the limit is reached, without changing the output', () => {
    const pair = (): [AeadCipher, AeadCipher] => {
      const [client, server] = [0, 1].map(() => ({
        mac: Buffer.alloc(0),
        key: randomBytes(16),
        iv: randomBytes(4),
      }))
      assert.ok(client && server)
      const algorithm = AEAD_ALGORITHMS.ccm8
      return [
        new AeadCipher(algorithm, { client, server }),
        new AeadCipher(algorithm, { client: server, server: client }),
      ]
    }
    const isKept = (cipher: AeadCipher): boolean =>
      (cipher as unknown as { keptWrite: unknown }).keptWrite !== undefined
    const [a, b] = pair()
    const exchange = (from: AeadCipher, to: AeadCipher, sequence: number): void => {
      const context = { type: 23, epoch: 1, sequence, connectionId: new Uint8Array(0) }
      const content = randomBytes(sequence * 7)
      const sealed = Buffer.alloc(from.sealedLength(content.length))
      from.seal(content, context, sealed, 0)
      assert.deepEqual(to.open(sealed, context), content)
    }
    for (let i = 0; i < 20; i++) exchange(a, b, i)
    assert.ok(isKept(a))
    for (let i = 0; i < 1100; i++) {
      const [one, other] = pair()
      for (let sequence = 0; sequence < 9; sequence++) exchange(one, other, sequence)
      assert.ok(isKept(one))
    }
    assert.ok(!isKept(a), 'made room')
    for (let i = 0; i < 200; i++) exchange(a, b, i)
    assert.ok(isKept(a), 'and came back')
  })

  it('keeps a limited number', () => {
    const pool = new KeptCiphers(2)
    const released: number[] = []
    const keepers: Keeper[] = [0, 1, 2, 3].map((i) => ({ release: () => released.push(i) }))
    for (const keeper of keepers) pool.add(keeper)
    assert.deepEqual(released, [0, 1])
  })
})
