import assert from 'node:assert/strict'
import { createSignal, type SignalDescription } from '../../src/client/signal'

function values(description: SignalDescription, ...seconds: number[]): number[] {
  const signal = createSignal(description)
  return seconds.map((second) => signal.at(second * 1000))
}

describe('client signals', () => {
  it('sine', () => {
    const sine = { type: 'sine', mean: 20, amplitude: 4, period: 60 } as const
    assert.deepEqual(values(sine, 0, 15, 30, 45, 60), [20, 24, 20, 16, 20])
    assert.deepEqual(values({ ...sine, phase: 15 }, 0), [24])
    assert.deepEqual(values({ ...sine, decimals: 0 }, 5), [22])
    assert.deepEqual(values({ ...sine, decimals: 3 }, 5), [22])
  })

  it('ramp', () => {
    const ramp = { type: 'ramp', from: 100, to: 0, period: 10 } as const
    assert.deepEqual(values(ramp, 0, 1, 9, 10, 11), [100, 90, 10, 100, 90])
  })

  it('sequence', () => {
    const sequence = { type: 'sequence', values: [1, 2, 3], interval: 2 } as const
    assert.deepEqual(values(sequence, 0, 1, 2, 4, 6), [1, 1, 2, 3, 1])
  })

  it('random walk: bounded, repeatable, different by seed', () => {
    const walk = { type: 'random-walk', start: 0, step: 1, min: -2, max: 2, interval: 1 } as const
    const seconds = Array.from({ length: 500 }, (_, i) => i)
    const first = values(walk, ...seconds)
    assert.deepEqual(values(walk, ...seconds), first)
    assert.equal(Math.min(...first) >= -2 && Math.max(...first) <= 2, true)
    assert.equal(new Set(first).size > 50, true)
    assert.notDeepEqual(values({ ...walk, seed: 7 }, ...seconds), first)
    for (let i = 1; i < first.length; i++) {
      assert.equal(Math.abs((first[i] as number) - (first[i - 1] as number)) <= 1.01, true)
    }
    // The value depends on the time, not on the number of calls.
    assert.deepEqual(values(walk, 499), first.slice(-1))
  })

  it('rejects an invalid description with a reason', () => {
    const wrong: [unknown, RegExp][] = [
      [{ type: 'sine', mean: 'a', amplitude: 1, period: 1 }, /mean must be a number/],
      [{ type: 'sine', mean: 0, amplitude: 1, period: 0 }, /period must be above 0/],
      [{ type: 'random-walk', start: 0, step: 1, min: 2, max: 1 }, /min must be below max/],
      [{ type: 'sequence', values: [] }, /values must be a list/],
      [{ type: 'square' }, /type must be/],
      [{ type: 'ramp', from: 0, to: 1, period: 1, interval: 0 }, /interval must be above 0/],
      [{ type: 'ramp', from: 0, to: 1, period: 1, decimals: 99 }, /decimals must be 0 to 15/],
    ]
    for (const [description, message] of wrong) {
      assert.throws(() => createSignal(description as SignalDescription), {
        code: 'invalid-description',
        message,
      })
    }
  })
})
