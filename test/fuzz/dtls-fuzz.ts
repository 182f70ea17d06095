/**
 * Fuzzes a live DTLS server with random datagrams and with handshakes, of every kind of client, whose
 * datagrams are bent on the way. Throws at the first finding.
 */
import assert from 'node:assert/strict'
import { pskCredentials } from '../dtls/support/harness'
import { HostileClient, type HostileClientOptions } from '../dtls/support/hostile-client'
import { MemoryNet } from '../dtls/support/memory-net'
import { rpkClient, rpkCredentials } from '../dtls/support/raw-keys'
import { seededRandom } from '../support/random'

const MOST_HALF_OPEN = 100
const ADDRESSES = 400
const MOST_ASSOCIATIONS = 300
const MOST_SESSIONS = 50

const KINDS: readonly HostileClientOptions[] = [
  {},
  rpkClient(),
  { connectionId: Buffer.from('c1d0', 'hex') },
  { suites: [0xc037] },
  { suites: [0x00ae], etm: false, ems: false },
]

class Bender {
  constructor(readonly random: () => number) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** Cut off, lengthened, some bytes changed, or left as it is. */
  bend(datagram: Buffer): Buffer {
    const bytes = Buffer.from(datagram)
    const how = this.random()
    if (how < 0.1) return bytes.subarray(0, this.below(bytes.length))
    if (how < 0.2) return Buffer.concat([bytes, Buffer.alloc(this.below(20), 22)])
    if (how < 0.5) {
      for (let n = 1 + this.below(3); n > 0; n--) bytes[this.below(bytes.length)] = this.below(256)
    }
    return bytes
  }

  /** Noise; most of it with a header that is nearly right. */
  noise(): Buffer {
    const bytes = Buffer.alloc(this.below(80))
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.below(256)
    if (bytes.length > 13 && this.random() < 0.9) {
      bytes[0] = 20 + this.below(6)
      bytes.writeUInt16BE(0xfefd, 1)
      bytes.writeUInt16BE(this.below(2), 3)
      bytes.writeUInt16BE(bytes.length - 13, 11)
    }
    return bytes
  }
}

/** @param iterations datagrams, roughly: a handshake is counted as ten */
export async function fuzzDtls(iterations: number, seed: number): Promise<void> {
  const bender = new Bender(seededRandom(seed))
  const credentials = { ...pskCredentials, ...rpkCredentials }
  const net = new MemoryNet({
    credentials,
    maxHalfOpen: MOST_HALF_OPEN,
    maxAssociations: MOST_ASSOCIATIONS,
    maxSessions: MOST_SESSIONS,
  })
  const check = (): void => {
    assert.deepEqual(net.warnings, [], `seed ${seed}`)
    assert.ok(net.server.counters.halfOpen <= MOST_HALF_OPEN)
    assert.ok(net.server.counters.associations <= MOST_ASSOCIATIONS)
    assert.ok(net.server.counters.sessions <= MOST_SESSIONS)
  }
  const sessions: HostileClient['session'][] = []
  let completed = 0
  for (let i = 0; i < iterations / 10; i++) {
    const session = bender.random() < 0.2 ? sessions[bender.below(sessions.length)] : undefined
    const kind = KINDS[bender.below(KINDS.length)]
    const client = new HostileClient(net, { ...kind, session, port: 1 + bender.below(ADDRESSES) })
    const send = client.send.bind(client)
    client.send = (...parts) => send(bender.bend(Buffer.concat(parts)))
    try {
      await client.connect()
    } catch {
      // Its own side may lack what it needs to go on.
    }
    if (client.serverFinished) {
      completed++
      sessions[bender.below(20)] = client.session
    }
    for (let n = 0; n < 4; n++) send(bender.noise())
    if (i % 100 === 0) await net.run(1000)
    check()
  }
  assert.ok(completed > 0, 'some get through')
  await net.run(61_000, 1000)
  check()
  assert.equal(net.server.counters.halfOpen, 0)
  assert.equal(net.clock.pending, 0)
  // Whoever comes now is served.
  const client = await new HostileClient(net, { port: ADDRESSES + 1 }).connect()
  assert.ok(client.serverFinished)
}
