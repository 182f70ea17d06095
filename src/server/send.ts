import type { Clock } from '../base/clock'
import { Code } from '../coap/codes'
import type { CoapReply, CoapRequest } from '../coap/types'
import { decode, hasWholeNames } from '../lwm2m/formats'
import { DecodeError } from '../lwm2m/formats/codec'
import type { ObjectModel } from '../lwm2m/model/definition'
import { Level, Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import type { Peer } from '../transport/transport'
import { byTime, commonPath } from './values/by-time'
import { mayHaveObject } from './operations/resource-lookup'
import { codecContext, withValues } from './operations/response'
import { WarningLimiter } from './operations/warning-limiter'
import type { OperationResult, Registration, ServerWarning } from './types'
import type { ValueStream } from './values/value-stream'

/** What the handler of `/dp` needs of the server. */
export interface SendHost {
  readonly clock: Clock
  readonly model: ObjectModel
  /** Who speaks: by its address over UDP, by its identity over DTLS. */
  registrationOf(peer: Peer): Registration | undefined
  /** Told of each timestamp, oldest first, before the reply. */
  readonly values: ValueStream
  warn(warning: ServerWarning): void
}

const CHANGED: CoapReply = Object.freeze({ code: Code.CHANGED })
const METHOD_NOT_ALLOWED: CoapReply = Object.freeze({ code: Code.METHOD_NOT_ALLOWED })

function refusal(code: number, diagnostic: string): CoapReply {
  return { code, payload: Buffer.from(diagnostic, 'utf8') }
}

/** One limiter for each server, for as long as that lives. */
const limiters = new WeakMap<SendHost, WarningLimiter>()

function limiterOf(host: SendHost): WarningLimiter {
  let limiter = limiters.get(host)
  if (limiter === undefined) limiters.set(host, (limiter = new WarningLimiter(host.clock)))
  return limiter
}

/**
 * Answers a Send (Core §6.4.6), `POST /dp`: 2.04, 4.00 for what cannot be read, 4.04 for an object
 * that is not registered and for who is not registered. All of it is taken, or nothing.
 */
export function handleSend(request: CoapRequest, host: SendHost): CoapReply {
  if (request.code !== Code.POST) return METHOD_NOT_ALLOWED
  if (request.path.length !== 1) return refusal(Code.NOT_FOUND, 'Send goes to /dp')
  const device = host.registrationOf(request.peer)
  if (device === undefined) return refusal(Code.NOT_FOUND, 'not registered')
  const warn = limiterOf(host).limit((warning) => host.warn(warning))
  const { contentFormat, payload } = request
  let records: readonly Record[]
  try {
    if (contentFormat === undefined || !hasWholeNames(contentFormat)) {
      const what = contentFormat === undefined ? 'none' : String(contentFormat)
      throw new DecodeError(contentFormat, `Send has no Content-Format ${what}`, payload)
    }
    const context = { model: host.model, now: host.clock.now(), warn }
    const codec = codecContext(Path.ROOT, device, context)
    records = withValues(decode(contentFormat, payload, codec), codec)
    if (records.length === 0) throw new DecodeError(contentFormat, 'Send has no value', payload)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    host.warn({
      code: 'decode',
      message: `a Send cannot be read: ${error.message}`,
      endpoint: device.endpoint,
      raw: error.raw,
    })
    return refusal(Code.BAD_REQUEST, error.message)
  }
  const unknown = records.find(({ path }) => !mayHaveObject(device, path))
  if (unknown !== undefined) {
    const what = unknown.path.at(Level.OBJECT).toString()
    warn({
      code: 'unregistered-object',
      message: `a Send was refused: ${what} is not registered`,
      endpoint: device.endpoint,
      path: unknown.path.at(Level.OBJECT),
    })
    return refusal(Code.NOT_FOUND, `${what} is not registered`)
  }
  for (const result of resultsOf(records, device, contentFormat))
    host.values.report('send', result, device)
  return CHANGED
}

function resultsOf(
  records: readonly Record[],
  device: Registration,
  format: number | undefined,
): OperationResult[] {
  return byTime(records).map((moment) => ({
    endpoint: device.endpoint,
    path: commonPath(moment.records, Path.ROOT),
    code: Code.CHANGED,
    format,
    records: moment.records,
  }))
}
