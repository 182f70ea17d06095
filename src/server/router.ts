import { Code } from '../coap/codes'
import type { CoapReply, CoapRequest } from '../coap/types'
import type { DeviceRegistration } from './registration/device-registration'

/** Answers a request; `speaker` is the registration that it is of, where that is known. */
export type RouteHandler = (
  request: CoapRequest,
  speaker?: DeviceRegistration,
) => CoapReply | Promise<CoapReply>

const NOT_FOUND: CoapReply = Object.freeze({ code: Code.NOT_FOUND })

/** Hands requests to the interface that their first Uri-Path segment names (`rd`, `dp`, `bs`, …). */
export class Router {
  private readonly routes = new Map<string, RouteHandler>()

  set(segment: string, handler: RouteHandler): this {
    this.routes.set(segment, handler)
    return this
  }

  readonly handle: RouteHandler = (request, speaker) => {
    const handler = this.routes.get(request.path[0] ?? '')
    return handler === undefined ? NOT_FOUND : handler(request, speaker)
  }
}
