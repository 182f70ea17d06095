import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { rawFragment } from './support/wire'

/*
 * Connection IDs between the server and what is written here from the text of RFC 9146 and RFC 5246
 * alone: keys, records and MACs by node:crypto, none of the code under test. (Neither OpenSSL 3 nor
 * GnuTLS 3 knows the extension in DTLS 1.2, and the RFC has no vectors.)
 */

/** RFC 5246 §5. */
function prf(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const hmac = (data: Buffer): Buffer => createHmac('sha256', secret).update(data).digest()
  const all = Buffer.concat([Buffer.from(label), seed])
  let a: Buffer = all
  let output: Buffer = Buffer.alloc(0)
  while (output.length < length) {
    a = hmac(a)
    output = Buffer.concat([output, hmac(Buffer.concat([a, all]))])
  }
  return output.subarray(0, length)
}

interface Keys {
  readonly mac: Buffer
  readonly key: Buffer
  readonly iv: Buffer
}

/** RFC 5246 §6.3: client's, then server's, of each kind. */
function keysOf(client: HostileClient, macLength: number, ivLength: number): [Keys, Keys] {
  const { master, serverHello, random } = client
  assert.ok(master && serverHello)
  const seed = Buffer.concat([serverHello.random, random])
  const block = prf(master, 'key expansion', seed, 2 * (macLength + 16 + ivLength))
  const cut = (at: number, length: number): Buffer => block.subarray(at, at + length)
  return [0, 1].map((side) => ({
    mac: cut(side * macLength, macLength),
    key: cut(2 * macLength + side * 16, 16),
    iv: cut(2 * macLength + 32 + side * ivLength, ivLength),
  })) as [Keys, Keys]
}

const uint = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

/** RFC 9146 §5: what is authenticated besides the content, in all three constructions. */
function additional(sequence: number, cid: Buffer, length: number): Buffer {
  return Buffer.concat([
    Buffer.alloc(8, 0xff), // seq_num_placeholder
    uint(25, 1), // tls12_cid
    uint(cid.length, 1),
    uint(25, 1),
    uint(0xfefd, 2),
    uint(1, 2), // epoch
    uint(sequence, 6),
    cid,
    uint(length, 2),
  ])
}

/** Protects a DTLSInnerPlaintext, and opens the record of the other side. */
interface Construction {
  seal(keys: Keys, sequence: number, cid: Buffer, inner: Buffer): Buffer
  open(keys: Keys, sequence: number, cid: Buffer, fragment: Buffer): Buffer
}

/** §5.3: AEAD with the explicit nonce of RFC 6655 §3 or RFC 5288 §3. */
function aead(name: 'aes-128-ccm' | 'aes-128-gcm', authTagLength: number): Construction {
  return {
    seal({ key, iv }, sequence, cid, inner) {
      const explicit = Buffer.concat([uint(1, 2), uint(sequence, 6)])
      const nonce = Buffer.concat([iv, explicit])
      const cipher = createCipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength })
      cipher.setAAD(additional(sequence, cid, inner.length), { plaintextLength: inner.length })
      const ciphertext = cipher.update(inner)
      cipher.final()
      return Buffer.concat([explicit, ciphertext, cipher.getAuthTag()])
    },
    open({ key, iv }, sequence, cid, fragment) {
      const nonce = Buffer.concat([iv, fragment.subarray(0, 8)])
      const length = fragment.length - 8 - authTagLength
      const decipher = createDecipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength })
      decipher.setAuthTag(fragment.subarray(8 + length))
      decipher.setAAD(additional(sequence, cid, length), { plaintextLength: length })
      const inner = decipher.update(fragment.subarray(8, 8 + length))
      decipher.final()
      return inner
    },
  }
}

const pad = (bytes: Buffer): Buffer => {
  const padding = 16 - (bytes.length % 16)
  return Buffer.concat([bytes, Buffer.alloc(padding, padding - 1)])
}
const unpad = (bytes: Buffer): Buffer => bytes.subarray(0, -1 - (bytes.at(-1) ?? 0))
const encrypt = (key: Buffer, plaintext: Buffer): Buffer => {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
}
const decrypt = (key: Buffer, bytes: Buffer): Buffer => {
  const decipher = createDecipheriv('aes-128-cbc', key, bytes.subarray(0, 16))
  return decipher.setAutoPadding(false).update(bytes.subarray(16))
}
const macOf = (key: Buffer, ...parts: Buffer[]): Buffer =>
  createHmac('sha256', key).update(Buffer.concat(parts)).digest()

/** §5.1: the MAC covers the inner plaintext. */
const macThenEncrypt: Construction = {
  seal: ({ mac, key }, sequence, cid, inner) =>
    encrypt(
      key,
      pad(Buffer.concat([inner, macOf(mac, additional(sequence, cid, inner.length), inner)])),
    ),
  open({ mac, key }, sequence, cid, fragment) {
    const plaintext = unpad(decrypt(key, fragment))
    const inner = plaintext.subarray(0, -32)
    const expected = macOf(mac, additional(sequence, cid, inner.length), inner)
    assert.deepEqual(plaintext.subarray(-32), expected)
    return inner
  },
}

/** §5.2: the MAC covers IV and ciphertext, and their length. */
const encryptThenMac: Construction = {
  seal({ mac, key }, sequence, cid, inner) {
    const sealed = encrypt(key, pad(inner))
    return Buffer.concat([sealed, macOf(mac, additional(sequence, cid, sealed.length), sealed)])
  },
  open({ mac, key }, sequence, cid, fragment) {
    const sealed = fragment.subarray(0, -32)
    const expected = macOf(mac, additional(sequence, cid, sealed.length), sealed)
    assert.deepEqual(fragment.subarray(-32), expected)
    return unpad(decrypt(key, sealed))
  },
}

const CONSTRUCTIONS = [
  ['CCM_8', 0xc0a8, true, aead('aes-128-ccm', 8), 0, 4],
  ['CCM', 0xc0a4, true, aead('aes-128-ccm', 16), 0, 4],
  ['GCM', 0x00a8, true, aead('aes-128-gcm', 16), 0, 4],
  ['CBC, MAC-then-encrypt', 0x00ae, false, macThenEncrypt, 32, 0],
  ['CBC, encrypt-then-MAC', 0x00ae, true, encryptThenMac, 32, 0],
] as const

describe('Connection IDs by RFC 9146', () => {
  const ours = Buffer.from('c1d0c1', 'hex')

  for (const [name, suite, etm, construction, macLength, ivLength] of CONSTRUCTIONS) {
    it(`${name}: protects Finished, data and close_notify in both directions, with padding`, async () => {
      const net = new MemoryNet()
      const client = new HostileClient(net, { suites: [suite], etm, connectionId: ours })
      await client.greet()
      // §3: opaque cid<0..2^8-1>.
      const extension = client.serverHello?.extensions.get(54) ?? assert.fail('no connection_id')
      assert.equal(extension[0], extension.length - 1)
      const theirs = extension.subarray(1)
      client.send(client.clientKeyExchange(), client.changeCipherSpec())
      await net.settle()
      const [write, read] = keysOf(client, macLength, ivLength)

      /** §4: tls12_cid, version, epoch, sequence number, cid, length; content, true type, zeros. */
      const record = (sequence: number, type: number, content: Buffer, zeros: number): Buffer => {
        const inner = Buffer.concat([content, uint(type, 1), Buffer.alloc(zeros)])
        const fragment = construction.seal(write, sequence, theirs, inner)
        const header = [uint(25, 1), uint(0xfefd, 2), uint(1, 2), uint(sequence, 6)]
        return Buffer.concat([...header, theirs, uint(fragment.length, 2), fragment])
      }
      /** The last record received, decrypted. */
      const received = (): { sequence: number; inner: string } => {
        const datagram = client.datagrams.at(-1) ?? assert.fail('nothing came')
        const at = datagram.indexOf(Buffer.concat([uint(25, 1), uint(0xfefd, 2), uint(1, 2)]))
        const sequence = datagram.readUIntBE(at + 5, 6)
        assert.deepEqual(datagram.subarray(at + 11, at + 14), ours)
        const length = datagram.readUInt16BE(at + 14)
        assert.equal(datagram.length, at + 16 + length)
        const fragment = datagram.subarray(at + 16)
        return {
          sequence,
          inner: construction.open(read, sequence, ours, fragment).toString('hex'),
        }
      }

      const verifyData = client.finishedBody()
      const finished = rawFragment(20, client.messageSeq, verifyData)
      client.send(record(0, 22, finished, 5))
      assert.equal(net.server.counters.handshakesCompleted, 1)
      const answer = received()
      assert.match(answer.inner, /^14.*16$/, 'a Finished, and its type behind it')
      assert.equal(answer.inner.length, 2 * (12 + 12 + 1))

      client.send(record(1, 23, Buffer.from('to the server'), 0))
      client.send(record(2, 23, Buffer.from('and more'), 40))
      assert.deepEqual(net.texts, ['to the server', 'and more'])
      const { association } = net.messages[0] ?? assert.fail('no message')
      net.server.send(association, Buffer.from('to the client'))
      assert.deepEqual(received(), {
        sequence: answer.sequence + 1,
        inner: `${Buffer.from('to the client').toString('hex')}17`,
      })

      client.send(record(3, 21, Buffer.from([1, 0]), 0))
      assert.equal(received().inner, '010015')
      assert.equal(net.ended.length, 1)
      assert.deepEqual(net.server.counters.dropped, {})
    })
  }

  it('ignores the extension number of the draft', async () => {
    const net = new MemoryNet()
    const client = new HostileClient(net, { extensions: [[254, Buffer.from([1, 7])]] })
    await client.connect()
    assert.ok(client.serverFinished)
    assert.deepEqual([...(client.serverHello?.extensions.keys() ?? [])].includes(254), false)
    client.send(client.appData('plain'))
    assert.deepEqual(net.texts, ['plain'])
  })
})
