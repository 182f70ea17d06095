import type { Lwm2mVersion } from '../types'

const ORDER: readonly Lwm2mVersion[] = ['1.0', '1.1', '1.2']

/** Negative when `a` is older than `b`, 0 when equal. */
export function compareLwm2mVersions(a: Lwm2mVersion, b: Lwm2mVersion): number {
  return ORDER.indexOf(a) - ORDER.indexOf(b)
}
