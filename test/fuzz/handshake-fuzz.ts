/**
 * Fuzzes a live DTLS server with whole handshakes, of every kind of client, whose records and
 * fragments are rewritten on the way: numbers, epochs, lengths, types, pieces, order, copies, losses.
 * Timers run meanwhile. Throws at the first finding.
 */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import { buildCertificateChain } from '../../src/dtls/v12/messages/certificate'
import { pskCredentials } from '../dtls/support/harness'
import { HostileClient, type HostileClientOptions } from '../dtls/support/hostile-client'
import { MemoryNet } from '../dtls/support/memory-net'
import { rpkClient, rpkCredentials } from '../dtls/support/raw-keys'
import { rawFragment, rawRecord } from '../dtls/support/wire'
import { seededRandom } from '../support/random'

const MOST_HALF_OPEN = 100
const MOST_ASSOCIATIONS = 200
const MOST_SESSIONS = 50
/** Clients with an address of their own each; then the addresses are used again. */
const ADDRESSES = 300

// Valid where the clock of the memory net begins.
const own = generateServerKey({ commonName: 'device', now: Date.UTC(2026, 0, 1) })
const serverKey = loadServerKey({
  privateKey: own.privateKeyPem,
  certificateChain: own.certificatePem,
})
const certificateClient: HostileClientOptions = {
  suites: [0xc0ae],
  group: 23,
  certificate: {
    key: createPrivateKey(own.privateKeyPem),
    body: buildCertificateChain([own.certificate]),
  },
}

const PSK_KINDS: readonly HostileClientOptions[] = [
  {},
  { connectionId: Buffer.from('c1d0', 'hex') },
  { suites: [0xc037], group: 29 },
  { suites: [0x00ae], etm: false, ems: false },
  { psk: Buffer.from('a wrong key') },
]
const CERTIFICATE_KINDS: readonly HostileClientOptions[] = [
  certificateClient,
  { ...certificateClient, connectionId: Buffer.alloc(0) },
  rpkClient(),
  rpkClient(Buffer.alloc(91, 3)),
]

/** Record sequence numbers around everything that counts. */
const NUMBERS = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 2 ** 20, 2 ** 48 - 5, 2 ** 48 - 1]
const LENGTHS = [0, 1, 11, 12, 255, 2 ** 14, 2 ** 14 + 256, 2 ** 16 - 1]
const LONG_LENGTHS = [...LENGTHS, 2 ** 16, 2 ** 24 - 1]

/** Rewrites datagrams. */
class Rewriter {
  constructor(
    readonly random: () => number,
    /** How many of the records are rewritten, 0 to 1. */
    private readonly share: number,
  ) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  number(): number {
    const near = this.pick(NUMBERS) + this.below(9) - 4
    return Math.min(2 ** 48 - 1, Math.max(0, near))
  }

  /** One datagram or more of it; sometimes none. */
  rewrite(datagram: Buffer, cidLength: number): Buffer[] {
    const records = split(datagram, cidLength).flatMap((record) =>
      this.chance(this.share) ? this.bent(record, cidLength) : [record],
    )
    if (this.chance(this.share)) this.shuffle(records)
    if (this.chance(this.share / 2)) records.push(...records)
    return this.chance(0.5) ? records : [Buffer.concat(records)]
  }

  /** Puts records in another order. */
  shuffle(list: unknown[]): void {
    for (let at = list.length - 1; at > 0; at--) {
      const other = this.below(at + 1)
      ;[list[at], list[other]] = [list[other], list[at]]
    }
  }

  private bent(record: Buffer, cidLength: number): Buffer[] {
    const bytes = Buffer.from(record)
    const lengthAt = bytes[0] === 25 ? 11 + cidLength : 11
    switch (this.below(10)) {
      case 0:
        bytes.writeUIntBE(this.number(), 5, 6)
        return [bytes]
      case 1:
        bytes.writeUInt16BE(this.pick([0, 1, 2, 0xffff]), 3)
        return [bytes]
      case 2:
        bytes.writeUInt16BE(this.pick(LENGTHS), lengthAt)
        return [bytes]
      case 3:
        bytes[0] = 19 + this.below(8)
        return [bytes]
      case 4:
        bytes.writeUInt16BE(this.pick([0xfeff, 0xfefc, 0xfe00, 0x0303]), 1)
        return [bytes]
      case 5:
        for (let n = 1 + this.below(3); n > 0; n--)
          bytes[this.below(bytes.length)] = this.below(256)
        return [bytes]
      case 6:
        return []
      case 7:
        return [bytes.subarray(0, this.below(bytes.length))]
      default:
        return bytes[0] === 22 && bytes.readUInt16BE(3) === 0 ? this.pieces(bytes) : [bytes, bytes]
    }
  }

  /** A handshake message in fragments, or with another header. */
  private pieces(record: Buffer): Buffer[] {
    const content = record.subarray(13)
    if (content.length < 12) return [record]
    const sequence = record.readUIntBE(5, 6)
    const body = content.subarray(12)
    let type = content.readUInt8(0)
    let length = content.readUIntBE(1, 3)
    let messageSeq = content.readUInt16BE(4)
    if (this.chance(0.2)) type = this.pick([0, 1, 2, 3, 11, 14, 15, 16, 20, 255])
    if (this.chance(0.2)) length = this.pick(LONG_LENGTHS)
    if (this.chance(0.2)) messageSeq = this.pick([0, 1, 2, 3, 5, 9, 0xfffe, 0xffff])
    const pieces: Buffer[] = []
    const size = 1 + this.below(Math.min(body.length + 1, 200))
    for (let at = 0; at < body.length || pieces.length === 0; at += size) {
      const overlap = this.chance(0.2) ? this.below(5) : 0
      const offset = this.chance(0.05) ? this.pick(LONG_LENGTHS) : Math.max(0, at - overlap)
      const part = body.subarray(Math.max(0, at - overlap), at + size)
      const fragmentLength = this.chance(0.05) ? this.pick(LONG_LENGTHS) : part.length
      const fragment = rawFragment(type, messageSeq, part, { length, offset, fragmentLength })
      const number = this.chance(0.1) ? this.number() : Math.min(2 ** 48 - 1, sequence + at)
      pieces.push(rawRecord(22, this.chance(0.03) ? 1 : 0, number, fragment))
    }
    if (this.chance(0.3)) this.shuffle(pieces)
    return pieces
  }
}

function split(datagram: Buffer, cidLength: number): Buffer[] {
  const records: Buffer[] = []
  for (let at = 0; at < datagram.length;) {
    const header = datagram[at] === 25 ? 13 + cidLength : 13
    const next = at + header + datagram.readUInt16BE(at + header - 2)
    records.push(datagram.subarray(at, next))
    at = next
  }
  return records
}

/** Failures that only a defect of the server can bring about: every look-up here answers. */
const DEFECTS = ['credential-error', 'internal-error'] as const

/** @param iterations handshakes, some of which are hardly changed */
export async function fuzzHandshakes(iterations: number, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const settings = {
    maxHalfOpen: MOST_HALF_OPEN,
    maxAssociations: MOST_ASSOCIATIONS,
    maxSessions: MOST_SESSIONS,
    mtu: 512,
  }
  const certificate = (): boolean => true
  const servers = [
    { net: new MemoryNet({ credentials: pskCredentials, ...settings }), kinds: PSK_KINDS },
    {
      net: new MemoryNet({
        credentials: { ...rpkCredentials, serverKey, certificate },
        ...settings,
      }),
      kinds: CERTIFICATE_KINDS,
    },
  ]
  const completed = servers.map(() => 0)
  for (let i = 0; i < iterations; i++) {
    const which = random() < 0.7 ? 0 : 1
    const { net, kinds } = servers[which] ?? assert.fail()
    try {
      if (await handshake(net, kinds, random)) completed[which] = (completed[which] ?? 0) + 1
      check(net)
    } catch (cause) {
      throw new Error(`seed ${seed}, handshake ${i}: ${String(cause)}`, { cause })
    }
  }
  for (const { net, kinds } of servers) {
    await net.run(61_000, 1000)
    check(net)
    assert.equal(net.server.counters.halfOpen, 0)
    assert.equal(net.clock.pending, 0, 'a timer is left')
    // Whoever comes now is served.
    const client = await new HostileClient(net, { ...kinds[0], port: ADDRESSES + 1 }).connect()
    assert.ok(client.serverFinished)
  }
  if (iterations >= 1000) assert.ok(!completed.includes(0), 'some get through')
}

function check({ server, warnings }: MemoryNet): void {
  const { counters } = server
  assert.deepEqual(warnings, [])
  assert.equal(counters.dropped['internal-error'], undefined)
  for (const code of DEFECTS) assert.equal(counters.handshakesFailed[code], undefined, code)
  assert.ok(counters.halfOpen <= MOST_HALF_OPEN)
  assert.ok(counters.associations <= MOST_ASSOCIATIONS)
  assert.ok(counters.sessions <= MOST_SESSIONS)
}

/** @returns whether the server's Finished was right */
async function handshake(
  net: MemoryNet,
  kinds: readonly HostileClientOptions[],
  random: () => number,
): Promise<boolean> {
  const rewriter = new Rewriter(random, random() ** 3)
  const port = 1 + rewriter.below(ADDRESSES)
  const client = new HostileClient(net, { ...rewriter.pick(kinds), port })
  const sequence = rewriter.chance(0.2) ? Math.max(0, rewriter.number() - 20) : 0
  if (rewriter.chance(0.1)) client.messageSeq = rewriter.pick([1, 9, 0xff00, 0xfff0, 0xffff])
  client.sequence[0] = sequence
  const send = client.send.bind(client)
  let late: Buffer[] = []
  client.send = (...parts) => {
    const { length } = client.serverConnectionId
    for (const datagram of rewriter.rewrite(Buffer.concat(parts), length)) {
      if (rewriter.chance(0.1)) late.push(datagram)
      else send(datagram)
    }
    if (client.cookie.length > 0 && client.sequence[0] < 3 && rewriter.chance(0.1)) {
      client.sequence[0] = rewriter.number()
    }
  }
  try {
    await client.connect()
    client.send(client.appData('data'))
  } catch {
    // Its own side may lack what it needs to go on, or have no numbers left.
  }
  if (rewriter.chance(0.3)) await net.run(rewriter.below(5000))
  rewriter.shuffle(late)
  for (const datagram of late) send(datagram)
  late = []
  if (rewriter.chance(0.3)) await net.run(rewriter.below(20_000), 2000)
  return client.serverFinished
}
