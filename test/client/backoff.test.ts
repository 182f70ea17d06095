import assert from 'node:assert/strict'
import { DEFAULT_RETRY, retryDelay, updateDelay } from '../../src/client/backoff'
import type { RetryPolicy } from '../../src/client/types'

function delays(policy: RetryPolicy, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, i) => retryDelay(i + 1, policy)).map((ms) =>
    ms === undefined ? undefined : ms / 1000,
  )
}

describe('client back-off', () => {
  it('doubles up to a limit and never gives up by default', () => {
    assert.deepEqual(delays(DEFAULT_RETRY, 9), [5, 10, 20, 40, 80, 160, 300, 300, 300])
    assert.equal(retryDelay(1_000_000, DEFAULT_RETRY), 300_000)
  })

  it('follows /1/x/17 to /1/x/20: sequences of attempts with a pause between', () => {
    const policy = {
      timer: 60,
      maxTimer: Infinity,
      count: 5,
      sequenceDelay: 86_400,
      sequenceCount: 2,
    }
    assert.deepEqual(delays(policy, 10), [60, 120, 240, 480, 86_400, 60, 120, 240, 480, undefined])
  })

  it('gives up after a single attempt if that is the limit', () => {
    const policy = { timer: 60, maxTimer: 300, count: 1, sequenceDelay: 10, sequenceCount: 1 }
    assert.deepEqual(delays(policy, 1), [undefined])
  })

  it('schedules Updates in time for all retransmissions, or at half of a short lifetime', () => {
    assert.equal(updateDelay(86_400), 86_307_000)
    assert.equal(updateDelay(300), 207_000)
    assert.equal(updateDelay(60), 30_000)
    assert.equal(updateDelay(1), 500)
  })
})
