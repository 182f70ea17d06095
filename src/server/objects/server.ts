/** LwM2M Server, object 1 (Core E.2). */
import { Path } from '../../lwm2m/path'
import type { Registration } from '../types'

/** Resources of an instance; those with a version came with it. */
export const ServerObject = {
  ID: 1,
  SHORT_SERVER_ID: 0,
  LIFETIME: 1,
  MINIMUM_PERIOD: 2,
  MAXIMUM_PERIOD: 3,
  NOTIFICATION_STORING: 6,
  BINDING: 7,
  UPDATE_TRIGGER: 8,
  /** 1.1 */
  BOOTSTRAP_TRIGGER: 9,
} as const

/** Whether a path is the Registration Update Trigger of an instance. */
export function isUpdateTrigger(path: Path): boolean {
  return path.object === ServerObject.ID && path.resource === ServerObject.UPDATE_TRIGGER
}

/**
 * The resource to execute so that a registered device comes to its bootstrap server (server-initiated
 * bootstrap, Core §6.1.3): `/1/x/9`.
 * @returns undefined when the device has no Server instance, or is of 1.0, which has no trigger
 */
export function bootstrapTrigger(
  registration: Pick<Registration, 'objects' | 'version'>,
): Path | undefined {
  if (registration.version === '1.0') return undefined
  const server = registration.objects.find(({ id, prefix }) => id === ServerObject.ID && !prefix)
  if (server === undefined || server.instances.length === 0) return undefined
  const instance = Math.min(...server.instances)
  return new Path([ServerObject.ID, instance, ServerObject.BOOTSTRAP_TRIGGER])
}
