import assert from 'node:assert/strict'
import { KeyedRateLimiter, RateLimiter } from '../../src/base/rate-limiter'
import { FakeClock } from '../support/fake-clock'

describe('RateLimiter', () => {
  it('lets the limit through in each interval, which begins with the first', () => {
    const clock = new FakeClock()
    const limiter = new RateLimiter(clock, { name: 'test', limit: 2, interval: 100 })
    const take = (): boolean => limiter.take()
    assert.deepEqual([take(), take(), take()], [true, true, false])
    clock.advance(99)
    assert.equal(take(), false)
    assert.equal(limiter.takeRefused(), 2)
    assert.equal(limiter.takeRefused(), 0)
    clock.advance(1)
    assert.deepEqual([take(), take(), take()], [true, true, false])
    assert.equal(limiter.takeRefused(), 1)
  })
})

describe('KeyedRateLimiter', () => {
  const rate = { name: 'test', limit: 2, interval: 100, keys: 3 }

  it('counts each key apart, from its own first', () => {
    const clock = new FakeClock()
    const limiter = new KeyedRateLimiter(clock, rate)
    assert.deepEqual(
      ['a', 'a', 'a', 'b'].map((key) => limiter.take(key)),
      [true, true, false, true],
    )
    clock.advance(60)
    assert.equal(limiter.take('b'), true)
    clock.advance(40)
    assert.equal(limiter.allows('a'), true)
    assert.deepEqual(
      ['a', 'a', 'a', 'b'].map((key) => limiter.take(key)),
      [true, true, false, true],
    )
  })

  it('asking counts nothing', () => {
    const limiter = new KeyedRateLimiter(new FakeClock(), rate)
    for (let i = 0; i < 5; i++) assert.equal(limiter.allows('a'), true)
    assert.deepEqual(
      ['a', 'a', 'a'].map((key) => limiter.take(key)),
      [true, true, false],
    )
    assert.equal(limiter.allows('a'), false)
  })

  it('forgets the keys whose time began first beyond its bound, and all whose time is over', () => {
    const clock = new FakeClock()
    const limiter = new KeyedRateLimiter(clock, { ...rate, limit: 1 })
    for (const key of ['a', 'b', 'c', 'd']) assert.equal(limiter.take(key), true)
    assert.equal(limiter.size, 3)
    assert.equal(limiter.take('b'), false)
    assert.equal(limiter.take('a'), true)
    clock.advance(100)
    assert.equal(limiter.take('e'), true)
    assert.equal(limiter.size, 1)
  })

  it('lets nothing through with a limit of 0', () => {
    const limiter = new KeyedRateLimiter(new FakeClock(), { ...rate, limit: 0 })
    assert.equal(limiter.take('a'), false)
    assert.equal(limiter.size, 0)
  })
})
