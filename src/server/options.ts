import type { X509Certificate } from 'node:crypto'
import type { Clock } from '../base/clock'
import type { CoapEndpointOptions } from '../coap/types'
import type { ServerKey } from '../dtls/credentials'
import type { DtlsSettings } from '../dtls/options'
import type { ObjectModel } from '../lwm2m/model/definition'
import type { Store } from '../storage/store'
import type { Transport } from '../transport/transport'
import type { BootstrapServerOptions } from './bootstrap/bootstrap-server'
import type { CredentialStore } from './credentials/credential-store'
import type { DeviceFormat } from './operations/content-format'
import type { RegistrationAuthority } from './registration/registration-authority'
import type { TakeOverPolicy } from './registration/take-over'

/** Where to listen. */
export interface ListenOptions {
  /** A literal address. Default: all addresses, IPv6 and IPv4. */
  readonly host?: string
  /** 0 for an ephemeral one. */
  readonly port?: number
}

/** CoAP over DTLS. Who may connect, `Lwm2mServerOptions.credentials` says. */
export interface CoapsOptions extends ListenOptions, Omit<DtlsSettings, 'sessions'> {
  /** The server's own key pair, for raw public keys and certificates; without it there is PSK only. */
  readonly serverKey?: ServerKey
  /** What client certificates are verified against. */
  readonly trustAnchors?: readonly X509Certificate[]
  /**
   * Whether a request to a device whose association is gone makes the server begin a handshake with it,
   * where it was heard last; for devices with binding `U` that are not in queue mode. Where that fails,
   * so does the request (`handshake-timeout`). Default false: the request waits for the device's own handshake.
   */
  readonly startHandshakes?: boolean
  /** A secure transport in place of our own DTLS: the other options are its maker's then. */
  readonly transport?: Transport
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
  /** Whether notifications and Sends restart the lifetime, too, and not only Updates; default false. */
  readonly renewOnReports?: boolean
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

/** The bootstrap server beside (or on the ports of) the LwM2M server. */
export interface BootstrapOptions extends Pick<
  BootstrapServerOptions,
  'decisions' | 'decisionTimeout' | 'maxPending' | 'maxSessions' | 'responseTimeout' | 'pack'
> {
  /** Serve `/bs` and `/bspack` on the server's own ports too; default false. */
  readonly shared?: boolean
  /** Ports of its own; default port 5783, or none when `shared`. */
  readonly coap?: ListenOptions | false
  /** Default: none; port 5784 where it has no port. */
  readonly coaps?: CoapsOptions | false
}

/**
 * What registrations may take of the memory of this process, whoever sends them. The defaults fit the
 * limit of its heap (`--max-old-space-size`).
 */
export interface BudgetOptions {
  /** Bytes of the object lists of all devices; a list that many send counts once. Default: an eighth of the heap. */
  readonly objectLists?: number
  /** Bytes of the attributes (unknown query parameters) of all devices. Default: a 32nd of the heap. */
  readonly attributes?: number
  /** Registrations. Default: as many as a quarter of the heap holds, at most 500,000. */
  readonly registrations?: number
  /**
   * Register requests without security from one IPv4 address or IPv6 /64 in a minute. Default: a tenth
   * of `registrations`.
   */
  readonly registersPerMinute?: number
  /** Registrations without security that never expire (`lt=0`). Default: a tenth of `registrations`. */
  readonly unlimitedLifetimes?: number
}

export interface Lwm2mServerOptions {
  /** CoAP over UDP; default port 5683. `false` to leave it out. */
  readonly coap?: ListenOptions | false
  /** CoAP over DTLS; default left out. Default port 5684. */
  readonly coaps?: CoapsOptions | false
  readonly bootstrap?: BootstrapOptions | false
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
  /** Who may connect over DTLS, and as which endpoint. The server opens and closes it with the store. */
  readonly credentials?: CredentialStore
  /** Says which identity may register as which endpoint; default: what `credentials` say, else everything. */
  readonly authority?: RegistrationAuthority
  /** Object lists of profiles (`pid`, LwM2M 1.2) in link format, by profile id. */
  readonly profiles?: { readonly [profileId: string]: string }
  /**
   * Whether an Update without security from a new address moves the registration there (default), or
   * is answered 4.04, so that the device registers again.
   */
  readonly learnAddress?: boolean
  /**
   * Content-Format that devices are asked in and written to, by endpoint name or pattern, for those that
   * know one only and do not say so; `none`: requests carry no Accept. A request's own format comes first.
   */
  readonly formats?: { readonly [pattern: string]: DeviceFormat }
  /** The LwM2M version of a device that registers without `lwm2m`; default: refused with 4.00. */
  readonly defaultVersion?: '1.0'
  /**
   * What becomes of a Register without security for an endpoint that is registered from another
   * address; default `warn`.
   */
  readonly takeOver?: TakeOverPolicy
  /** What registrations may take of the memory of this process; more is answered 5.03. */
  readonly budgets?: BudgetOptions
  /** The same as `budgets.registrations`. */
  readonly maxRegistrations?: number
}
