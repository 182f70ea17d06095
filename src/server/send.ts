import { Code } from '../coap/codes'
import type { CoapReply, CoapRequest } from '../coap/types'
import { decode, hasWholeNames } from '../lwm2m/formats'
import { DecodeError } from '../lwm2m/formats/codec'
import { Level, Path } from '../lwm2m/path'
import type { OperationContexts } from './operations/operation-contexts'
import { mayHaveObject, rememberingLookup } from './operations/resource-lookup'
import { codecContext, type DecodedValues, withValues } from './operations/response'
import type { Registration, ServerWarning } from './types'
import { byTime, commonPath } from './values/by-time'
import type { ValueCounters } from './values/value-counters'
import { valueReport } from './values/value-report'
import type { ValueStream } from './values/value-stream'

const CHANGED: CoapReply = Object.freeze({ code: Code.CHANGED })
const METHOD_NOT_ALLOWED: CoapReply = Object.freeze({ code: Code.METHOD_NOT_ALLOWED })

function refusal(code: number, diagnostic: string): CoapReply {
  return { code, payload: Buffer.from(diagnostic, 'utf8') }
}

/** Answers Sends (Core §6.4.6) and reports their values. */
export class SendHandler {
  /**
   * @param values told of each timestamp, oldest first, before the reply
   * @param warn without a limit
   */
  constructor(
    private readonly contexts: OperationContexts,
    private readonly values: ValueStream,
    private readonly counters: ValueCounters,
    private readonly warn: (warning: ServerWarning) => void,
  ) {}

  /**
   * `POST /dp`: 2.04, 4.00 for what cannot be read, 4.04 for an object that is not registered and for
   * who is not registered. All of it is taken, or nothing.
   * @param device who speaks: by its address over UDP, by its identity over DTLS
   */
  readonly handle = (request: CoapRequest, device?: Registration): CoapReply => {
    const reply = this.answer(request, device)
    this.counters.sendAnswered(reply)
    return reply
  }

  private answer(request: CoapRequest, device: Registration | undefined): CoapReply {
    if (request.code !== Code.POST) return METHOD_NOT_ALLOWED
    if (request.path.length !== 1) return refusal(Code.NOT_FOUND, 'Send goes to /dp')
    if (device === undefined) return refusal(Code.NOT_FOUND, 'not registered')
    const { endpoint } = device
    const context = this.contexts.of()
    let decoded: DecodedValues
    try {
      decoded = decodeSend(request, device, context)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const message = `a Send cannot be read: ${error.message}`
      this.counters.undecodable('send')
      this.warn({ code: 'decode', message, endpoint, raw: error.raw })
      return refusal(Code.BAD_REQUEST, error.message)
    }
    const unknown = decoded.records.find(({ path }) => !mayHaveObject(device, path))
    if (unknown !== undefined) {
      const object = unknown.path.at(Level.OBJECT)
      const message = `a Send was refused: ${object.toString()} is not registered`
      context.warn({ code: 'unregistered-object', message, endpoint, path: object })
      return refusal(Code.NOT_FOUND, `${object.toString()} is not registered`)
    }
    for (const { records } of byTime(decoded.records)) {
      const path = commonPath(records, Path.ROOT)
      const answer = { ...decoded, endpoint, path, code: Code.CHANGED, records }
      this.values.report(valueReport('send', answer, device, context.now))
    }
    return CHANGED
  }
}

/** @throws DecodeError */
function decodeSend(
  { contentFormat, payload }: CoapRequest,
  device: Registration,
  context: ReturnType<OperationContexts['of']>,
): DecodedValues {
  if (contentFormat === undefined || !hasWholeNames(contentFormat)) {
    const what = contentFormat === undefined ? 'none' : String(contentFormat)
    throw new DecodeError(contentFormat, `Send has no Content-Format ${what}`, payload)
  }
  const definitionOf = rememberingLookup(device, context.model, context.warn)
  const codec = codecContext(Path.ROOT, device, context, definitionOf)
  const records = withValues(decode(contentFormat, payload, codec), codec)
  if (records.length === 0) throw new DecodeError(contentFormat, 'Send has no value', payload)
  return { records, definitionOf, format: contentFormat }
}
