import type { Scheduler } from '../../base/scheduler'
import type { CoapEndpointOptions, CoapReply, CoapRequest, CoapTrace } from '../../coap/types'
import type { Transport } from '../../transport/transport'
import type { ClientRegistration, ClientState, Lwm2mVersion, RetryPolicy } from '../types'
import type { RegistrationFacts } from './registration'
import type { ServerUri } from './server-uri'

/** Settings of a session, from the client that runs it. */
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
  /** Seconds; undefined: determined by the lifetime. */
  readonly wakeEvery: number | undefined
  /** Milliseconds before the first registration (`/1/x/14`). */
  readonly initialDelay: number
  /** The current registration parameters. */
  facts(): RegistrationFacts
  retry(): RetryPolicy
  /** Resolves when this server may be registered (`/1/x/13`); undefined: now. */
  turn(): Promise<void> | undefined
}

/** Called by a session. */
export interface SessionListener {
  onState(state: ClientState): void
  onRegistered(registration: ClientRegistration): void
  onUpdated(registration: ClientRegistration): void
  onDeregistered(registration: ClientRegistration): void
  /** The registration failed; relevant for the servers that follow this one (`/1/x/15`). */
  onFailing(): void
  /** All attempts failed: bootstrap if there is a bootstrap server (`/1/x/16`). */
  onGaveUp(error: Error): void
  onAwake(awake: boolean): void
  onRequest(request: CoapRequest): CoapReply | Promise<CoapReply>
  onWarning(code: string, message: string, error?: Error): void
  onTrace: ((trace: CoapTrace) => void) | undefined
}
