/** Hand-made CoAP datagrams for the load generator, so that it costs little and tests nothing of itself. */

const OPTION = { OBSERVE: 6, LOCATION_PATH: 8, URI_PATH: 11, CONTENT_FORMAT: 12, URI_QUERY: 15 }
export const TYPE = { CON: 0, NON: 1, ACK: 2, RST: 3 }

function option(delta: number, value: Buffer): Buffer {
  const nibble = (n: number): [number, number[]] =>
    n < 13 ? [n, []] : n < 269 ? [13, [n - 13]] : [14, [(n - 269) >> 8, (n - 269) & 255]]
  const [d, dx] = nibble(delta)
  const [l, lx] = nibble(value.length)
  return Buffer.concat([Buffer.from([(d << 4) | l, ...dx, ...lx]), value])
}

/** A whole message; `options` in ascending order. */
export function message(
  type: number,
  code: number,
  messageId: number,
  token: Buffer,
  options: readonly (readonly [number: number, value: Buffer])[] = [],
  payload?: Buffer,
): Buffer {
  const parts = [
    Buffer.from([0x40 | (type << 4) | token.length, code, messageId >> 8, messageId & 255]),
    token,
  ]
  let last = 0
  for (const [number, value] of options) {
    parts.push(option(number - last, value))
    last = number
  }
  if (payload !== undefined) parts.push(Buffer.from([0xff]), payload)
  return Buffer.concat(parts)
}

/** Register with three objects (Core §6.2.1). */
export function register(
  endpoint: string,
  messageId: number,
  token: Buffer,
  queueMode = false,
): Buffer {
  return message(
    TYPE.CON,
    0x02,
    messageId,
    token,
    [
      [OPTION.URI_PATH, Buffer.from('rd')],
      [OPTION.CONTENT_FORMAT, Buffer.from([40])],
      [OPTION.URI_QUERY, Buffer.from(`ep=${endpoint}`)],
      [OPTION.URI_QUERY, Buffer.from('lt=86400')],
      [OPTION.URI_QUERY, Buffer.from('lwm2m=1.1')],
      [OPTION.URI_QUERY, Buffer.from('b=U')],
      ...(queueMode ? [[OPTION.URI_QUERY, Buffer.from('Q')] as const] : []),
    ],
    Buffer.from('</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303/0>'),
  )
}

/** Update without changes. */
export function update(location: readonly string[], messageId: number, token: Buffer): Buffer {
  return message(
    TYPE.CON,
    0x02,
    messageId,
    token,
    location.map((segment) => [OPTION.URI_PATH, Buffer.from(segment)] as const),
  )
}

/** A notification of a number as text/plain. */
export function notification(
  type: number,
  messageId: number,
  token: Buffer,
  observe: number,
  value: number,
): Buffer {
  return message(
    type,
    0x45,
    messageId,
    token,
    [
      [OPTION.OBSERVE, Buffer.from([observe >> 16, (observe >> 8) & 255, observe & 255])],
      [OPTION.CONTENT_FORMAT, Buffer.alloc(0)],
    ],
    Buffer.from(String(value)),
  )
}

/** Answers a request with 2.05 text/plain, piggybacked. */
export function piggyback(request: Buffer, payload: Buffer, observe?: number): Buffer {
  const token = request.subarray(4, 4 + ((request[0] ?? 0) & 15))
  const options: [number, Buffer][] = [[OPTION.CONTENT_FORMAT, Buffer.alloc(0)]]
  if (observe !== undefined) options.unshift([OPTION.OBSERVE, Buffer.from([observe])])
  return message(TYPE.ACK, 0x45, request.readUInt16BE(2), token, options, payload)
}

/** The Location-Path segments of a response. */
export function locationOf(response: Buffer): string[] {
  const segments: string[] = []
  let at = 4 + ((response[0] ?? 0) & 15)
  let number = 0
  while (at < response.length && response[at] !== 0xff) {
    const first = response[at++] ?? 0
    let delta = first >> 4
    let length = first & 15
    if (delta === 13) delta = 13 + (response[at++] ?? 0)
    if (length === 13) length = 13 + (response[at++] ?? 0)
    number += delta
    if (number === OPTION.LOCATION_PATH) segments.push(response.toString('utf8', at, at + length))
    at += length
  }
  return segments
}
