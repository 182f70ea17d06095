import { Code } from '../../coap/codes'
import { formatAttributeQuery, type AttributeSet } from '../../lwm2m/attributes'
import { Level, Path } from '../../lwm2m/path'
import type { Registration } from '../types'
import { acceptFor } from '../operations/content-format'
import { uriPath } from '../operations/device-path'
import type { DeviceRequestInit } from '../operations/device-request'
import type { OperationContext } from '../operations/operation'
import { compositeFetch, compositePaths } from '../operations/read-composite'
import { mayHaveObject, registeredObject } from '../operations/resource-lookup'

/** What is observed: one path, or several in one composite observation. Shared by all devices. */
export class ObservePlan {
  /** Unique within a device; the same for the same paths in any order. */
  readonly key: string

  private constructor(readonly paths: readonly Path[]) {
    this.key = paths.map(String).join(',')
  }

  /** @throws PathError, OperationError `invalid-argument` */
  static of(input: readonly (Path | string)[]): ObservePlan {
    const paths = compositePaths(input)
    return new ObservePlan(paths.sort((a, b) => (a.toString() < b.toString() ? -1 : 1)))
  }

  /** Whether it takes Observe-Composite: several paths, or the root. */
  get composite(): boolean {
    return this.paths.length > 1 || this.paths[0]?.level === Level.ROOT
  }

  /** Where the answers lie: the path, or the root of a composite observation. */
  get base(): Path {
    return this.composite ? Path.ROOT : (this.paths[0] ?? Path.ROOT)
  }

  /** Whether a device registered something that this observes (all devices may hide objects). */
  appliesTo(device: Registration): boolean {
    return this.paths.some((path) => {
      if (path.level === Level.ROOT) return true
      const object = registeredObject(device, path)
      if (object === undefined) return mayHaveObject(device, path)
      return path.instance === undefined || object.instances.includes(path.instance)
    })
  }
}

/** The attributes as queries, where the device takes them with Observe (1.2). */
function attributeQuery(attributes: AttributeSet): { query?: readonly string[] } {
  const query = formatAttributeQuery(attributes)
  return query.length === 0 ? {} : { query }
}

/** GET of one path, to observe it. */
export function singleObserve(
  path: Path,
  device: Registration,
  attributes: AttributeSet,
  context: OperationContext,
): DeviceRequestInit {
  const accept = acceptFor(path, device, context)
  return {
    code: Code.GET,
    path: uriPath(path, device),
    ...attributeQuery(attributes),
    ...(accept === undefined ? {} : { accept }),
  }
}

/**
 * FETCH of several paths, to observe them together (Core §6.4.3).
 * @param refused the Content-Format that the device refused the paths in
 */
export function compositeObserve(
  paths: readonly Path[],
  device: Registration,
  attributes: AttributeSet,
  context: OperationContext,
  refused?: number,
): DeviceRequestInit {
  return { ...compositeFetch(paths, device, context, refused), ...attributeQuery(attributes) }
}
