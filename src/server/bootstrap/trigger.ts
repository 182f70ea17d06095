import { Path } from '../../lwm2m/path'
import type { Registration } from '../types'

const SERVER = 1
/** Bootstrap-Request Trigger (Core 1.1 E.2). */
const BOOTSTRAP_REQUEST_TRIGGER = 9

/**
 * The resource to execute so that a registered device comes to its bootstrap server (server-initiated
 * bootstrap, Core §6.1.3): `/1/x/9`.
 * @returns undefined when the device has no Server instance, or is of 1.0, which has no trigger
 */
export function bootstrapTrigger(
  registration: Pick<Registration, 'objects' | 'version'>,
): Path | undefined {
  if (registration.version === '1.0') return undefined
  const server = registration.objects.find((one) => one.id === SERVER && !one.prefix)
  if (server === undefined || server.instances.length === 0) return undefined
  return new Path([SERVER, Math.min(...server.instances), BOOTSTRAP_REQUEST_TRIGGER])
}
