import type { Message } from '../messages/codec'
import type { OptionFields } from '../options'
import type { Peer } from '../../transport/transport'
import type { CoapResponse } from '../types'

/** A response as the application sees it. */
export function responseOf(
  peer: Peer,
  message: Message,
  fields: OptionFields,
  payload: Buffer = message.payload,
): CoapResponse {
  return {
    peer,
    code: message.code,
    contentFormat: fields.contentFormat,
    payload,
    locationPath: fields.locationPath,
    etag: fields.etag,
    maxAge: fields.maxAge,
    observe: fields.observe,
    options: message.options,
  }
}
