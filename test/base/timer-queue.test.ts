import assert from 'node:assert/strict'
import { Timer, TimerQueue } from '../../src/base/timer-queue'
import { seededRandom } from '../support/random'

class Item extends Timer {
  onTimer(): void {}
}

function taken(queue: TimerQueue, now: number): Timer[] {
  queue.advance(now)
  const timers: Timer[] = []
  for (let timer = queue.take(); timer !== undefined; timer = queue.take()) timers.push(timer)
  return timers
}

describe('TimerQueue', () => {
  it('gives timers of every length at their time, none early', () => {
    const lengths = [0, 1, 31, 32, 33, 1023, 1024, 86_400_000, 2 ** 31, 2 ** 32 + 7, 2 ** 36]
    for (const start of [0, 5, 2 ** 31 - 3, 2 ** 33 + 0.5]) {
      for (const length of lengths) {
        const queue = new TimerQueue()
        const item = new Item()
        queue.add(item, start + length, start)
        let looks = 0
        for (let at = queue.nextAt; at < start + length; at = queue.nextAt) {
          assert.deepEqual(taken(queue, at), [])
          assert.ok(queue.nextAt > at, `${start} + ${length}: stuck at ${at}`)
          assert.ok(++looks < 300, `${start} + ${length}: too many looks`)
        }
        assert.deepEqual(taken(queue, queue.nextAt), [item], `${start} + ${length}`)
        assert.deepEqual([queue.size, queue.nextAt], [0, Infinity])
      }
    }
  })

  it('agrees with a plain list, whatever is added, moved and removed', () => {
    for (const [seed, longest] of [
      [1, 50],
      [2, 5_000],
      [3, 5_000_000],
      [4, 2 ** 37],
    ] as const) {
      const random = seededRandom(seed)
      const queue = new TimerQueue()
      const live = new Map<Item, number>()
      let now = random() * 2 ** (8 * seed)
      for (let step = 0; step < 5_000; step++) {
        const choice = random()
        const some = [...live.keys()][Math.floor(random() * live.size)]
        const at = now + random() * longest
        if (choice < 0.3 || some === undefined) {
          const item = new Item()
          live.set(item, at)
          queue.add(item, at, now)
        } else if (choice < 0.6) {
          live.set(some, at)
          queue.add(some, at, now)
        } else if (choice < 0.7) {
          live.delete(some)
          queue.remove(some)
        } else {
          now += choice < 0.95 ? (random() * longest) / 20 : random() * longest
          for (const timer of taken(queue, now)) {
            assert.ok((live.get(timer as Item) ?? Infinity) <= now, 'early')
            live.delete(timer as Item)
          }
          const next = Math.min(...live.values())
          assert.ok(Math.ceil(next) > Math.floor(now), 'late')
          assert.ok(queue.nextAt <= Math.ceil(next), 'would be looked at too late')
        }
        assert.equal(queue.size, live.size)
      }
    }
  })

  it('leaves a postponed timer where it is, and gives it once', () => {
    const queue = new TimerQueue()
    const item = new Item()
    queue.add(item, 100, 0)
    assert.equal(queue.add(item, 5_000, 50), Infinity)
    assert.deepEqual(taken(queue, 4_999), [])
    assert.ok(queue.add(item, 5_000, 4_999) >= 5_000)
    assert.deepEqual(taken(queue, 5_000), [item])
  })

  it('forgets all timers', () => {
    const queue = new TimerQueue()
    const items = [new Item(), new Item()]
    items.forEach((item, i) => queue.add(item, 10 ** (i + 1), 0))
    queue.clear()
    assert.deepEqual(
      [queue.size, queue.nextAt, items.some((item) => item.isScheduled)],
      [0, Infinity, false],
    )
    assert.deepEqual(taken(queue, 1e6), [])
  })
})
