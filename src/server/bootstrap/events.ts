import type { CodeText, ErrorCode, WarningCode } from '../../base/codes'
import type { CodedError } from '../../base/coded-error'
import type { Record } from '../../lwm2m/record'
import type { Peer } from '../../transport/transport'

/** A device asks to be bootstrapped. */
export interface BootstrapRequest {
  /** Names the request, for a decision, and then its session. */
  readonly id: string
  readonly endpoint: string
  readonly peer: Peer
  /** Content-Format that the device prefers (`pct`), or asks a pack in (Accept). */
  readonly preferredFormat: number | undefined
  /** Bootstrap-Pack-Request (1.2) instead of Bootstrap-Request. */
  readonly pack: boolean
  /** It waits for {@link BootstrapServer.decide}. */
  readonly pending: boolean
  /** Milliseconds since the epoch. */
  readonly time: number
}

/** A request that was answered with an error. */
export interface BootstrapRefusal {
  /** Undefined where the device did not say it and its identity does not either. */
  readonly endpoint: string | undefined
  readonly peer: Peer
  /**
   * `unknown-endpoint`, `refused` (by decision), `undecided` (nobody decided in time), `superseded`
   * (by a later request of the device), `invalid-request`, `unsupported-format`, `overload`,
   * `invalid-configuration`, `pack-disabled`, `internal`, or why the identity may not be the endpoint.
   */
  readonly code: ErrorCode
  readonly reason: string
}

/** What became of one request to the device. */
export interface StepReport {
  readonly operation: 'discover' | 'read' | 'delete' | 'write' | 'finish'
  readonly path: string
  /** The device's answer, `2.04`; undefined where it did not answer. */
  readonly code: CodeText | undefined
  /** The diagnostic text of an error answer, or why there was none. */
  readonly error: string | undefined
}

/** A step was done. */
export interface BootstrapProgress {
  readonly id: string
  readonly endpoint: string
  readonly step: StepReport
  /** Steps done, and in all; the latter is known after Bootstrap-Discover. */
  readonly done: number
  readonly total: number | undefined
}

/** A server account as the device has it now. Without secrets. */
export interface ProvisionedServer {
  readonly shortServerId: number
  readonly uri: string
  readonly security: string
  /** PSK identity, for people. */
  readonly identity: string | undefined
  readonly securityInstance: number
  readonly serverInstance: number
  /** The credential was generated and added to this server's own. */
  readonly credentialCreated: boolean
}

/** How a session, or a pack, ended. Without secrets. */
export interface BootstrapResult {
  readonly id: string
  readonly endpoint: string
  readonly peer: Peer
  /**
   * `finished`: everything succeeded. `finished-with-errors`: the device took Finish, but refused
   * something before. `failed`: the device refused Finish. `aborted`: it did not answer, or the
   * session could not go on; no Finish was sent. `replaced`: by a new request of the device.
   * `stopped`: with the server. `pack-sent`: what becomes of a pack, the device does not say.
   */
  readonly outcome:
    | 'finished'
    | 'finished-with-errors'
    | 'failed'
    | 'aborted'
    | 'replaced'
    | 'stopped'
    | 'pack-sent'
  /** LwM2M version, as the device or its preferred format said it. */
  readonly version: string | undefined
  /** Content-Format written in. */
  readonly format: number | undefined
  readonly steps: readonly StepReport[]
  /** What was decided against the configuration. */
  readonly notes: readonly string[]
  readonly servers: readonly ProvisionedServer[]
  /** What Bootstrap-Read answered. */
  readonly records: readonly Record[]
  /** Why, unless finished. */
  readonly error: CodedError | undefined
  /** Milliseconds since the epoch, and milliseconds. */
  readonly startedAt: number
  readonly duration: number
}

export interface BootstrapEvents {
  request: [request: BootstrapRequest]
  refused: [refusal: BootstrapRefusal]
  progress: [progress: BootstrapProgress]
  result: [result: BootstrapResult]
  warning: [
    warning: {
      readonly code: WarningCode
      readonly message: string
      readonly endpoint?: string
      readonly peer?: Peer
    },
  ]
}
