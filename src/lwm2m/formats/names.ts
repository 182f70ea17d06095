/**
 * Functions shared by formats whose records have names and times: SenML and the JSON of LwM2M 1.0.
 */
import { Level, Path, PathError } from '../path'
import { ObjectLink, type Value } from '../value'
import type { CodecContext } from './codec'
import { MAX_NAME } from './limits'

/** Values from here on are absolute times, smaller ones relative to now (RFC 8428 §4.5.3). */
const ABSOLUTE_TIME = 2 ** 28
/** ECMAScript's largest time, ms from the epoch in both directions. */
const MAX_TIME = 8_640_000_000_000_000

/** A name as a path, without the alternate root. @throws PathError */
function pathOf(name: string, root: string): Path {
  // Checked first: one long base name may be combined with thousands of names.
  if (name.length > MAX_NAME) throw new PathError(name.slice(0, 40), 'it is too long')
  const text = name.startsWith('/') ? name.slice(1) : name
  return Path.parse(
    root !== '' && (text === root || text.startsWith(`${root}/`)) ? text.slice(root.length) : text,
  )
}

/** Like {@link pathOf}; undefined if the name is not a path. */
function tryPath(name: string, root: string): Path | undefined {
  try {
    return pathOf(name, root)
  } catch (error) {
    if (error instanceof PathError) return undefined
    throw error
  }
}

/**
 * Combines base name and name to a path. If the result is not the path of a value within the base,
 * but has only one plausible meaning, that is used, with a warning: the slash between them is
 * missing (`/3/0` and `9`), or the base name already contains the last id (`/5/0/1` and `1`).
 * @param isValue whether the record has a value, so that its path must be that of a resource
 * @throws PathError
 */
export function namedPath(
  baseName: string,
  name: string,
  isValue: boolean,
  context: CodecContext,
): Path {
  const { base, root = '' } = context
  const path = tryPath(baseName + name, root)
  const fits = (candidate: Path | undefined): candidate is Path =>
    candidate !== undefined &&
    base.contains(candidate) &&
    (!isValue || candidate.level >= Level.RESOURCE)
  if (fits(path)) return path
  const mended = isValue ? mend(baseName, name, context, fits) : undefined
  if (mended !== undefined) {
    const said = JSON.stringify([baseName, name])
    context.warn?.(`base name and name ${said}, read as ${mended.toString()}`, mended)
    return mended
  }
  return path ?? pathOf(baseName + name, root)
}

function mend(
  baseName: string,
  name: string,
  context: CodecContext,
  fits: (candidate: Path | undefined) => candidate is Path,
): Path | undefined {
  const { root = '', resource } = context
  if (baseName === '' || !/^\d/.test(name) || baseName.length + name.length > MAX_NAME)
    return undefined
  const parent = tryPath(baseName, root)
  const below = tryPath(`${baseName}/${name}`, root)
  if (parent === undefined) return undefined
  const isTwice = String(parent.ids[parent.level - 1]) === name && fits(parent)
  if (isTwice && (!fits(below) || resource?.(parent)?.multiple !== true)) return parent
  return fits(below) ? below : undefined
}

/**
 * The time of a record in milliseconds since the epoch; undefined if it has none.
 * @param seconds sum of base time and time: absolute, or relative to `now`
 */
export function recordTime(
  seconds: number,
  now: number,
  path: Path,
  context: CodecContext,
): number | undefined {
  if (seconds === 0) return undefined
  if (seconds > 0 && seconds < ABSOLUTE_TIME) {
    context.warn?.(
      `a value is dated ${seconds} s after now: the clock of the device may be near 1970`,
      path,
    )
  }
  const time = seconds >= ABSOLUTE_TIME ? seconds * 1000 : now + seconds * 1000
  return Math.abs(time) <= MAX_TIME ? Math.round(time) : undefined
}

/**
 * Parses an object link; other text is returned unchanged, for a warning if the model requires a
 * link.
 */
export function linkOrText(text: string): Value {
  try {
    return ObjectLink.parse(text)
  } catch {
    return text
  }
}
