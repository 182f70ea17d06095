import { Code } from '../../coap/codes'
import { Level, Path } from '../../lwm2m/path'
import { acceptFor } from './content-format'
import { uriPath } from './device-path'
import type { Operation } from './operation'
import { requirePath } from './preconditions'
import { decodeValues, refusesAccept, requireSuccess } from './response'

const LEVELS = [Level.OBJECT, Level.INSTANCE, Level.RESOURCE, Level.RESOURCE_INSTANCE]

/** Read (Core §6.3.1): GET with Accept; answered in whatever format the device chose. */
export const readOperation: Operation<{ readonly path: Path | string }> = {
  build(input, device, context) {
    const path = requirePath(input.path, device, 'Read', LEVELS)
    const accept = acceptFor(path, device, context)
    const code = Code.GET
    const segments = uriPath(path, device)
    return {
      operation: 'read',
      path: path.toString(),
      init: accept === undefined ? { code, path: segments } : { code, path: segments, accept },
      formatChosen: context.format !== undefined,
    }
  },

  interpret(request, response, device, context) {
    requireSuccess(response, `Read ${request.path}`, device)
    const path = Path.parse(request.path)
    const { records, definitionOf, format } = decodeValues(response, path, device, context)
    return { endpoint: device.endpoint, path, code: response.code, records, definitionOf, format }
  },

  fallback(request, response) {
    if (request.formatChosen === true || !refusesAccept(response)) return undefined
    const { accept, ...init } = request.init
    return accept === undefined ? undefined : { ...request, init }
  },
}
