import { CodedError } from '../../base/coded-error'
import type { TextEncoding } from '../credentials/key-text'

/** How a device is to reach a server (resource /0/x/2). */
export type SecurityMode = 'psk' | 'rpk' | 'x509' | 'nosec'

/** One server that a device is told of: its Security (/0) and Server (/1) instances. */
export interface ServerAccount {
  /** `coap://host:port` with `nosec`, `coaps://host:port` with the others. May contain `{endpoint}`. */
  readonly uri: string
  /** 1 to 65534, unique within the configuration. */
  readonly shortServerId: number
  /** Default `nosec`. */
  readonly security?: SecurityMode
  /** PSK; default `{endpoint}`. At most 128 bytes. */
  readonly identity?: string | Uint8Array
  /** How `identity` is written; default `text`. */
  readonly identityFormat?: TextEncoding
  /** PSK; 1 to 64 bytes. */
  readonly key?: string | Uint8Array
  /** How `key` is written; default `hex`. */
  readonly keyFormat?: TextEncoding
  /**
   * PSK: makes a new identity and key for every bootstrap, writes them to the device and adds them to
   * this server's own credentials. Excludes `identity` and `key`.
   */
  readonly createCredential?: boolean
  /** RPK: the device's key pair (SubjectPublicKeyInfo, PKCS #8), PEM or DER. */
  readonly publicKey?: string | Uint8Array
  readonly privateKey?: string | Uint8Array
  /** RPK: the server's SubjectPublicKeyInfo, PEM or DER. */
  readonly serverPublicKey?: string | Uint8Array
  /** X.509: the device's certificate (its key in `privateKey`), and the server's; PEM or DER. */
  readonly certificate?: string | Uint8Array
  readonly serverCertificate?: string | Uint8Array
  /** Seconds; default 86400. */
  readonly lifetime?: number
  /** Default `U`. Without Q, which {@link queueMode} says. */
  readonly binding?: string
  /** For devices of 1.0, to whom the binding says it; later ones decide it themselves. */
  readonly queueMode?: boolean
  /** Default minimum and maximum periods of notifications, seconds. */
  readonly minPeriod?: number
  readonly maxPeriod?: number
  /** Whether notifications are kept while the server cannot be reached; default true. */
  readonly notificationStoring?: boolean
  /** Instance ids, where they must be certain ones. Default: free ones. */
  readonly securityInstance?: number
  readonly serverInstance?: number
  /** Further resources of the Security and Server instances, by id. */
  readonly securityResources?: { readonly [id: string]: unknown }
  readonly serverResources?: { readonly [id: string]: unknown }
  /** Resources of an OSCORE instance (/21), by id; the Security instance is linked to it. */
  readonly oscore?: { readonly [id: string]: unknown }
}

/** What a device, or all devices of a pattern, get from the bootstrap server. */
export interface BootstrapConfiguration {
  /** An endpoint name, or a pattern: `*` any run of characters, `?` one. */
  readonly endpoint: string
  readonly servers: readonly ServerAccount[]
  /**
   * Further values by path, e.g. `{'/2/0': {0: 3, 1: 0, 2: {1: 15}, 3: 1}, '/3/0/15': 'Europe/Paris'}`.
   * Texts may contain `{endpoint}`.
   */
  readonly resources?: { readonly [path: string]: unknown }
  /** What is deleted first; default `['/0', '/1']`. The bootstrap account is always spared. */
  readonly delete?: readonly string[]
  /** What is read for the result (Bootstrap-Read, 1.1): paths within /1 and /2. */
  readonly read?: readonly string[]
  /** Whether to ask the device what it has first; default true. */
  readonly discover?: boolean
  /** Content-Format of what is written, as a number or a name; default: what suits the device. */
  readonly format?: number | string
  /** Whether the device may fetch it as one Bootstrap-Pack (1.2); default true. */
  readonly pack?: boolean
}

/** A configuration says something that cannot be. The message names the property. */
export class BootstrapConfigurationError extends CodedError {
  constructor(
    code: 'invalid-configuration' | 'fixed-configuration',
    /** Which configuration: its endpoint name or pattern. */
    readonly endpoint: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(code, `bootstrap configuration of ${JSON.stringify(endpoint)}: ${why}`, options)
  }
}
