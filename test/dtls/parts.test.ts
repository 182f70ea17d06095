import assert from 'node:assert/strict'
import { ByteWriter } from '../../src/dtls/wire/byte-writer'
import { DtlsEndpoint } from '../../src/dtls/endpoint'
import { packFlight, type RecordWriter } from '../../src/dtls/v12/handshake/flight'
import { addressPrefixes } from '../../src/base/ip-address'
import { LookupGate } from '../../src/dtls/lookups/lookup-gate'
import {
  buildCertificateChain,
  parseCertificateChain,
} from '../../src/dtls/v12/messages/certificate'
import { ReplayWindow } from '../../src/dtls/records/replay'
import { SecretSlab } from '../../src/dtls/sessions/secret-slab'
import { FakeClock } from '../support/fake-clock'
import { fuzzDtls } from '../fuzz/dtls-fuzz'
import { fuzzHandshakes } from '../fuzz/handshake-fuzz'
import { seededRandom } from '../support/random'
import { pskCredentials } from './support/harness'

describe('components of the DTLS server', () => {
  it('replay window: agrees with a set of the last 64 numbers', () => {
    const random = seededRandom(3)
    for (let round = 0; round < 50; round++) {
      const window = new ReplayWindow()
      const seen = new Set<number>()
      let newest = -1
      let base = round % 2 === 0 ? 0 : 2 ** 47
      for (let i = 0; i < 300; i++) {
        const step = random() < 0.05 ? Math.floor(random() * 200) : Math.floor(random() * 4)
        base += step
        const sequence = Math.max(0, base - Math.floor(random() * 80))
        const fresh = !seen.has(sequence) && sequence > newest - 64
        assert.equal(window.isFresh(sequence), fresh, `round ${round}, record ${i}`)
        if (!fresh) continue
        window.mark(sequence)
        seen.add(sequence)
        newest = Math.max(newest, sequence)
        assert.equal(window.newest, newest)
      }
    }
  })

  it('writer: grows, keeps its content and fills in lengths', () => {
    const writer = new ByteWriter(1)
    writer.uint8(1).uint16(0x0203).uint24(0x040506)
    writer.vector(2, (inner) => inner.vector(1, (v) => v.bytes(Buffer.alloc(200, 7))).uint8(8))
    const expected = Buffer.concat([
      Buffer.from([1, 2, 3, 4, 5, 6, 0, 202, 200]),
      Buffer.alloc(200, 7),
      Buffer.from([8]),
    ])
    assert.deepEqual(writer.finish(), expected)
  })

  it('certificate chain: is parsed as it was built, in any size', () => {
    for (const sizes of [[], [1], [300, 700, 900], [5000, 3000]]) {
      const chain = sizes.map((size, i) => Buffer.alloc(size, i + 1))
      const parsed = parseCertificateChain(buildCertificateChain(chain), 4)
      assert.deepEqual(
        parsed.map((entry) => Buffer.from(entry)),
        chain,
      )
    }
    for (const bad of ['', '000001', '000004000001', '00000300000000', '000003000000']) {
      const parse = (): unknown => parseCertificateChain(Buffer.from(bad, 'hex'), 4)
      assert.throws(parse, { code: 'decode-error' }, bad)
    }
  })

  it('flights: fit their datagrams and records in any size, without loss', () => {
    const random = seededRandom(5)
    for (let round = 0; round < 200; round++) {
      const written: Buffer[] = []
      const records: RecordWriter = {
        write: (_epoch, type, content) => {
          if (type === 22) written.push(Buffer.from(content))
          return Buffer.concat([Buffer.alloc(13), content])
        },
        overhead: () => 13,
      }
      const limits = {
        mtu: 64 + Math.floor(random() * 1200),
        plaintext: 40 + Math.floor(random() * 2000),
      }
      const bodies = Array.from({ length: 5 }, () => Buffer.alloc(Math.floor(random() * 3000), 1))
      const items = bodies.map((body, messageSeq) => ({
        kind: 'handshake' as const,
        epoch: 0 as const,
        type: 11,
        messageSeq,
        body,
      }))
      const datagrams = packFlight([...items, { kind: 'change-cipher-spec' }], limits, records)
      assert.ok(datagrams.every(({ length }) => length > 0 && length <= limits.mtu))
      const got = bodies.map(() => 0)
      for (const fragment of written) {
        assert.ok(fragment.length <= limits.plaintext)
        const seq = fragment.readUInt16BE(4)
        assert.equal(fragment.readUIntBE(1, 3), bodies[seq]?.length)
        assert.equal(fragment.readUIntBE(6, 3), got[seq], 'in order, without gaps')
        assert.equal(fragment.readUIntBE(9, 3), fragment.length - 12)
        got[seq] = (got[seq] ?? 0) + fragment.length - 12
      }
      assert.deepEqual(
        got,
        bodies.map(({ length }) => length),
      )
    }
  })

  it('address groups: count by IPv4 address and /24, or IPv6 /64, /56 and /48', () => {
    const cases = [
      ['192.0.2.1', '192.0.2.1 192.0.2/24'],
      ['::ffff:192.0.2.1', '192.0.2.1 192.0.2/24'],
      ['2001:db8::1', '2001:db8:0:0::/64 2001:db8:0:0::/56 2001:db8:0::/48'],
      ['2001:DB8:0000:abcd:1:2:3:4', '2001:db8:0:abcd::/64 2001:db8:0:ab00::/56 2001:db8:0::/48'],
      ['2001:db8:1:2::', '2001:db8:1:2::/64 2001:db8:1:0::/56 2001:db8:1::/48'],
      ['::1', '0:0:0:0::/64 0:0:0:0::/56 0:0:0::/48'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64 fe80:0:0:0::/56 fe80:0:0::/48'],
      ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64 64:ff9b:0:0::/56 64:ff9b:0::/48'],
    ] as const
    for (const [address, keys] of cases) {
      const found = addressPrefixes(address)
      assert.equal(found.join(' '), keys, address)
    }
  })

  it('lookups: start in turn as others are released, each once', () => {
    const gate = new LookupGate(1)
    const started: string[] = []
    const first = gate.enter(() => started.push('first'))
    const second = gate.enter(() => started.push('second'))
    const third = gate.enter(() => started.push('third'))
    second.release()
    second.release()
    assert.deepEqual(started, ['first'])
    first.release()
    first.release()
    assert.deepEqual(started, ['first', 'third'])
    third.release()
    gate.enter(() => started.push('fourth'))
    assert.deepEqual(started, ['first', 'third', 'fourth'])
  })

  it('slab: returns its content, reuses slots and overwrites them', () => {
    const slab = new SecretSlab(4)
    const slots = Array.from({ length: 1000 }, (_, i) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(i)
      return slab.put([bytes.subarray(0, 1), bytes.subarray(1)])
    })
    slots.forEach((slot, i) => assert.equal(Buffer.from(slab.copy(slot)).readUInt32BE(), i))
    slab.erase(slots[500] ?? -1)
    assert.deepEqual(slab.copy(slots[500] ?? -1), new Uint8Array(4))
    assert.equal(slab.put([new Uint8Array([9])]), slots[500])
    assert.deepEqual(slab.copy(slots[500] ?? -1), new Uint8Array([9, 0, 0, 0]))
  })

  it('malformed handshakes and noise: fail with typed errors, within limits and without a warning', () =>
    fuzzDtls(5000, 11))

  it('server: continues after handshakes with modified records and fragments', () =>
    fuzzHandshakes(2000, 12))

  it('server: answers random datagrams with at most one alert', () => {
    const random = seededRandom(13)
    const sent: Uint8Array[] = []
    const server = new DtlsEndpoint({
      credentials: pskCredentials,
      clock: new FakeClock(),
      output: (datagram) => sent.push(datagram),
    })
    server.onWarning = (warning) => assert.fail(warning)
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.alloc(Math.floor(random() * 80))
      for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256)
      if (bytes.length > 13 && random() < 0.9) {
        bytes[0] = 20 + Math.floor(random() * 6)
        bytes.writeUInt16BE(0xfefd, 1)
        bytes.writeUInt16BE(random() < 0.5 ? 0 : 1, 3)
        bytes.writeUInt16BE(bytes.length - 13, 11)
      }
      server.receive(bytes, '192.0.2.1', 1)
    }
    // To the first one that looks like a record of an unknown association.
    assert.deepEqual(
      sent.map((datagram) => [datagram[0], datagram.length]),
      [[21, 15]],
    )
    const { dropped, handshakesStarted } = server.counters
    assert.equal(handshakesStarted, 0)
    assert.ok(Object.values(dropped).reduce((sum, count) => sum + count, 0) > 15_000)
  })
})
