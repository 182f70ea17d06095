import { fuzzFormats } from '../fuzz/format-fuzz'

describe('decoder fuzzing', () => {
  it('throws only typed errors on 20,000 mutated inputs', function () {
    this.timeout(300_000)
    fuzzFormats(20_000, 20_260_101)
  })
})
