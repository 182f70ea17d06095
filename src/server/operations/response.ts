import { Code, isSuccess } from '../../coap/codes'
import type { CoapResponse } from '../../coap/types'
import { diagnosticOf } from '../../lwm2m/diagnostic'
import { decode } from '../../lwm2m/formats'
import { ContentFormat, type CodecContext } from '../../lwm2m/formats/codec'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { DeviceError } from '../errors'
import type { OperationResult, Registration } from '../types'
import type { OperationContext } from './operation'
import { rememberingLookup, resourceLookup } from './resource-lookup'

/**
 * @param what for people: `read /3/0/9`
 * @throws DeviceError unless the response code is of class 2
 */
export function requireSuccess(response: CoapResponse, what: string, device: Registration): void {
  if (isSuccess(response.code)) return
  throw new DeviceError(response.code, `${what} of ${device.endpoint}`, diagnosticOf(response))
}

/** Whether a device says that it does not know the Content-Format it was sent. */
export function refusesContentFormat(response: CoapResponse): boolean {
  return response.code === Code.UNSUPPORTED_CONTENT_FORMAT || response.code === Code.NOT_ACCEPTABLE
}

/** Whether a device says that it cannot answer in the format of Accept, or does not know Accept. */
export function refusesAccept(response: CoapResponse): boolean {
  return response.code === Code.NOT_ACCEPTABLE || response.code === Code.BAD_OPTION
}

/** What a codec needs to know to read from or write for a device. */
export function codecContext(
  base: Path,
  device: Registration,
  context: Pick<OperationContext, 'model' | 'now' | 'warn'>,
  definitionOf = resourceLookup(device, context.model, context.warn),
): CodecContext {
  return {
    base,
    root: device.root,
    prefix: device.gateway?.prefix,
    version: device.version,
    resource: definitionOf,
    now: context.now,
    warn: (message, path) =>
      context.warn({ code: 'value', message, endpoint: device.endpoint, path: path ?? base }),
  }
}

/** The values of a message, and what the model says of each. */
export type DecodedValues = Required<Pick<OperationResult, 'records' | 'definitionOf'>> & {
  /** Content-Format they were in, where that is known. */
  readonly format: number | undefined
}

/**
 * The values of a response, decoded by the Content-Format received, whatever was asked for. Records
 * without a value are left out, with a warning.
 * @param expected what a response without Content-Format means: a notification has the format of the
 *   first answer (RFC 7641 §4.2)
 * @param asked of a composite operation: its paths; records elsewhere are delivered with a warning
 * @throws DecodeError
 */
export function decodeValues(
  response: CoapResponse,
  base: Path,
  device: Registration,
  context: Pick<OperationContext, 'model' | 'now' | 'warn'>,
  expected?: number,
  asked?: readonly Path[],
): DecodedValues {
  const { payload } = response
  const format = response.contentFormat ?? expected
  const definitionOf = rememberingLookup(device, context.model, context.warn)
  const codec = codecContext(base, device, context, definitionOf)
  // An empty body is an empty tree in any format but text and bytes, where it is an empty value.
  const isNothing =
    payload.length === 0 && format !== ContentFormat.TEXT && format !== ContentFormat.OCTET_STREAM
  const records = isNothing ? [] : withValues(decode(format, payload, codec), codec)
  if (asked !== undefined) {
    for (const { path } of records) {
      if (asked.some((one) => one.contains(path))) continue
      codec.warn?.(`the device answers ${path.toString()}, which was not asked for`, path)
    }
  }
  return { records, definitionOf, format }
}

/** The records that have a value; the others are warned of. */
export function withValues(records: Record[], { warn }: Pick<CodecContext, 'warn'>): Record[] {
  if (records.every(({ value }) => value !== undefined)) return records
  return records.filter(({ path, value }) => {
    if (value === undefined) warn?.(`${path.toString()} has no value: it is left out`, path)
    return value !== undefined
  })
}
