import type { Peer } from '../../transport/transport'
import { decodeMessage, type Message } from './codec'
import { readOptions, type Block } from '../options'
import type { CoapTrace } from '../types'

const TYPES = ['CON', 'NON', 'ACK', 'RST'] as const

/** Describes a datagram; undefined when it is no CoAP message. */
export function traceOf(
  direction: 'in' | 'out',
  peer: Peer,
  time: number,
  datagram: Buffer,
  repeated: boolean,
): CoapTrace | undefined {
  let message: Message
  try {
    message = decodeMessage(datagram)
  } catch {
    return undefined
  }
  const fields = readOptions(message.options)
  return {
    direction,
    peer,
    time,
    type: TYPES[message.type] ?? 'CON',
    code: message.code,
    messageId: message.messageId,
    token: message.token,
    path: fields.path.length > 0 ? `/${fields.path.join('/')}` : undefined,
    query: fields.query.length > 0 ? fields.query.join('&') : undefined,
    contentFormat: fields.contentFormat,
    observe: fields.observe,
    block1: blockText(fields.block1),
    block2: blockText(fields.block2),
    payload: message.payload,
    size: datagram.length,
    repeated,
  }
}

function blockText(block: Block | undefined): string | undefined {
  return block && `${block.num}/${block.more ? 1 : 0}/${16 << block.szx}`
}
