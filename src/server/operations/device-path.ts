import { Path } from '../../lwm2m/path'
import type { Registration } from '../types'

/** The segments of a registration's alternate root: none for `/`. */
export function rootSegments(device: Registration): string[] {
  return device.root === '' ? [] : device.root.split('/')
}

/**
 * Uri-Path of a path on a device: below its alternate root (Core §6.4.1) and, for an end device
 * behind a gateway, below the gateway's prefix.
 */
export function uriPath(path: Path, device: Registration): string[] {
  if (device.root === '') return path.segments()
  return [...rootSegments(device), ...path.segments()]
}

/**
 * The path that Location-Path options name. One option holding the whole path is a common mistake
 * of clients and understood; so is an alternate root that is left out.
 * @throws PathError
 */
export function pathFromLocation(locationPath: readonly string[], device: Registration): Path {
  const segments = locationPath.flatMap((segment) => segment.split('/')).filter((s) => s !== '')
  const root = rootSegments(device)
  const below = root.every((segment, i) => segments[i] === segment)
  return Path.parse('/' + segments.slice(below ? root.length : 0).join('/'))
}
