import type { Peer } from '../../transport/transport'
import { decodeMessage, type UdpMessage } from './codec'
import { type Block, blockSize } from '../options'
import type { CoapTrace } from '../types'

const TYPES = ['CON', 'NON', 'ACK', 'RST'] as const

/** Describes a datagram; undefined if it is not a CoAP message. */
export function traceOf(
  direction: 'in' | 'out',
  peer: Peer,
  time: number,
  datagram: Buffer,
  repeated: boolean,
): CoapTrace | undefined {
  let message: UdpMessage
  try {
    message = decodeMessage(datagram)
  } catch {
    return undefined
  }
  return {
    direction,
    peer,
    time,
    type: TYPES[message.type] ?? 'CON',
    code: message.code,
    messageId: message.messageId,
    token: message.tokenBytes,
    path: message.path.length > 0 ? `/${message.path.join('/')}` : undefined,
    query: message.query.length > 0 ? message.query.join('&') : undefined,
    contentFormat: message.contentFormat,
    observe: message.observe,
    block1: blockText(message.block1),
    block2: blockText(message.block2),
    payload: message.payload,
    size: datagram.length,
    repeated,
  }
}

function blockText(block: Block | undefined): string | undefined {
  return block && `${block.num}/${block.more ? 1 : 0}/${blockSize(block.szx)}`
}
