import { Code } from '../../coap/codes'
import { Level, Path } from '../../lwm2m/path'
import { uriPath } from './device-path'
import type { Operation } from './operation'
import { requirePath, requireVersion } from './preconditions'
import { requireSuccess } from './response'

/** Delete (Core §6.3.7): an object instance; since 1.2 a resource instance. */
export const deleteOperation: Operation<{ readonly path: Path | string }> = {
  build(input, device) {
    const path = requirePath(input.path, device, 'Delete', [
      Level.INSTANCE,
      Level.RESOURCE_INSTANCE,
    ])
    if (path.level === Level.RESOURCE_INSTANCE) {
      requireVersion(device, '1.2', 'Delete of a resource instance')
    }
    return {
      operation: 'delete',
      path: path.toString(),
      init: { code: Code.DELETE, path: uriPath(path, device) },
    }
  },

  interpret(request, response, device) {
    requireSuccess(response, `Delete ${request.path}`, device)
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: response.contentFormat,
      records: [],
    }
  },
}
