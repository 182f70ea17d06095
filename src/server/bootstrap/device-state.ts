/** A Security (/0) instance as Bootstrap-Discover shows it. */
export interface DiscoveredSecurity {
  readonly instance: number
  /** Undefined for the bootstrap account, and with devices that do not say. */
  readonly shortServerId: number | undefined
}

/** What a device has, according to Bootstrap-Discover (Core §6.1.7.2). */
export interface DeviceState {
  /** `'1.0'`, `'1.1'`, …; undefined where the reply does not say. */
  readonly version: string | undefined
  /** Instances by object, objects without instances included. */
  readonly objects: ReadonlyMap<number, readonly number[]>
  readonly security: readonly DiscoveredSecurity[]
  /** Short server ids of the Server (/1) instances, where the reply says them. */
  readonly servers: ReadonlyMap<number, number>
}

/** Where the bootstrap account usually is. */
const USUAL = 0

/**
 * The Security instances that must not be touched, because they are, or may be, the bootstrap
 * account: those without a short server id. A device that shows none hides it: then it is taken to be
 * /0/0, as is usual, unless that is shown to be another.
 * @returns `certain` is false when several are without one, so that it is unknown which it is
 */
export function bootstrapAccounts(state: DeviceState): {
  readonly instances: ReadonlySet<number>
  readonly certain: boolean
} {
  const unnamed = state.security.filter((one) => one.shortServerId === undefined)
  const hidden = unnamed.length === 0 && !state.security.some(({ instance }) => instance === USUAL)
  return {
    instances: new Set(hidden ? [USUAL] : unnamed.map((one) => one.instance)),
    certain: unnamed.length <= 1,
  }
}
