/** The fuzzers by name; each throws at its first finding. */
import { fuzzClientRole } from './client-role-fuzz'
import { fuzzCoap } from './coap-fuzz'
import { fuzzDtls } from './dtls-fuzz'
import { fuzzFormats } from './format-fuzz'
import { fuzzHandshakes } from './handshake-fuzz'

export const fuzzers: {
  readonly [name: string]: (iterations: number, seed: number) => unknown
} = {
  'client-role': fuzzClientRole,
  coap: fuzzCoap,
  dtls: fuzzDtls,
  formats: fuzzFormats,
  handshakes: fuzzHandshakes,
}
