import assert from 'node:assert/strict'
import { DeadlineQueue, type Scheduled } from '../../src/server/deadline-queue'
import { FakeClock } from '../support/fake-clock'
import { seededRandom } from '../support/random'

class Item implements Scheduled {
  heapAt = 0
  heapIndex = -1
  constructor(
    readonly name: number,
    public deadline: number,
  ) {}
}

describe('DeadlineQueue', () => {
  let clock: FakeClock
  let due: Item[]
  let queue: DeadlineQueue<Item>

  beforeEach(() => {
    clock = new FakeClock()
    due = []
    queue = new DeadlineQueue(clock, (item) => due.push(item))
  })

  const names = (): number[] => due.map(({ name }) => name)

  it('lets items fall due in order, each once', () => {
    for (const [name, at] of [30, 10, 20, 10].entries()) queue.schedule(new Item(name, at * 1000))
    clock.advance(9_990)
    assert.deepEqual(names(), [])
    clock.advance(20)
    assert.deepEqual(names().sort(), [1, 3])
    clock.advance(1e6)
    assert.deepEqual(names().slice(2), [2, 0])
    assert.equal(clock.pending, 0)
  })

  it('postponing is free and takes effect; advancing too', () => {
    const item = new Item(1, 10_000)
    queue.schedule(item)
    clock.advance(9_000)
    item.deadline = 50_000
    queue.schedule(item)
    clock.advance(40_000)
    assert.deepEqual(names(), [])
    item.deadline = 49_500
    queue.schedule(item)
    clock.advance(600)
    assert.deepEqual(names(), [1])
  })

  it('an item without end is never due, and can get one', () => {
    const item = new Item(1, Infinity)
    queue.schedule(item)
    assert.equal(queue.size, 0)
    clock.advance(1e12)
    item.deadline = clock.monotonic() + 5
    queue.schedule(item)
    // And back: it leaves the heap when its place comes up.
    item.deadline = Infinity
    clock.advance(10)
    assert.deepEqual(names(), [])
    assert.equal(queue.size, 0)
  })

  it('one timer serves all; none is left behind', () => {
    const items = Array.from({ length: 100 }, (_, i) => new Item(i, 1000 + i))
    for (const item of items) queue.schedule(item)
    assert.equal(clock.pending, 1)
    queue.clear()
    assert.equal(clock.pending, 0)
    clock.advance(1e6)
    assert.deepEqual(names(), [])
    const [first] = items
    assert.ok(first !== undefined)
    first.deadline = clock.monotonic() + 1
    queue.schedule(first)
    clock.advance(2)
    assert.deepEqual(names(), [0])
  })

  it('agrees with a plain list, whatever is scheduled, moved and removed', () => {
    const random = seededRandom(7)
    const live = new Map<Item, number>()
    for (let step = 0; step < 20_000; step++) {
      const choice = random()
      const [some] = [...live.keys()].slice(Math.floor(random() * live.size))
      if (choice < 0.4 || some === undefined) {
        const item = new Item(step, clock.monotonic() + 2 + random() * 500)
        live.set(item, item.deadline)
        queue.schedule(item)
      } else if (choice < 0.7) {
        some.deadline = clock.monotonic() + 2 + random() * 500
        live.set(some, some.deadline)
        queue.schedule(some)
      } else if (choice < 0.8) {
        live.delete(some)
        queue.remove(some)
      } else {
        due = []
        clock.advance(random() * 20)
        const now = clock.monotonic()
        for (const item of due) {
          // Node's timers fire up to a millisecond early.
          assert.ok((live.get(item) ?? Infinity) <= now + 1)
          live.delete(item)
        }
        assert.ok([...live.values()].every((at) => at > now))
      }
      assert.equal(queue.size, live.size)
    }
  })

  it('spreads a crowd over several turns', () => {
    let turns = 0
    const { setTimeout } = clock
    clock.setTimeout = (callback, ms) => {
      turns++
      return setTimeout.call(clock, callback, ms)
    }
    for (let i = 0; i < 2_000; i++) queue.schedule(new Item(i, 1000))
    clock.advance(1_000)
    assert.equal(due.length, 2_000)
    assert.equal(turns, 4)
  })
})
