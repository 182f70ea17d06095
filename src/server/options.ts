import type { Clock } from '../base/clock'
import type { CoapEndpointOptions } from '../coap/types'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { Store } from '../storage/store'
import type { ServerCoapsOptions } from './endpoints'
import type { RegistrationAuthority } from './registration/registration-authority'

/** Where to listen without security. */
export interface ListenOptions {
  /** Default: all addresses, IPv6 and IPv4. */
  readonly host?: string
  /** 0 for an ephemeral one. */
  readonly port?: number
}

/** Limits of registration lifetimes. Seconds. */
export interface LifetimeOptions {
  /** For a device that states none; default 86400 (Core §6.2.1). */
  readonly default?: number
  /** Shorter ones are lengthened to this, with a warning event; default 0. */
  readonly min?: number
  /** Longer ones are shortened to this, with a warning event; default none. */
  readonly max?: number
  /** How long after the end of its lifetime a registration lives on; default 0. */
  readonly grace?: number
}

/** How requests wait for sleeping devices. Times are milliseconds. */
export interface QueueOptions {
  /** How long a request waits unless it says otherwise; default 86,400,000 (a day). */
  readonly ttl?: number
  /** Requests that may wait for one device; default 100. */
  readonly maxLength?: number
  /** Endpoint patterns that are treated as queue-mode devices although they do not say `Q`. */
  readonly patterns?: readonly string[]
  /** What becomes of waiting requests when the device registers again; default `keep`. */
  readonly onReregister?: 'keep' | 'drop'
  /** What becomes of a request that a queue-mode device did not acknowledge; default `keep`. */
  readonly onDeliveryFailure?: 'keep' | 'fail'
}

export interface Lwm2mServerOptions {
  /** CoAP over UDP; default port 5683. `false` to leave it out. */
  readonly coap?: ListenOptions | false
  /** CoAP over DTLS; default left out. */
  readonly coaps?: ServerCoapsOptions | false
  readonly lifetime?: LifetimeOptions
  /** Transmission and block-wise settings of every endpoint. */
  readonly transmission?: CoapEndpointOptions
  /** How long a queue-mode device listens after its last message, ms; default 93,000 (MAX_TRANSMIT_WAIT). */
  readonly awakeWindow?: number
  /** The same by endpoint name or pattern, ms. */
  readonly awakeWindows?: { readonly [pattern: string]: number }
  readonly queue?: QueueOptions
  /** Where state is kept; default nowhere. The server opens and closes it. */
  readonly store?: Store
  /** Default: the built-in OMA registry. */
  readonly model?: ObjectModel
  readonly clock?: Clock
  /** Says which identity may register as which endpoint; default: everything without security may. */
  readonly authority?: RegistrationAuthority
  /**
   * Whether an Update without security from a new address moves the registration there (default), or
   * is answered 4.04, so that the device registers again.
   */
  readonly learnAddress?: boolean
  /** Registrations held at most; more are answered 5.03. Default 1,000,000. */
  readonly maxRegistrations?: number
}
