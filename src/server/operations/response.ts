import { Code, isSuccess } from '../../coap/codes'
import type { CoapResponse } from '../../coap/types'
import { decode } from '../../lwm2m/formats'
import { ContentFormat, DecodeError, type CodecContext } from '../../lwm2m/formats/codec'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { DeviceError } from '../errors'
import type { Registration } from '../types'
import type { OperationContext } from './operation'
import { resourceLookup } from './resource-lookup'

/** A diagnostic longer than this is no diagnostic. Characters. */
const LONGEST_DIAGNOSTIC = 200

/** The diagnostic payload of an error response (RFC 7252 §5.5.2), made safe to show. */
function diagnosticOf(response: CoapResponse): string {
  const format = response.contentFormat
  if (format !== undefined && format !== ContentFormat.TEXT) return ''
  return response.payload
    .toString('utf8')
    .slice(0, LONGEST_DIAGNOSTIC)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
}

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
): CodecContext {
  return {
    base,
    root: device.root,
    resource: resourceLookup(device, context.model, context.warn),
    now: context.now,
    warn: (message, path) =>
      context.warn({ code: 'value', message, endpoint: device.endpoint, path: path ?? base }),
  }
}

/**
 * The records of a response, decoded by the Content-Format received, whatever was asked for. Without
 * one, a device of 1.0 means text where it answers a single resource (Core 1.0 §6.4), and a
 * notification means the format of the first answer (RFC 7641 §4.2): `expected`.
 * @throws DecodeError
 */
export function decodeRecords(
  response: CoapResponse,
  base: Path,
  device: Registration,
  context: Pick<OperationContext, 'model' | 'now' | 'warn'>,
  expected?: number,
): Record[] {
  const { payload } = response
  let format = response.contentFormat ?? expected
  if (format === undefined) {
    if (payload.length === 0) return []
    if (device.version !== '1.0' || base.level < Level.RESOURCE) {
      throw new DecodeError(undefined, 'the answer does not say its Content-Format', payload)
    }
    format = ContentFormat.TEXT
  }
  // An empty body is an empty tree in any format but text and bytes, where it is an empty value.
  if (
    payload.length === 0 &&
    format !== ContentFormat.TEXT &&
    format !== ContentFormat.OCTET_STREAM
  ) {
    return []
  }
  return decode(format, payload, codecContext(base, device, context))
}
