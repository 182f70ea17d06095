import { Code } from '../../coap/codes'
import type { CoapRequest } from '../../coap/types'
import type { RegistrationAuthority } from '../registration/registration-authority'
import { endpointProblem } from '../endpoint-name'
import type { BootstrapRequest } from './events'
import { RequestRefused } from './refusals'
import { isPackFormat, isTreeFormat } from '../../lwm2m/formats'

/**
 * Reads `POST /bs?ep=…&pct=…` (Core §6.1.7.1) or `GET /bspack?ep=…` (Core 1.2 §6.1.7.8), and checks
 * that who sends it may be that endpoint.
 * @throws RequestRefused
 */
export function readBootstrapRequest(
  request: CoapRequest,
  id: string,
  time: number,
  authority: RegistrationAuthority,
): BootstrapRequest {
  const pack = request.path[0] === 'bspack'
  if (request.code !== (pack ? Code.GET : Code.POST)) {
    throw new RequestRefused(
      Code.METHOD_NOT_ALLOWED,
      'invalid-request',
      `only ${pack ? 'GET /bspack' : 'POST /bs'} is bootstrapping`,
    )
  }
  if (!request.confirmable) throw invalid('it is not confirmable')
  const parameters = readQuery(request.query)
  const endpoint = parameters.get('ep') ?? authority.endpointOf(request.peer.identity)
  if (endpoint === undefined) throw invalid('it names no endpoint (ep)')
  const wrong = endpointProblem(endpoint)
  if (wrong !== undefined) throw invalid(`its endpoint name ${wrong}`)
  const refusal = authority.refuse(endpoint, request.peer.identity)
  if (refusal !== undefined) {
    throw new RequestRefused(Code.BAD_REQUEST, refusal.code, refusal.reason, endpoint)
  }
  const preferredFormat = pack
    ? packFormat(request.accept, endpoint)
    : preferred(parameters, endpoint)
  return { id, endpoint, peer: request.peer, preferredFormat, pack, pending: false, time }
}

/** The first of each parameter; those that the specification does not know are left alone. */
function readQuery(query: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const part of query) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    if (parameters.has(name)) throw invalid(`it has the parameter ${JSON.stringify(name)} twice`)
    parameters.set(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return parameters
}

function preferred(parameters: ReadonlyMap<string, string>, endpoint: string): number | undefined {
  const text = parameters.get('pct')
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff) {
    throw invalid('its preferred format (pct) is not a Content-Format', endpoint)
  }
  const format = Number(text)
  if (!isTreeFormat(format)) throw unsupported(Code.UNSUPPORTED_CONTENT_FORMAT, format, endpoint)
  return format
}

function packFormat(accept: number | undefined, endpoint: string): number | undefined {
  if (accept !== undefined && !isPackFormat(accept)) {
    throw unsupported(Code.NOT_ACCEPTABLE, accept, endpoint)
  }
  return accept
}

function invalid(reason: string, endpoint?: string): RequestRefused {
  return new RequestRefused(Code.BAD_REQUEST, 'invalid-request', reason, endpoint)
}

function unsupported(code: number, format: number, endpoint: string): RequestRefused {
  return new RequestRefused(
    code,
    'unsupported-format',
    `nothing can be written in Content-Format ${format}`,
    endpoint,
  )
}
