import { Code } from '../../coap/codes'
import { Level, Path } from '../../lwm2m/path'
import { acceptFor } from './content-format'
import { uriPath } from './device-path'
import type { Operation } from './operation'
import { requirePath } from './preconditions'
import { decodeValues, refusesAccept, requireSuccess } from './response'

/** Read (Core §6.3.1): GET with Accept; answered in whatever format the device chose. */
export const readOperation: Operation<{ readonly path: Path | string }> = {
  build(input, device, context) {
    const path = requirePath(input.path, device, 'Read', [
      Level.OBJECT,
      Level.INSTANCE,
      Level.RESOURCE,
      Level.RESOURCE_INSTANCE,
    ])
    const accept = acceptFor(path, device, context)
    return {
      operation: 'read',
      path: path.toString(),
      init: {
        code: Code.GET,
        path: uriPath(path, device),
        ...(accept === undefined ? {} : { accept }),
      },
      ...(context.format === undefined ? {} : { formatChosen: true }),
    }
  },

  interpret(request, response, device, context) {
    requireSuccess(response, `Read ${request.path}`, device)
    const path = Path.parse(request.path)
    return {
      endpoint: device.endpoint,
      path,
      code: response.code,
      ...decodeValues(response, path, device, context),
    }
  },

  fallback(request, response) {
    const { accept, ...init } = request.init
    if (request.formatChosen === true) return undefined
    if (accept === undefined || !refusesAccept(response)) return undefined
    return { ...request, init }
  },
}
