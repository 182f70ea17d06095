/** What the server knows of LwM2M Server, object 1 (Core E.2). */
import { ObjectId } from '../../lwm2m/objects/object-id'
import { ServerResource } from '../../lwm2m/objects/server'
import { Path } from '../../lwm2m/path'
import type { Registration } from '../types'

/** Whether a path is the Registration Update Trigger of an instance. */
export function isUpdateTrigger(path: Path): boolean {
  return path.object === ObjectId.SERVER && path.resource === ServerResource.UPDATE_TRIGGER
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
  const server = registration.objects.find(({ id, prefix }) => id === ObjectId.SERVER && !prefix)
  if (server === undefined || server.instances.length === 0) return undefined
  const instance = Math.min(...server.instances)
  return new Path([ObjectId.SERVER, instance, ServerResource.BOOTSTRAP_TRIGGER])
}
