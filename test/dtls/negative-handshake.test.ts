import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { CLIENT_SPKI, rpkClient, rpkCredentials } from './support/raw-keys'
import { PSK, pskCredentials } from './support/harness'
import { rawFragment, rawRecord } from './support/wire'

const illegalParameter = [{ level: 2, description: 47, epoch: 0 }]
const decodeError = [{ level: 2, description: 50, epoch: 0 }]
const unexpectedMessage = [{ level: 2, description: 10, epoch: 0 }]
const handshakeFailure = [{ level: 2, description: 40, epoch: 0 }]
const decryptError = [{ level: 2, description: 51, epoch: 0 }]

describe('malformed handshakes', () => {
  let net: MemoryNet
  let live: HostileClient

  const usual = { credentials: { ...pskCredentials, ...rpkCredentials } }
  beforeEach(async () => {
    net = new MemoryNet(usual)
    live = await new HostileClient(net, { address: '198.51.100.1' }).connect()
  })
  afterEach(async () => {
    const before = net.messages.length
    live.send(live.appData('still here'))
    const other = await new HostileClient(net, { address: '198.51.100.9' }).connect()
    other.send(other.appData('new here'))
    assert.deepEqual(net.texts.slice(before), ['still here', 'new here'])
    assert.deepEqual(net.warnings, [])
  })

  /** Associations besides those used by every test. */
  const established = (): number => net.server.counters.associations - 1

  it('drops a fragment beyond the end of its message', async () => {
    const client = new HostileClient(net)
    await client.greet()
    const [message] = [client.keyExchange()[0]?.subarray(13 + 12)]
    assert.ok(message)
    const beyond = rawFragment(16, 2, message, { length: message.length, offset: 1 })
    client.send(client.plain(22, beyond))
    assert.equal(net.dropped('malformed'), 1)
    client.send(client.plain(22, rawFragment(16, 2, message)))
    await net.settle()
    client.send(client.changeCipherSpec(), client.finished())
    assert.equal(established(), 1)
  })

  it('accepts overlapping fragments with the same content, and fails on others', async () => {
    for (const agree of [true, false]) {
      const client = new HostileClient(net)
      await client.greet()
      const body = client.keyExchange()[0]?.subarray(13 + 12)
      assert.ok(body)
      const { length } = body
      const second = Buffer.from(body.subarray(1))
      if (!agree) second[0] = (second[0] ?? 0) ^ 1
      client.send(client.plain(22, rawFragment(16, 2, body.subarray(0, 4), { length })))
      client.send(client.plain(22, rawFragment(16, 2, second, { length, offset: 1 })))
      await net.settle()
      if (!agree) assert.deepEqual(client.alerts, illegalParameter)
      client.send(client.changeCipherSpec(), client.finished())
      assert.equal(client.serverFinished, agree)
    }
    assert.equal(net.failed('illegal-parameter'), 1)
  })

  it('fails on the same message_seq with another type or length', async () => {
    for (const [type, length] of [
      [15, 20],
      [16, 21],
    ] as const) {
      const client = new HostileClient(net)
      await client.greet()
      client.send(client.plain(22, rawFragment(16, 2, Buffer.alloc(4), { length: 20 })))
      client.send(client.plain(22, rawFragment(type, 2, Buffer.alloc(4), { length, offset: 4 })))
      assert.deepEqual(client.alerts, illegalParameter)
    }
    assert.equal(net.server.counters.halfOpen, 0)
  })

  it('rejects a message of 2^24 - 1 bytes without allocating it', async () => {
    const client = new HostileClient(net, rpkClient())
    await client.greet()
    const before = process.memoryUsage().arrayBuffers
    for (let seq = 2; seq < 6; seq++) {
      const length = 0xffffff
      client.send(client.plain(22, rawFragment(11, seq, Buffer.alloc(10), { length })))
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20)
    assert.equal(net.dropped('reassembly-limit'), 4)
    // At most 8 kB for a Certificate, 2 kB for a ClientKeyExchange, 512 bytes for any other.
    client.send(client.plain(22, rawFragment(11, 3, Buffer.alloc(1), { length: 8193 })))
    client.send(client.plain(22, rawFragment(16, 3, Buffer.alloc(1), { length: 2049 })))
    client.send(client.plain(22, rawFragment(15, 3, Buffer.alloc(1), { length: 513 })))
    assert.equal(net.dropped('reassembly-limit'), 7)
    await client.finish()
    assert.ok(client.serverFinished)
  })

  it('limits ten thousand fragments of one byte, and reassembles valid ones', async () => {
    const client = new HostileClient(net, rpkClient())
    await client.greet()
    for (let i = 0; i < 10_000; i++) {
      const options = { length: 8192, offset: i % 8192 }
      client.send(client.plain(22, rawFragment(11, 2 + (i % 4), Buffer.from([7]), options)))
    }
    // One message of 8 kB fits; the three ahead of it exceed the limit.
    assert.equal(net.dropped('reassembly-limit'), 7500)

    const patient = new HostileClient(net, rpkClient())
    await patient.greet()
    for (const record of patient.keyExchange()) {
      const type = record.readUInt8(13)
      const seq = record.readUInt16BE(13 + 4)
      const body = record.subarray(13 + 12)
      for (let offset = body.length - 1; offset >= 0; offset--) {
        const options = { length: body.length, offset }
        const byte = body.subarray(offset, offset + 1)
        patient.send(patient.plain(22, rawFragment(type, seq, byte, options)))
      }
    }
    await net.settle()
    patient.send(patient.changeCipherSpec(), patient.finished())
    assert.ok(patient.serverFinished)
  })

  it('completes with the messages of a flight in any order', async () => {
    const client = new HostileClient(net, rpkClient())
    await client.greet()
    const [certificate, keyExchange, verify] = client.keyExchange()
    assert.ok(certificate && keyExchange && verify)
    const finished = [client.changeCipherSpec(), client.finished()]
    client.send(verify)
    client.send(keyExchange)
    client.send(finished[1] ?? verify)
    client.send(certificate)
    await net.settle()
    assert.equal(established(), 0)
    client.send(finished[0] ?? verify)
    await net.settle()
    assert.ok(client.serverFinished)
  })

  it('drops a message_seq far ahead', async () => {
    const client = new HostileClient(net)
    await client.greet()
    for (const seq of [6, 7, 1000, 65535]) {
      client.send(client.plain(22, rawFragment(16, seq, Buffer.alloc(8))))
    }
    assert.equal(net.dropped('reassembly-limit'), 4)
    await client.finish()
    assert.ok(client.serverFinished)
  })

  it('fails on ClientKeyExchange without the required Certificate', async () => {
    const client = new HostileClient(net, rpkClient())
    await client.greet()
    client.send(client.clientKeyExchange())
    assert.deepEqual(client.alerts, unexpectedMessage)

    const empty = new HostileClient(net, rpkClient(Buffer.alloc(0)))
    await empty.greet()
    await empty.finish()
    assert.deepEqual(empty.alerts, handshakeFailure)
    assert.equal(net.failures.at(-1)?.code, 'no-certificate')
    assert.equal(established(), 0)
  })

  it('establishes nothing without CertificateVerify', async () => {
    const client = new HostileClient(net, rpkClient())
    await client.greet()
    const [certificate, keyExchange] = [
      client.message(11, clientCertificate()),
      client.clientKeyExchange(),
    ]
    client.send(certificate, keyExchange, client.changeCipherSpec(), client.finished())
    await net.settle()
    client.send(client.appData('let me in'))
    assert.equal(established(), 0)
    assert.deepEqual(net.texts, [])
    await net.run(60_000, 1000)
    assert.equal(net.failures.at(-1)?.code, 'handshake-timeout')
    assert.equal(net.server.counters.halfOpen, 0)
  })

  it('fails on a bad signature, another key or a hash that was not offered', async () => {
    const bad = new HostileClient(net, rpkClient())
    await bad.greet()
    bad.send(bad.message(11, clientCertificate()), bad.clientKeyExchange())
    bad.send(bad.message(15, bad.certificateVerify(0x0403, true)))
    assert.deepEqual(bad.alerts, decryptError)

    // The public key of another client: known here, but this client does not have its private key.
    const thief = new HostileClient(
      net,
      rpkClient(CLIENT_SPKI, {
        certificate: {
          key: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey,
          body: clientCertificate(),
        },
      }),
    )
    await thief.connect()
    assert.deepEqual(thief.alerts, decryptError)

    // SHA-1, RSA, Ed25519, nonsense
    for (const scheme of [0x0203, 0x0401, 0x0807, 0x0000]) {
      const client = new HostileClient(net, rpkClient())
      await client.greet()
      client.send(client.message(11, clientCertificate()), client.clientKeyExchange())
      client.send(client.message(15, client.certificateVerify(scheme)))
      assert.deepEqual(client.alerts, illegalParameter, scheme.toString(16))
    }
    assert.equal(established(), 0)
    assert.equal(net.failed('bad-signature'), 2)
  })

  it('does not answer an unknown identity until the deadline, but reports it', async () => {
    const client = new HostileClient(net, { identity: Buffer.from('nobody') })
    await client.connect()
    await net.run(59_999, 1000)
    assert.deepEqual(client.alerts, [])
    assert.equal(established(), 0)
    assert.equal(net.failures.length, 1)
    assert.equal(net.failures[0]?.code, 'unknown-identity')
    const identity = net.failures[0]?.identity
    assert.equal(identity?.kind === 'psk' && Buffer.from(identity.identity).toString(), 'nobody')
    await net.run(1)
    assert.equal(net.server.counters.halfOpen, 0)
    assert.equal(net.failures.length, 1)
  })

  it('rejects an unknown identity with any guessable key', async () => {
    for (const psk of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(16), PSK]) {
      const client = new HostileClient(net, { identity: Buffer.from('nobody'), psk })
      await client.connect()
      assert.equal(client.serverFinished, false)
    }
    assert.equal(established(), 0)
  })

  it('does not answer a wrong key either, but reports it', async () => {
    const unknown = new HostileClient(net, { identity: Buffer.from('nobo') })
    const wrong = new HostileClient(net, { psk: Buffer.from(PSK).reverse() })
    await unknown.connect()
    await wrong.connect()
    await net.run(60_000, 1000)
    const shape = ({ datagrams }: HostileClient): number[] => datagrams.map(({ length }) => length)
    assert.deepEqual(shape(wrong), shape(unknown))
    assert.deepEqual(wrong.alerts, [])
    assert.deepEqual(
      net.failures.map(({ code }) => code),
      ['unknown-identity', 'wrong-key'],
    )
    assert.equal(established(), 0)
  })

  it('reports a wrong key, and gives up the handshake, long before the deadline', async () => {
    for (const connectionId of [undefined, Buffer.alloc(0)]) {
      net.failures.splice(0)
      const wrong = new HostileClient(net, { psk: Buffer.from(PSK).reverse(), connectionId })
      await wrong.connect()
      await net.run(999)
      assert.equal(net.failures.length, 0)
      await net.run(1)
      const [failure] = net.failures
      assert.deepEqual(
        [failure?.code, failure?.address, failure?.port],
        ['wrong-key', '192.0.2.1', wrong.port],
      )
      const identity = failure?.identity
      assert.equal(identity?.kind === 'psk' && Buffer.from(identity.identity).toString(), 'dev1')
      assert.equal(net.server.counters.halfOpen, 0, 'it takes no room any more')
      // Not visible from outside, and reported once.
      await net.run(59_000, 1000)
      assert.deepEqual(wrong.alerts, [])
      assert.equal(net.failures.length, 1)
      assert.equal(net.server.counters.halfOpen, 0)
    }
    assert.equal(established(), 0)
  })

  it('reports a wrong key if the client restarts at once', async () => {
    const wrong = new HostileClient(net, { psk: Buffer.from(PSK).reverse() })
    await wrong.connect()
    await new HostileClient(net, { port: wrong.port }).connect()
    assert.deepEqual(
      net.failures.map(({ code }) => code),
      ['wrong-key'],
    )
  })

  it('reports no wrong key for a forged record before the real Finished', async () => {
    for (const connectionId of [undefined, Buffer.alloc(0)]) {
      const client = new HostileClient(net, { connectionId })
      await client.greet()
      client.send(client.clientKeyExchange(), client.changeCipherSpec())
      await net.settle()
      for (const sequence of [7, 8]) {
        const forged = client.protect(22, Buffer.alloc(24), sequence)
        forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1
        client.send(forged)
      }
      await net.run(999)
      client.send(client.finished())
      assert.ok(client.serverFinished)
      await net.run(60_000, 1000)
    }
    assert.deepEqual(net.failures, [])
    assert.equal(net.server.counters.associations, 3)
  })

  it('reports no wrong key for other records that cannot be decrypted, nor for other keys', async () => {
    const bend = (record: Buffer): Buffer => {
      record[record.length - 1] = (record[record.length - 1] ?? 0) ^ 1
      return record
    }
    const psk = new HostileClient(net)
    await psk.greet()
    psk.send(psk.clientKeyExchange(), psk.changeCipherSpec())
    await net.settle()
    psk.send(bend(psk.protect(21, Buffer.from([2, 51]))), bend(psk.appData('x'.repeat(40))))
    const resumed = new HostileClient(net, { session: live.session })
    await resumed.greet()
    resumed.send(resumed.changeCipherSpec(), bend(resumed.finished()))
    const rpk = new HostileClient(net, rpkClient())
    await rpk.greet()
    rpk.send(...rpk.keyExchange())
    await net.settle()
    rpk.send(rpk.changeCipherSpec(), bend(rpk.finished()))
    await net.run(60_000, 1000)
    assert.deepEqual(
      net.failures.map(({ code }) => code),
      ['handshake-timeout', 'handshake-timeout', 'handshake-timeout'],
    )
  })

  it('accepts identities of any bytes, and answers decode_error to one of 1,025 bytes', async () => {
    const known = [
      Buffer.from([0]),
      Buffer.from([0xff, 0xfe, 0xc0]),
      Buffer.from('a\0b'),
      Buffer.alloc(128, 0x80),
    ]
    const bytes = new MemoryNet({
      credentials: { psk: (id) => (known.some((entry) => entry.equals(id)) ? PSK : undefined) },
    })
    for (const identity of known) {
      const client = await new HostileClient(bytes, { identity }).connect()
      assert.ok(client.serverFinished)
      client.send(client.appData('x'))
      const found = bytes.messages.at(-1)?.association.identity
      assert.ok(found?.kind === 'psk' && identity.equals(found.identity))
    }
    for (const identity of [Buffer.alloc(0), Buffer.from('a'), Buffer.from([0xef, 0xbf, 0xbd])]) {
      await new HostileClient(bytes, { identity }).connect()
      assert.equal(bytes.failures.at(-1)?.code, 'unknown-identity')
    }
    const long = await new HostileClient(bytes, { identity: Buffer.alloc(1025, 65) }).connect()
    assert.deepEqual(long.alerts, decodeError)
    assert.equal(bytes.server.counters.associations, known.length)
  })

  it('answers illegal_parameter to a point off the curve, at infinity, compressed or of low order', async () => {
    const off = Buffer.alloc(65, 1)
    off[0] = 4
    const compressed = Buffer.concat([Buffer.from([2]), CLIENT_SPKI.subarray(-64, -32)])
    const hybrid = Buffer.concat([Buffer.from([6]), CLIENT_SPKI.subarray(-64)])
    const long = Buffer.concat([Buffer.from([4]), CLIENT_SPKI.subarray(-64), Buffer.from([0])])
    for (const point of [off, Buffer.from([0]), compressed, hybrid, long, Buffer.alloc(0)]) {
      const client = new HostileClient(net, { suites: [0xc037] })
      await client.greet()
      client.send(client.clientKeyExchange({ point }))
      assert.deepEqual(client.alerts, illegalParameter)
    }
    // Zero and one have order 1; shorter ones are not points.
    for (const point of [
      Buffer.alloc(32),
      Buffer.from(`01${'00'.repeat(31)}`, 'hex'),
      Buffer.alloc(31),
    ]) {
      const client = new HostileClient(net, { suites: [0xc037], group: 29 })
      await client.greet()
      client.send(client.clientKeyExchange({ point }))
      assert.deepEqual(client.alerts, illegalParameter)
    }
    assert.equal(net.failed('illegal-parameter'), 9)
  })

  it('answers decrypt_error to bad verify_data, and establishes nothing', async () => {
    for (const change of [
      (good: Buffer) => Buffer.from(good.map((byte) => byte ^ 1)),
      (good: Buffer) => good.subarray(0, 11),
      (good: Buffer) => Buffer.concat([good, Buffer.from([0])]),
      () => Buffer.alloc(0),
    ]) {
      const client = new HostileClient(net)
      await client.greet()
      client.send(client.clientKeyExchange())
      await net.settle()
      client.send(client.changeCipherSpec(), client.finished(change(client.finishedBody())))
      assert.deepEqual(client.alerts, decryptError)
    }
    assert.equal(net.failed('bad-finished'), 4)
    assert.equal(established(), 0)
  })

  it('ignores ChangeCipherSpec if it is early, repeated or malformed', async () => {
    const client = new HostileClient(net)
    client.send(client.changeCipherSpec())
    await client.greet()
    client.send(client.changeCipherSpec())
    client.send(client.clientKeyExchange())
    await net.settle()
    client.send(client.plain(20, Buffer.from([2])), client.plain(20, Buffer.from([1, 1])))
    client.send(client.plain(20, Buffer.alloc(0)))
    client.send(client.changeCipherSpec(), client.changeCipherSpec())
    client.send(client.finished())
    assert.ok(client.serverFinished)
    client.send(client.changeCipherSpec(), client.appData('goes on'))
    assert.deepEqual(net.texts, ['goes on'])
    assert.deepEqual(client.alerts, [])
  })

  it('never establishes anything by Finished in plaintext', async () => {
    const client = new HostileClient(net)
    await client.greet()
    client.send(client.clientKeyExchange())
    await net.settle()
    const body = client.finishedBody()
    const plain = (): Buffer => client.plain(22, rawFragment(20, client.messageSeq, body))
    client.send(plain())
    client.send(client.changeCipherSpec(), plain())
    client.send(rawRecord(22, 1, 0, rawFragment(20, client.messageSeq, body)))
    assert.equal(established(), 0)
    assert.equal(net.dropped('plaintext'), 2)
    client.send(client.finished())
    assert.equal(established(), 1)
  })
})

function clientCertificate(): Uint8Array {
  const body = rpkClient().certificate?.body
  assert.ok(body)
  return body
}
