import { OptionNumber, option, pathOption, textOption, uintOption } from '../options'
import type { CoapOption, CoapReply, CoapRequestInit } from '../types'

export const NO_OPTIONS: readonly CoapOption[] = Object.freeze([])

/** The options of a request except those that differ from block to block. */
export function requestOptions(init: CoapRequestInit, observe: number | undefined): CoapOption[] {
  const options: CoapOption[] = []
  if (observe !== undefined) options.push(uintOption(OptionNumber.OBSERVE, observe))
  for (const segment of init.path ?? []) options.push(pathOption(segment))
  for (const item of init.query ?? []) options.push(textOption(OptionNumber.URI_QUERY, item))
  if (init.contentFormat !== undefined) {
    options.push(uintOption(OptionNumber.CONTENT_FORMAT, init.contentFormat))
  }
  if (init.accept !== undefined) options.push(uintOption(OptionNumber.ACCEPT, init.accept))
  if (init.etag !== undefined) options.push(option(OptionNumber.ETAG, init.etag))
  if (init.options !== undefined) options.push(...init.options)
  return options
}

/** The options of a reply except Observe and those that differ from block to block. */
export function replyOptions(reply: CoapReply): readonly CoapOption[] {
  if (
    reply.contentFormat === undefined &&
    reply.locationPath === undefined &&
    reply.etag === undefined &&
    reply.maxAge === undefined &&
    reply.options === undefined
  ) {
    return NO_OPTIONS
  }
  const options: CoapOption[] = []
  if (reply.etag !== undefined) options.push(option(OptionNumber.ETAG, reply.etag))
  if (reply.locationPath !== undefined) {
    for (const segment of reply.locationPath) {
      options.push(textOption(OptionNumber.LOCATION_PATH, segment))
    }
  }
  if (reply.contentFormat !== undefined) {
    options.push(uintOption(OptionNumber.CONTENT_FORMAT, reply.contentFormat))
  }
  if (reply.maxAge !== undefined) options.push(uintOption(OptionNumber.MAX_AGE, reply.maxAge))
  if (reply.options !== undefined) options.push(...reply.options)
  return options
}
