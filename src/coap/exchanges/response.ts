import type { Peer } from '../../transport/transport'
import type { Message } from '../message'
import type { CoapOption, CoapResponse } from '../types'

/** A response as the application sees it. */
class Response implements CoapResponse {
  readonly code: number
  readonly contentFormat: number | undefined

  constructor(
    readonly peer: Peer,
    private readonly message: Message,
    readonly payload: Buffer,
    readonly observe: number | undefined,
  ) {
    this.code = message.code
    this.contentFormat = message.contentFormat
  }

  get locationPath(): readonly string[] {
    return this.message.locationPath
  }

  get etag(): Uint8Array | undefined {
    return this.message.etag
  }

  get maxAge(): number | undefined {
    return this.message.maxAge
  }

  get options(): readonly CoapOption[] {
    return this.message.options
  }
}

/**
 * Converts a message to a response for the application.
 * @param payload the whole body, if it was received in several messages
 * @param observe the number of the notification that it belongs to
 */
export function responseOf(
  peer: Peer,
  message: Message,
  payload: Buffer = message.payload,
  observe: number | undefined = message.observe,
): CoapResponse {
  return new Response(peer, message, payload, observe)
}
