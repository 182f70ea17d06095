import { CredentialStore } from '../../../src/server/credentials'
import { BENCH_KEY, BENCH_PEERS, benchEndpoint } from '../bench-psk'
import { engineSubject } from './engine'
import type { Subject } from './subject'

/** The engine with CoAP over DTLS alone and a pre-shared key for each device. */
export async function coapsSubject(): Promise<Subject> {
  const credentials = new CredentialStore()
  const errors = await credentials.setList(
    Array.from({ length: BENCH_PEERS }, (_, i) => ({ endpoint: benchEndpoint(i), key: BENCH_KEY })),
  )
  if (errors[0] !== undefined) throw errors[0]
  return engineSubject({ coap: false, coaps: { port: 0, suites: [0xc0a8] }, credentials })
}
