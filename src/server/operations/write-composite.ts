import { Code } from '../../coap/codes'
import { decode, encode } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'
import type { Registration, WriteTree } from '../types'
import { compositeFormats } from './content-format'
import { rootSegments } from './device-path'
import { MillisecondNotes } from './device-request'
import type { Operation, OperationContext } from './operation'
import { invalidArgument, requireVersion } from './preconditions'
import { namedRecords } from './resource-lookup'
import { codecContext, refusesContentFormat, requireSuccess } from './response'

/** Values by path; `null` deletes (SenML-ETCH, 1.2). */
export interface CompositeValues {
  readonly [path: string]: Value | WriteTree | null
}

export type CompositeInput = readonly Record[] | CompositeValues

function isRecords(input: CompositeInput): input is readonly Record[] {
  return Array.isArray(input)
}

function toRecords(
  input: CompositeInput,
  device: Registration,
  context: OperationContext,
  onMilliseconds: (path: Path) => void,
): readonly Record[] {
  if (isRecords(input)) return input
  return Object.entries(input).flatMap(([key, value]) => {
    const path = Path.parse(key)
    return value === null
      ? [{ path, value: undefined }]
      : namedRecords(value, path, device, context.model, onMilliseconds)
  })
}

/** Write-Composite (Core §6.3.9): iPATCH on the root; the device writes all of it or nothing. */
export const writeCompositeOperation: Operation<{ readonly values: CompositeInput }> = {
  build(input, device, context) {
    requireVersion(device, '1.1', 'Write-Composite')
    const notes = new MillisecondNotes()
    const records = toRecords(input.values, device, context, notes.add)
    if (records.length === 0) throw invalidArgument('Write-Composite needs at least one value')
    const deleting = records.some((record) => record.value === undefined)
    if (deleting) requireVersion(device, '1.2', 'deleting by Write-Composite')
    for (const { path, value } of records) {
      const least = value === undefined ? Level.INSTANCE : Level.RESOURCE
      if (path.level < least) {
        throw invalidArgument(`${path.toString()} is nothing that Write-Composite can write`)
      }
    }
    const format = compositeFormats(device, context, deleting)[0] ?? ContentFormat.SENML_CBOR
    return {
      operation: 'write-composite',
      path: '/',
      init: {
        code: Code.IPATCH,
        path: rootSegments(device),
        contentFormat: format,
        payload: encode(format, records, codecContext(Path.ROOT, device, context)),
      },
      ...(context.format === undefined ? {} : { formatChosen: true }),
      sets: records.map((record) => record.path.toString()),
      ...notes.member,
    }
  },

  interpret(_request, response, device) {
    requireSuccess(response, 'Write-Composite', device)
    return {
      endpoint: device.endpoint,
      path: Path.ROOT,
      code: response.code,
      format: response.contentFormat,
      records: [],
    }
  },

  fallback(request, response, device, context) {
    const { contentFormat, payload } = request.init
    if (request.formatChosen === true) return undefined
    if (contentFormat === undefined || !refusesContentFormat(response)) return undefined
    const codec = codecContext(Path.ROOT, device, context)
    const records = decode(contentFormat, payload ?? Buffer.alloc(0), codec)
    const deleting = records.some((record) => record.value === undefined)
    const format = compositeFormats(device, context, deleting).find(
      (other) => other !== contentFormat,
    )
    if (format === undefined) return undefined
    return {
      ...request,
      init: { ...request.init, contentFormat: format, payload: encode(format, records, codec) },
    }
  },
}
