/**
 * Object versions that a device does not announce are defined by its LwM2M version (Core §6.2.1).
 */

/** The LwM2M versions supported by this package. */
export type Lwm2mVersion = '1.0' | '1.1' | '1.2'

/** The core objects of LwM2M 1.0: all in version 1.0. */
const CORE_1_0: { readonly [object: number]: string } = {
  0: '1.0',
  1: '1.0',
  2: '1.0',
  3: '1.0',
  4: '1.0',
  5: '1.0',
  6: '1.0',
  7: '1.0',
}

/** The object versions of LwM2M 1.1. */
const CORE_1_1: { readonly [object: number]: string } = {
  0: '1.1',
  1: '1.1',
  2: '1.0',
  3: '1.1',
  4: '1.2',
  5: '1.0',
  6: '1.0',
  7: '1.0',
  21: '1.0',
}

/** The object versions of LwM2M 1.2. */
const CORE_1_2: { readonly [object: number]: string } = {
  0: '1.2',
  1: '1.2',
  2: '1.1',
  3: '1.2',
  4: '1.3',
  5: '1.1',
  6: '1.0',
  7: '1.0',
  21: '2.0',
  23: '1.0',
}

const CORE: { readonly [version: string]: { readonly [object: number]: string } } = {
  '1.0': CORE_1_0,
  '1.1': CORE_1_1,
  '1.2': CORE_1_2,
}

/**
 * The version of a core object without `ver`; `1.0` for every other object (Core §7.2.2), undefined
 * for an unknown LwM2M version.
 */
export function defaultObjectVersion(object: number, lwm2mVersion: string): string | undefined {
  const core = CORE[lwm2mVersion]
  return core === undefined ? undefined : (core[object] ?? '1.0')
}

type Version = readonly [major: number, minor: number]

/** Cache of parsed versions: there is a lookup per value, and few different versions. */
const known = new Map<string, Version>()
const MAX_KNOWN = 256

/** `major.minor` as numbers; undefined if the text is invalid. */
export function parseVersion(text: string): Version | undefined {
  const found = known.get(text)
  if (found !== undefined) return found
  const match = /^(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text)
  if (match === null) return undefined
  const version: Version = [Number(match[1]), Number(match[2] ?? 0)]
  // Versions are named by devices: the cache is limited.
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(text, version)
  return version
}

/** Negative if `a` is older, positive if it is newer; an invalid version is the oldest. */
export function compareVersions(a: string, b: string): number {
  const [majorA, minorA] = parseVersion(a) ?? [-1, -1]
  const [majorB, minorB] = parseVersion(b) ?? [-1, -1]
  return majorA - majorB || minorA - minorB
}
