import { Code } from '../../coap/codes'
import { decodePaths, encodePaths } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Registration } from '../types'
import { compositeAcceptFor, pathsFormats } from './content-format'
import { rootSegments } from './device-path'
import type { DeviceRequest, DeviceRequestInit } from './device-request'
import type { Operation, OperationContext } from './operation'
import { invalidArgument, requireVersion } from './preconditions'
import { codecContext, decodeValues, refusesContentFormat, requireSuccess } from './response'

/**
 * The paths of a composite operation, each once, in the order given.
 * @throws PathError, OperationError `invalid-argument` when there are none
 */
export function compositePaths(input: readonly (Path | string)[]): Path[] {
  const paths = new Map<string, Path>()
  for (const item of input) {
    const path = Path.from(item)
    paths.set(path.toString(), path)
  }
  if (paths.size === 0) throw invalidArgument('a composite operation needs at least one path')
  return [...paths.values()]
}

/**
 * FETCH on the root with the paths as payload (Core §6.3.8).
 * @param refused the Content-Format that the device refused the paths in
 */
export function compositeFetch(
  paths: readonly Path[],
  device: Registration,
  context: OperationContext,
  refused?: number,
): DeviceRequestInit {
  const format =
    pathsFormats(device, context).find((one) => one !== refused) ?? ContentFormat.SENML_CBOR
  const accept = compositeAcceptFor(format, device, context)
  return {
    code: Code.FETCH,
    path: rootSegments(device),
    contentFormat: format,
    ...(accept === undefined ? {} : { accept }),
    payload: encodePaths(format, paths, codecContext(Path.ROOT, device, context)),
  }
}

/** The paths that none of the records lies at, below or around. */
export function missingPaths(paths: readonly Path[], records: readonly Record[]): Path[] {
  return paths.filter((path) => !records.some((record) => path.contains(record.path)))
}

function requestedPaths(
  request: DeviceRequest,
  device: Registration,
  context: OperationContext,
): Path[] {
  const { contentFormat, payload } = request.init
  return decodePaths(
    contentFormat ?? ContentFormat.SENML_CBOR,
    payload ?? Buffer.alloc(0),
    codecContext(Path.ROOT, device, context),
  )
}

/** Read-Composite (Core §6.3.8): what cannot be read is left out of the answer. */
export const readCompositeOperation: Operation<{ readonly paths: readonly (Path | string)[] }> = {
  build(input, device, context) {
    requireVersion(device, '1.1', 'Read-Composite')
    const paths = compositePaths(input.paths)
    return {
      operation: 'read-composite',
      path: '/',
      init: compositeFetch(paths, device, context),
      ...(context.format === undefined ? {} : { formatChosen: true }),
    }
  },

  interpret(request, response, device, context) {
    requireSuccess(response, 'Read-Composite', device)
    const asked = requestedPaths(request, device, context)
    const decoded = decodeValues(response, Path.ROOT, device, context, undefined, asked)
    return {
      endpoint: device.endpoint,
      path: Path.ROOT,
      code: response.code,
      ...decoded,
      missing: missingPaths(asked, decoded.records),
    }
  },

  fallback(request, response, device, context) {
    // The caller chose the format of the answer, never that of the paths.
    const refused =
      request.formatChosen === true
        ? response.code === Code.UNSUPPORTED_CONTENT_FORMAT
        : refusesContentFormat(response)
    if (!refused) return undefined
    const paths = requestedPaths(request, device, context)
    const fetch = compositeFetch(paths, device, context, request.init.contentFormat)
    const { accept } = request.init
    return {
      ...request,
      init: request.formatChosen === true && accept !== undefined ? { ...fetch, accept } : fetch,
    }
  },
}
