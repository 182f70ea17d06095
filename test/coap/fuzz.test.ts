import { fuzzCoap } from '../fuzz/coap-fuzz'

describe('CoAP fuzzing', () => {
  it('processes 20,000 mutated datagrams in codec and endpoint, serves others, and keeps no state', () =>
    fuzzCoap(20_000, 20_260_101)).timeout(60_000)
})
