import type { Clock } from '../base/clock'
import type { CoapReply, CoapRequest } from '../coap/types'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { Peer } from '../transport/transport'
import type { OperationResult, Registration, ServerWarning } from './types'

/** What the handler of `/dp` needs of the server. */
export interface SendHost {
  readonly clock: Clock
  readonly model: ObjectModel
  /** Who speaks: by its address over UDP, by its identity over DTLS. */
  registrationOf(peer: Peer): Registration | undefined
  /** Called for each timestamp, oldest first, before the reply. */
  deliver(results: readonly OperationResult[], registration: Registration): void
  warn(warning: ServerWarning): void
}

/** Answers a Send (Core §6.4.6): `POST /dp`. */
export declare function handleSend(request: CoapRequest, host: SendHost): CoapReply
