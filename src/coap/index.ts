/** The CoAP endpoint, its transports and message constants. */
export { Code, codeName, formatCode, isRequest, isSuccess } from './codes'
export { CoapEndpoint, type CoapWarning } from './endpoint'
export {
  BlockwiseError,
  CoapCancelled,
  CoapFormatError,
  CoapQueueFull,
  CoapReset,
  CoapResponseTimeout,
  CoapTimeout,
} from './errors'
export { OptionNumber, option, readUint, textOption, uintBytes, uintOption } from './options'
export type { CoapStats } from './stats'
export type * from './types'
export { UdpTransport, type UdpTransportOptions } from '../transport/udp'
