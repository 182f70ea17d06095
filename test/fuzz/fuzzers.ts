/** The fuzzers by name; each throws at its first finding. */
import { fuzzCoap } from './coap-fuzz'
import { fuzzFormats } from './format-fuzz'

export const fuzzers: {
  readonly [name: string]: (iterations: number, seed: number) => unknown
} = {
  coap: fuzzCoap,
  formats: fuzzFormats,
}
