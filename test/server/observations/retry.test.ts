import assert from 'node:assert/strict'
import { backOff } from '../../../src/server/observations/retry'

describe('observation retries', () => {
  it('wait a minute first, then twice as long each time, up to an hour', () => {
    const minutes = [1, 2, 3, 4, 5, 6, 7, 8, 20, 2000].map((attempt) => backOff(attempt) / 60_000)
    assert.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60])
  })
})
