import assert from 'node:assert/strict'
import { DuplicateLog, Progress, type RecentPeer } from '../../src/coap/udp/duplicates'

const LIFETIME = 1000
const KIB = 1024

function newPeer(): RecentPeer {
  return { oldest: undefined, newest: undefined, recentCount: 0, ascending: true }
}

/** Remembers a message with a reply of this size. */
function answered(
  log: DuplicateLog,
  peer: RecentPeer,
  messageId: number,
  bytes: number,
  now = 0,
): void {
  const recent = log.remember(peer, messageId, 7, now)
  assert.ok(recent)
  log.answer(recent, Buffer.alloc(bytes))
}

describe('coap duplicate detection (RFC 7252 §4.5)', () => {
  describe('limit of 32 MiB of kept replies', () => {
    it('drops the oldest replies of all peers beyond it', () => {
      const log = new DuplicateLog(16, LIFETIME)
      const peers = Array.from({ length: 64 }, newPeer)
      const known = (): number =>
        peers.reduce((sum, peer) => {
          for (let id = 0; id < 9; id++) if (log.find(peer, id, 7, 0) !== undefined) sum++
          return sum
        }, 0)
      for (let id = 0; id < 8; id++) {
        for (const peer of peers) answered(log, peer, id, 64 * KIB)
      }
      assert.equal(known(), 512)
      answered(log, peers[0] as RecentPeer, 8, 1)
      assert.equal(known(), 512, 'one byte more costs the oldest')
      assert.equal(log.find(peers[0] as RecentPeer, 0, 7, 0), undefined)
      assert.ok(log.find(peers[1] as RecentPeer, 0, 7, 0))
    })

    it('does not count replies that are no longer kept', () => {
      const log = new DuplicateLog(4, LIFETIME)
      const [expired, forgotten, pushedOut] = [newPeer(), newPeer(), newPeer()]
      for (let id = 0; id < 4; id++) answered(log, expired, id, 2048 * KIB)
      log.expire(LIFETIME)
      for (let id = 0; id < 4; id++) answered(log, forgotten, id, 2048 * KIB, LIFETIME)
      log.forget(forgotten)
      for (let id = 0; id < 16; id++) answered(log, pushedOut, id, 2048 * KIB, LIFETIME)
      const last = newPeer()
      for (let id = 0; id < 4; id++) answered(log, last, id, 6144 * KIB, LIFETIME)
      assert.equal(log.size, 8, 'four of 2 MiB and four of 6 MiB')
      answered(log, newPeer(), 1, 1, LIFETIME)
      assert.equal(log.size, 8)
    })
  })

  it('finds the same messages as a plain list, in any order of Message-IDs', () => {
    const PER_PEER = 5
    for (let seed = 1; seed <= 200; seed++) {
      let state = seed
      const random = (below: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >> 8) % below
      }
      const log = new DuplicateLog(PER_PEER, LIFETIME)
      const peer = newPeer()
      let expected: { id: number; hash: number; at: number }[] = []
      let id = random(0x10000)
      for (let now = 0; now < 3000; now += random(60)) {
        const step = random(10)
        // Mostly the next one, sometimes a repetition, an older one or a device that restarted.
        if (step < 6) id = (id + 1) & 0xffff
        else if (step === 6) id = (id - random(4)) & 0xffff
        else if (step === 7) id = random(0x10000)
        const hash = random(2)
        const known = expected.find(
          (each) => each.id === id && each.hash === hash && now - each.at < LIFETIME,
        )
        const found = log.find(peer, id, hash, now)
        assert.equal(found?.at, known?.at, `seed ${seed}, Message-ID ${id}`)
        if (known !== undefined) continue
        const recent = log.remember(peer, id, hash, now)
        assert.ok(recent)
        recent.progress = Progress.SILENT
        expected = [...expected, { id, hash, at: now }].slice(-PER_PEER)
        if (step === 9) {
          log.expire(now)
          expected = expected.filter(({ at }) => now - at < LIFETIME)
        }
        assert.equal(log.size, expected.length)
      }
    }
  })

  it('finds messages received at the old and the new address of a peer that moved', () => {
    const log = new DuplicateLog(16, LIFETIME)
    const [from, to] = [newPeer(), newPeer()]
    for (const id of [100, 101]) answered(log, from, id, 1)
    for (const id of [20, 21]) answered(log, to, id, 1)
    log.move(from, to)
    assert.equal(from.recentCount, 0)
    for (const id of [100, 101, 20, 21]) assert.ok(log.find(to, id, 7, 0), `${id}`)
    assert.equal(log.find(from, 100, 7, 0), undefined)
    answered(log, to, 22, 1)
    assert.ok(log.find(to, 22, 7, 0))
    log.forget(to)
    assert.equal(log.size, 0)
  })
})
