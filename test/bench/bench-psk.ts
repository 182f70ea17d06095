/** What the devices of the DTLS benchmarks are known by: both sides of them need it. */
export const BENCH_PEERS = 200
export const BENCH_KEY = '0102030405060708090a0b0c0d0e0f10'

/** The endpoint name and PSK identity of a device. */
export function benchEndpoint(index: number): string {
  return `bench-${index % BENCH_PEERS}`
}
