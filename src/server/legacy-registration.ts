import { Code } from '../coap/codes'
import type { CoapReply, CoapRequest } from '../coap/types'
import { endpointProblem } from './endpoint-name'
import type { ServerWarning } from './types'

const NOT_FOUND: CoapReply = Object.freeze({ code: Code.NOT_FOUND })

/**
 * Answers `POST /t/r?ep=…` with 4.04 and tells the operator what to change. NB-IoT modules of the first
 * generation register like this at a vendor's platform by themselves; it is not LwM2M.
 */
export function handleLegacyRegistration(
  request: CoapRequest,
  warn: (warning: ServerWarning) => void,
): CoapReply {
  const { path, code, query, peer } = request
  if (path.length !== 2 || path[1] !== 'r' || code !== Code.POST) return NOT_FOUND
  const endpoint = query.find((option) => option.startsWith('ep='))?.slice('ep='.length) ?? ''
  warn({
    code: 'legacy-registration',
    message:
      'an NB-IoT module registers at /t/r (the "CDP" platform of its vendor), which is not LwM2M: switch its ' +
      'automatic registration off (AT+QREGSWT=2, or an empty AT+NCDP) and use an LwM2M client that registers ' +
      'at /rd, in the application or by newer firmware of the module',
    peer,
    ...(endpointProblem(endpoint) === undefined ? { endpoint } : {}),
  })
  return NOT_FOUND
}
