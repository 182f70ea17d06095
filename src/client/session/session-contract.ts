import type { Scheduler } from '../../base/scheduler'
import type { CoapEndpointOptions, CoapReply, CoapRequest, CoapTrace } from '../../coap/types'
import type { Transport } from '../../transport/transport'
import type { ClientRegistration, ClientState, Lwm2mVersion, RetryPolicy } from '../types'
import type { RegistrationFacts } from './registration'
import type { ServerUri } from './server-uri'

/** What a session is told by the client that runs it. */
export interface SessionOptions {
  readonly uri: ServerUri
  readonly shortServerId: number
  readonly clock: Scheduler
  readonly transport: Transport
  readonly coap: CoapEndpointOptions | undefined
  readonly version: Lwm2mVersion
  readonly queueMode: boolean
  /** Milliseconds. */
  readonly awakeWindow: number
  readonly dropIncoming: boolean
  /** Seconds; undefined: by the lifetime. */
  readonly wakeEvery: number | undefined
  /** Milliseconds before the first registration (`/1/x/14`). */
  readonly initialDelay: number
  /** What is to be registered, as it is now. */
  facts(): RegistrationFacts
  retry(): RetryPolicy
  /** Resolves when it is this server's turn to be registered at (`/1/x/13`); undefined: it is now. */
  turn(): Promise<void> | undefined
}

/** What a session tells the client. */
export interface SessionListener {
  onState(state: ClientState): void
  onRegistered(registration: ClientRegistration): void
  onUpdated(registration: ClientRegistration): void
  onDeregistered(registration: ClientRegistration): void
  /** The registration failed, for the servers that come after this one (`/1/x/15`). */
  onFailing(): void
  /** All attempts failed: time for a bootstrap, if there is a bootstrap server (`/1/x/16`). */
  onGaveUp(error: Error): void
  onAwake(awake: boolean): void
  onRequest(request: CoapRequest): CoapReply | Promise<CoapReply>
  onWarning(code: string, message: string, error?: Error): void
  onTrace: ((trace: CoapTrace) => void) | undefined
}
