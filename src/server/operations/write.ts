import { Code } from '../../coap/codes'
import { canEncode, decode, encode, formatName } from '../../lwm2m/formats'
import { EncodeError } from '../../lwm2m/formats/codec'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Registration, WriteInput } from '../types'
import { writeFormats } from './content-format'
import { uriPath } from './device-path'
import { MillisecondNotes } from './device-request'
import type { Operation, OperationContext } from './operation'
import { invalidArgument, requirePath } from './preconditions'
import { codecContext, refusesContentFormat, requireSuccess } from './response'
import { objectDefinition } from './resource-lookup'
import { writeRecords } from './write-records'

export interface WriteRequestInput {
  readonly path: Path | string
  readonly value: WriteInput
  /** Default: `update` for an instance, `replace` for a resource or resource instance. */
  readonly mode?: 'replace' | 'update'
}

/** @throws OperationError where Write has no such form for this device (Core §6.3.3) */
function requireMode(
  path: Path,
  mode: 'replace' | 'update',
  records: readonly Record[],
  device: Registration,
  context: OperationContext,
): void {
  if (mode === 'replace' || path.level === Level.INSTANCE) return
  const definition = objectDefinition(device, context.model, path)
  const multiple =
    definition?.resources.get(path.resource ?? -1)?.multiple ??
    records.some((record) => record.path.level === Level.RESOURCE_INSTANCE)
  if (path.level !== Level.RESOURCE || !multiple) {
    throw invalidArgument(
      `a partial update is for an object instance or a multiple resource, not for ${path.toString()}`,
    )
  }
}

/**
 * Where a write is sent, and what its payload is about. A partial update of a multiple resource is one
 * of its instance with nothing but these resource instances: 1.0 and 1.1 have no other form, and to
 * many clients of 1.2 a POST on a resource is Execute.
 */
function payloadBase(path: Path, mode: 'replace' | 'update'): Path {
  return mode === 'update' && path.level === Level.RESOURCE ? path.at(Level.INSTANCE) : path
}

/** The first of `formats` that can say the records, and their bytes in it. */
export function encodeFirst(
  formats: readonly number[],
  records: readonly Record[],
  base: Path,
  device: Registration,
  context: OperationContext,
): { format: number; payload: Buffer } {
  const codec = codecContext(base, device, context)
  const format = formats.find((candidate) => canEncode(candidate, records, base))
  if (format === undefined) {
    const which = formats.map(formatName).join(', ')
    throw new EncodeError(`${which}: not able to say what is to be written at ${base.toString()}`)
  }
  return { format, payload: encode(format, records, codec) }
}

/** Write (Core §6.3.3): PUT replaces, POST updates what is named. */
export const writeOperation: Operation<WriteRequestInput> = {
  build(input, device, context) {
    const path = requirePath(input.path, device, 'Write', [
      Level.INSTANCE,
      Level.RESOURCE,
      Level.RESOURCE_INSTANCE,
    ])
    const mode = input.mode ?? (path.level === Level.INSTANCE ? 'update' : 'replace')
    const notes = new MillisecondNotes()
    const records = writeRecords(input.value, path, device, context.model, notes.add)
    requireMode(path, mode, records, device, context)
    const base = payloadBase(path, mode)
    const formats = writeFormats(records, base, device, context)
    const { format, payload } = encodeFirst(formats, records, base, device, context)
    return {
      operation: 'write',
      path: path.toString(),
      init: {
        code: mode === 'replace' ? Code.PUT : Code.POST,
        path: uriPath(base, device),
        contentFormat: format,
        payload,
      },
      ...(context.format === undefined ? {} : { formatChosen: true }),
      sets: records.map((record) => record.path.toString()),
      ...(mode === 'replace' ? { replaces: true } : {}),
      ...notes.member,
    }
  },

  interpret(request, response, device) {
    requireSuccess(response, `Write ${request.path}`, device)
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: response.contentFormat,
      records: [],
    }
  },

  fallback(request, response, device, context) {
    const { contentFormat, payload } = request.init
    if (request.formatChosen === true) return undefined
    if (contentFormat === undefined || !refusesContentFormat(response)) return undefined
    const mode = request.init.code === Code.PUT ? 'replace' : 'update'
    const path = payloadBase(Path.parse(request.path), mode)
    const codec = codecContext(path, device, context)
    const records = decode(contentFormat, payload ?? Buffer.alloc(0), codec)
    const others = writeFormats(records, path, device, context).filter(
      (format) => format !== contentFormat && canEncode(format, records, path),
    )
    const format = others[0]
    if (format === undefined) return undefined
    return {
      ...request,
      init: { ...request.init, contentFormat: format, payload: encode(format, records, codec) },
    }
  },
}
