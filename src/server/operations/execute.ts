import { Code } from '../../coap/codes'
import { formatExecuteArguments } from '../../lwm2m/execute-arguments'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, Path } from '../../lwm2m/path'
import type { ExecuteArguments } from '../types'
import { isUpdateTrigger } from '../objects/server'
import { uriPath } from './device-path'
import type { DeviceRequestInit } from './device-request'
import type { Operation } from './operation'
import { requirePath, requireVersion } from './preconditions'
import { requireSuccess } from './response'

/** Execute (Core §6.3.5): POST, with arguments as text. */
export const executeOperation: Operation<{
  readonly path: Path | string
  readonly arguments?: ExecuteArguments
}> = {
  build(input, device) {
    const path = requirePath(input.path, device, 'Execute', [Level.RESOURCE])
    const text = input.arguments === undefined ? '' : formatExecuteArguments(input.arguments)
    const init: DeviceRequestInit = { code: Code.POST, path: uriPath(path, device) }
    let said: Partial<DeviceRequestInit> = {}
    if (text !== '' && isUpdateTrigger(path)) {
      // The trigger names the transport to register over in the query: `POST /1/0/8?0=U` (1.2).
      requireVersion(device, '1.2', 'an argument of the Registration Update Trigger')
      said = { query: text.split(',').map((argument) => argument.replaceAll("'", '')) }
    } else if (text !== '') {
      said = { contentFormat: ContentFormat.TEXT, payload: Buffer.from(text, 'utf8') }
    }
    return { operation: 'execute', path: path.toString(), init: { ...init, ...said } }
  },

  interpret(request, response, device) {
    requireSuccess(response, `Execute ${request.path}`, device)
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: response.contentFormat,
      records: [],
    }
  },
}
