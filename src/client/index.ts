/** The virtual device: an LwM2M client for simulations and tests. */
export { ClientError, ServerRejected } from './errors'
export { Lwm2mClient } from './lwm2m-client'
export type {
  RampSignal,
  RandomWalkSignal,
  Sampling,
  SequenceSignal,
  SignalDescription,
  SineSignal,
} from './signal'
export type * from './types'
