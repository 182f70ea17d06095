import { fuzzCoap } from '../fuzz/coap-fuzz'

describe('coap fuzzing', () => {
  it('survives 20,000 datagrams in codec and endpoint, serves others, and leaves nothing behind', () =>
    fuzzCoap(20_000, 20_260_101)).timeout(60_000)
})
