import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock'
import { TimerWheel, WheelTimer } from '../../src/coap/timer-wheel'
import { FakeClock } from '../support/fake-clock'

class Recorder extends WheelTimer {
  constructor(
    private readonly name: string,
    private readonly log: string[],
    private readonly clock: FakeClock,
    private readonly then: () => void = () => {},
  ) {
    super()
  }

  onTimer(): void {
    this.log.push(`${this.name}@${this.clock.monotonic()}`)
    this.then()
  }
}

describe('timer wheel', () => {
  const setup = (): { clock: FakeClock; wheel: TimerWheel; log: string[] } => {
    const clock = new FakeClock()
    return { clock, wheel: new TimerWheel(clock), log: [] }
  }

  it('fires at the time, in order of time, across many turns', () => {
    const { clock, wheel, log } = setup()
    wheel.schedule(new Recorder('c', log, clock), 247_000)
    wheel.schedule(new Recorder('a', log, clock), 10)
    wheel.schedule(new Recorder('b', log, clock), 2000)
    wheel.schedule(new Recorder('b2', log, clock), 12_240)
    clock.advance(246_999)
    assert.deepEqual(log, ['a@10', 'b@2000', 'b2@12240'])
    clock.advance(1)
    assert.deepEqual(log.at(-1), 'c@247000')
    assert.equal(wheel.size, 0)
  })

  it('never fires early, and at most a tick late', () => {
    const { clock, wheel, log } = setup()
    clock.advance(3)
    wheel.schedule(new Recorder('a', log, clock), 14)
    clock.advance(16)
    assert.deepEqual(log, [])
    clock.advance(1)
    assert.deepEqual(log, ['a@20'])
  })

  it('arms the clock only while something waits', () => {
    const { clock, wheel, log } = setup()
    const timer = new Recorder('a', log, clock)
    wheel.schedule(timer, 500)
    assert.equal(clock.pending, 1)
    clock.advance(500)
    assert.equal(clock.pending, 0)
    clock.advance(1_000_000)
    wheel.schedule(timer, 500)
    clock.advance(499)
    assert.deepEqual(log, ['a@500'])
    clock.advance(1)
    assert.deepEqual(log, ['a@500', 'a@1001000'])
  })

  it('moves a timer that is scheduled again, earlier or later', () => {
    const { clock, wheel, log } = setup()
    const timer = new Recorder('a', log, clock)
    wheel.schedule(timer, 1000)
    wheel.schedule(timer, 100)
    clock.advance(100)
    assert.deepEqual(log, ['a@100'])
    wheel.schedule(timer, 100)
    wheel.schedule(timer, 1000)
    clock.advance(999)
    assert.deepEqual(log, ['a@100'])
    clock.advance(1)
    assert.deepEqual(log, ['a@100', 'a@1100'])
    assert.equal(wheel.size, 0)
  })

  it('does not fire what was cancelled, also by another timer of the same tick', () => {
    const { clock, wheel, log } = setup()
    const victims: Recorder[] = []
    const kill = (): void => victims.forEach((timer) => wheel.cancel(timer))
    const a = new Recorder('a', log, clock, kill)
    const b = new Recorder('b', log, clock, kill)
    victims.push(a, b)
    wheel.schedule(a, 50)
    wheel.schedule(b, 50)
    clock.advance(1000)
    assert.equal(log.length, 1)
    assert.equal(wheel.size, 0)
  })

  it('lets a timer schedule itself anew', () => {
    const { clock, wheel, log } = setup()
    const timer: Recorder = new Recorder('a', log, clock, () => {
      if (log.length < 3) wheel.schedule(timer, 20)
    })
    wheel.schedule(timer, 20)
    clock.advance(1000)
    assert.deepEqual(log, ['a@20', 'a@40', 'a@60'])
  })

  it('fires what a long standstill of the process left behind, once each', () => {
    let now = 0
    let wake = (): void => {}
    const late: Clock = {
      now: () => now,
      monotonic: () => now,
      setTimeout: (callback) => {
        wake = callback
        return {}
      },
      clearTimeout: () => {},
    }
    const wheel = new TimerWheel(late)
    const log: string[] = []
    const clock = new FakeClock()
    for (let i = 0; i < 3000; i++) wheel.schedule(new Recorder('x', log, clock), i * 10)
    now = 25_000
    wake()
    assert.equal(log.length, 2501)
    now = 100_000
    wake()
    assert.deepEqual([log.length, wheel.size], [3000, 0])
  })

  it('forgets all at once', () => {
    const { clock, wheel, log } = setup()
    wheel.schedule(new Recorder('a', log, clock), 10)
    wheel.schedule(new Recorder('b', log, clock), 5000)
    wheel.clear()
    assert.equal(clock.pending, 0)
    clock.advance(10_000)
    assert.deepEqual([log, wheel.size], [[], 0])
  })
})
