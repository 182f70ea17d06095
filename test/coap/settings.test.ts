import assert from 'node:assert/strict'
import { Bench } from './support/bench'

describe('CoAP settings', () => {
  it('rejects invalid options', async () => {
    for (const options of [
      { blockSize: 100 },
      { blockSize: 2048 },
      { nstart: 0 },
      { ackTimeout: 0 },
      { ackRandomFactor: 0.5 },
      { duplicatesPerPeer: 0 },
      { maxBody: NaN },
    ]) {
      await assert.rejects(Bench.start(options), RangeError)
    }
  })
})
