import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock'
import { noteArrival } from '../../src/base/arrivals'
import { Scheduler, Timer } from '../../src/base/scheduler'
import { FakeClock } from '../support/fake-clock'

class Recorder extends Timer {
  constructor(
    private readonly name: string,
    private readonly log: string[],
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly then: () => void = () => {},
  ) {
    super()
  }

  onTimer(): void {
    this.log.push(`${this.name}@${this.clock.monotonic()}`)
    this.then()
  }

  override onTimerError(error: unknown): void {
    this.log.push(`${this.name}: ${(error as Error).message}`)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Scheduler', () => {
  let clock: FakeClock
  let scheduler: Scheduler
  let log: string[]
  let errors: string[]

  beforeEach(() => {
    clock = new FakeClock()
    log = []
    errors = []
    scheduler = new Scheduler(clock, (error, where) =>
      errors.push(`${where}: ${(error as Error).message}`),
    )
  })

  const timer = (name: string, then?: () => void): Recorder => new Recorder(name, log, clock, then)

  it('fires at the time, in order of time', () => {
    scheduler.schedule(timer('c'), 247_000)
    scheduler.schedule(timer('a'), 10)
    scheduler.schedule(timer('b'), 2000)
    scheduler.schedule(timer('b2'), 12_240)
    clock.advance(246_999)
    assert.deepEqual(log, ['a@10', 'b@2000', 'b2@12240'])
    clock.advance(1)
    assert.deepEqual(log.at(-1), 'c@247000')
    assert.equal(scheduler.pending, 0)
  })

  it('arms the clock only while something waits', () => {
    const a = timer('a')
    scheduler.schedule(a, 500)
    assert.equal(clock.pending, 1)
    clock.advance(500)
    assert.equal(clock.pending, 0)
    clock.advance(1_000_000)
    scheduler.schedule(a, 500)
    clock.advance(500)
    assert.deepEqual(log, ['a@500', 'a@1001000'])
  })

  it('moves a timer that is scheduled again, earlier, later or never', () => {
    const a = timer('a')
    scheduler.schedule(a, 1000)
    scheduler.schedule(a, 100)
    clock.advance(100)
    scheduler.schedule(a, 100)
    scheduler.schedule(a, 1000)
    clock.advance(1000)
    assert.deepEqual(log, ['a@100', 'a@1100'])
    scheduler.schedule(a, 5)
    scheduler.schedule(a, Infinity)
    clock.advance(1e9)
    assert.deepEqual([log.length, scheduler.pending], [2, 0])
  })

  it('does not fire what was cancelled, also by another timer of the same time', () => {
    const victims: Timer[] = []
    const kill = (): void => victims.forEach((one) => scheduler.cancel(one))
    victims.push(timer('a', kill), timer('b', kill))
    for (const one of victims) scheduler.schedule(one, 50)
    clock.advance(1000)
    assert.deepEqual([log, scheduler.pending], [['a@50'], 0])
  })

  it('lets a timer schedule itself again, and forgets all at once', () => {
    const a: Recorder = timer('a', () => {
      if (log.length < 3) scheduler.schedule(a, 20)
    })
    scheduler.schedule(a, 20)
    clock.advance(1000)
    assert.deepEqual(log, ['a@20', 'a@40', 'a@60'])
    scheduler.schedule(a, 20)
    scheduler.clear()
    assert.equal(clock.pending, 0)
    scheduler.schedule(a, 20)
    scheduler.cancel(a)
    assert.equal(clock.pending, 0)
    clock.advance(1000)
    assert.equal(log.length, 3)
  })

  it('spreads a crowd over several turns', () => {
    let arms = 0
    const { setTimeout } = clock
    clock.setTimeout = (callback, ms) => {
      arms++
      return setTimeout.call(clock, callback, ms)
    }
    for (let i = 0; i < 2_000; i++) scheduler.schedule(timer('x'), 1000)
    clock.advance(1_000)
    assert.equal(log.length, 2_000)
    assert.ok(arms >= 4)
  })

  it('reports what a timer throws, ends what it belongs to, and fires the others', () => {
    scheduler.schedule(
      timer('a', () => {
        throw new Error('defect')
      }),
      10,
    )
    scheduler.schedule(timer('b'), 10)
    clock.advance(10)
    assert.deepEqual(log, ['a@10', 'a: defect', 'b@10'])
    assert.deepEqual(errors, ['timer: defect'])
  })

  it('reports what a callback, a detached promise or an asynchronous entry throws', async () => {
    const fail = (message: string) => () => {
      throw new Error(message)
    }
    const reject = async (message: string): Promise<void> => {
      await turn()
      throw new Error(message)
    }
    scheduler.after(5, fail('1'))
    scheduler.after(5, () => reject('2'))
    clock.advance(5)
    scheduler.soon(fail('3'))
    scheduler.microtask(fail('4'))
    scheduler.detach('work', reject('5'))
    scheduler.detach('work', undefined)
    scheduler.run('now', fail('6'))
    scheduler.run('now', () => reject('7'))
    scheduler.entry('event', fail('8'))()
    scheduler.entry('event', (text: string) => reject(text))('9')
    for (let i = 0; i < 3; i++) await turn()
    assert.deepEqual(errors.sort(), [
      'event: 8',
      'event: 9',
      'immediate: 3',
      'microtask: 4',
      'now: 6',
      'now: 7',
      'timer: 1',
      'timer: 2',
      'work: 5',
    ])
  })

  it('outlives a sink that throws', () => {
    const broken = new Scheduler(clock, () => {
      throw new Error('sink')
    })
    const emitWarning = process.emitWarning
    const warnings: unknown[] = []
    process.emitWarning = ((warning: unknown) => warnings.push(warning)) as never
    try {
      broken.after(1, () => {
        throw new Error('defect')
      })
      clock.advance(1)
    } finally {
      process.emitWarning = emitWarning
    }
    assert.equal(warnings.length, 1)
    assert.match(String(warnings[0]), /sink/)
  })

  describe('when the event loop was blocked', () => {
    let now: number
    let wake: () => void
    const late: Clock = {
      now: () => now,
      monotonic: () => now,
      setTimeout: (callback) => {
        wake = callback
        return {}
      },
      clearTimeout: () => {},
    }

    beforeEach(() => {
      now = 0
      scheduler = new Scheduler(late, () => {})
    })

    it('fires only when the sockets have been read, and what was postponed meanwhile later', async () => {
      const kept = new Recorder('kept', log, late)
      scheduler.schedule(kept, 1000)
      scheduler.schedule(new Recorder('lost', log, late), 1000)
      now = 13_000
      wake()
      for (let i = 0; i < 5; i++) {
        assert.deepEqual(log, [])
        // In the poll phase: before the callbacks of setImmediate.
        noteArrival()
        await turn()
      }
      scheduler.schedule(kept, 60_000)
      for (let i = 0; i < 3; i++) await turn()
      assert.deepEqual(log, ['lost@13000'])
    })

    it('fires in the end also where the sockets never fall silent', async () => {
      scheduler.schedule(new Recorder('a', log, late), 1000)
      now = 13_000
      wake()
      for (let i = 0; i < 300; i++) {
        noteArrival()
        await turn()
      }
      assert.deepEqual(log, ['a@13000'])
    })

    it('fires each timer once, however many there are', async () => {
      for (let i = 0; i < 3000; i++) scheduler.schedule(new Recorder('x', log, late), i * 10)
      now = 25_000
      wake()
      for (let i = 0; i < 10; i++) {
        await turn()
        wake()
      }
      assert.equal(log.length, 2501)
    })
  })
})
