import { compareVersions } from '../../lwm2m/versions'
import { Level, Path } from '../../lwm2m/path'
import { OperationError } from '../errors'
import type { Lwm2mVersion, Registration } from '../types'

const LEVEL_NAMES = [
  'the root',
  'an object',
  'an object instance',
  'a resource',
  'a resource instance',
]

/** An argument that no device could be asked with. */
export function invalidArgument(message: string): OperationError {
  return new OperationError('invalid-argument', message)
}

/** @throws OperationError `unsupported` when the device speaks an older LwM2M than `version` */
export function requireVersion(device: Registration, version: Lwm2mVersion, what: string): void {
  if (compareVersions(device.version, version) >= 0) return
  throw new OperationError(
    'unsupported',
    `${what} needs LwM2M ${version}; ${device.endpoint} registered with ${device.version}`,
  )
}

/**
 * The path of an operation, when it has a level the operation is defined for. Resource instances
 * can be addressed since 1.1 (Core 1.1 §6.3).
 * @throws PathError, OperationError `invalid-argument`, `unsupported`
 */
export function requirePath(
  input: Path | string,
  device: Registration,
  operation: string,
  levels: readonly number[],
): Path {
  const path = Path.from(input)
  if (!levels.includes(path.level)) {
    const allowed = levels.map((level) => LEVEL_NAMES[level]).join(' or ')
    throw invalidArgument(
      `${operation} needs the path of ${allowed}; ${path.toString()} is ${LEVEL_NAMES[path.level]}`,
    )
  }
  if (path.level === Level.RESOURCE_INSTANCE) {
    requireVersion(device, '1.1', `${operation} of a resource instance`)
  }
  return path
}
