import { Code } from '../coap/codes'
import type { CoapReply, CoapRequest, RequestHandler } from '../coap/types'

const NOT_FOUND: CoapReply = Object.freeze({ code: Code.NOT_FOUND })

/** Hands requests to the interface that their first Uri-Path segment names (`rd`, `dp`, `bs`, …). */
export class Router {
  private readonly routes = new Map<string, RequestHandler>()

  set(segment: string, handler: RequestHandler): this {
    this.routes.set(segment, handler)
    return this
  }

  readonly handle = (request: CoapRequest): CoapReply | Promise<CoapReply> => {
    const handler = this.routes.get(request.path[0] ?? '')
    return handler === undefined ? NOT_FOUND : handler(request)
  }
}
