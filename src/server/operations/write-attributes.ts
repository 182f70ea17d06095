import { Code } from '../../coap/codes'
import { checkAttributes, formatAttributeQuery, type AttributeSet } from '../../lwm2m/attributes'
import { Level, Path } from '../../lwm2m/path'
import { uriPath } from './device-path'
import type { Operation } from './operation'
import { invalidArgument, requirePath } from './preconditions'
import { requireSuccess } from './response'

/** Write-Attributes (Core §6.3.4): PUT with the attributes as queries and nothing else. */
export const writeAttributesOperation: Operation<{
  readonly path: Path | string
  readonly attributes: AttributeSet
}> = {
  build(input, device) {
    const path = requirePath(input.path, device, 'Write-Attributes', [
      Level.OBJECT,
      Level.INSTANCE,
      Level.RESOURCE,
      Level.RESOURCE_INSTANCE,
    ])
    checkAttributes(input.attributes, { version: device.version, level: path.level })
    const query = formatAttributeQuery(input.attributes)
    if (query.length === 0) throw invalidArgument('Write-Attributes needs at least one attribute')
    return {
      operation: 'write-attributes',
      path: path.toString(),
      init: { code: Code.PUT, path: uriPath(path, device), query },
      sets: query.map((attribute) => attribute.replace(/=.*$/, '')),
    }
  },

  interpret(request, response, device) {
    requireSuccess(response, `Write-Attributes ${request.path}`, device)
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: response.contentFormat,
      records: [],
    }
  },
}
