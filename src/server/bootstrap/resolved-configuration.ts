import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'

/** Values of resource /0/x/2. */
export const SecurityModeValue = { psk: 0, rpk: 1, x509: 2, nosec: 3 } as const

/** A server account for one device: checked, decoded, placeholders filled in. */
export interface ResolvedAccount {
  readonly shortServerId: number
  readonly uri: string
  readonly security: keyof typeof SecurityModeValue
  /** /0/x/3, 4 and 5; empty where the mode has none. Of a generated credential: still empty. */
  readonly publicKeyOrIdentity: Uint8Array
  readonly serverPublicKey: Uint8Array
  readonly secretKey: Uint8Array
  readonly createCredential: boolean
  /** Seconds. */
  readonly lifetime: number
  readonly binding: string
  readonly queueMode: boolean
  readonly minPeriod: number | undefined
  readonly maxPeriod: number | undefined
  readonly notificationStoring: boolean
  readonly securityInstance: number | undefined
  readonly serverInstance: number | undefined
  /** Further records, as if of /0/0, /1/0 and /21/0. */
  readonly securityRecords: readonly Record[]
  readonly serverRecords: readonly Record[]
  readonly oscoreRecords: readonly Record[] | undefined
}

/** One Bootstrap-Write beside the accounts. */
export interface ResolvedWrite {
  readonly path: Path
  readonly records: readonly Record[]
}

/** A configuration for one device, ready to be planned. Holds secrets. */
export interface ResolvedConfiguration {
  readonly endpoint: string
  readonly accounts: readonly ResolvedAccount[]
  readonly writes: readonly ResolvedWrite[]
  readonly deletes: readonly Path[]
  readonly reads: readonly Path[]
  readonly discover: boolean
  readonly format: number | undefined
  readonly pack: boolean
}
