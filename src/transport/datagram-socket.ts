import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIP, isIPv4 } from 'node:net'
import type { SystemErrorCode } from '../base/codes'
import { noteArrival } from '../base/arrivals'
import { describeError, Guard } from '../base/guard'
import { BindError, type BoundAddress } from './transport'

export interface DatagramSocketOptions {
  /**
   * Literal address to bind. Default `::` with IPv4-mapped addresses, or `0.0.0.0` on a machine
   * without IPv6.
   */
  readonly host?: string
  /** Port to bind; 0 for an ephemeral port. */
  readonly port: number
  /** Size of the receive buffer in bytes, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
}

/** Error codes that mean "this machine has no IPv6" and not "this address is wrong". */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

/** Addresses are literal, so the system's resolver is not needed. */
function literal(
  address: string,
  _family: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, isIPv4(address) ? 4 : 6)
}

/**
 * A UDP socket, dual stack if possible. Addresses are passed in the form of the socket: on an IPv6
 * socket IPv4 addresses are mapped (`::ffff:192.0.2.1`), for receiving and for sending.
 */
export class DatagramSocket {
  onMessage: (datagram: Buffer, wireAddress: string, port: number) => void = () => {}
  /** Called with ICMP errors and the like. */
  onError: (message: string) => void = () => {}

  /** Whether IPv4 addresses are in mapped form; set by `bind`. */
  isIpv6 = false
  private socket: Socket | undefined
  /** An error thrown by the receiver affects only the datagram it was processing. */
  private readonly guard = new Guard((error, where) =>
    this.onError(`${where}: ${describeError(error)}`),
  )

  constructor(private readonly options: DatagramSocketOptions) {}

  get isBound(): boolean {
    return this.socket !== undefined
  }

  /** @throws BindError */
  async bind(): Promise<BoundAddress> {
    const { host } = this.options
    if (host !== undefined && host !== '') return this.bindTo(host)
    try {
      return await this.bindTo('::')
    } catch (error) {
      if (error instanceof BindError && NO_IPV6.has(error.code)) return this.bindTo('0.0.0.0')
      throw error
    }
  }

  /** Does nothing before `bind` and after `close`. */
  send(datagram: Uint8Array, wireAddress: string, port: number): void {
    this.socket?.send(datagram, port, wireAddress, this.onSent)
  }

  /** Resolves when the port can be bound again. */
  close(): Promise<void> {
    const { socket } = this
    this.socket = undefined
    if (socket === undefined) return Promise.resolve()
    return new Promise((resolve) => socket.close(() => resolve()))
  }

  private readonly onSent = (error: Error | null): void => {
    if (error !== null) this.guard.report(error, 'sending failed')
  }

  private readonly receive = (datagram: Buffer, from: RemoteInfo): void => {
    // Nothing can be sent to port 0; such a source is forged.
    if (from.port === 0) return
    noteArrival()
    try {
      this.onMessage(datagram, from.address, from.port)
    } catch (error) {
      this.guard.report(error, 'a datagram could not be processed')
    }
  }

  private bindTo(host: string): Promise<BoundAddress> {
    const ipv6 = isIP(host) === 6
    const { port, receiveBuffer = 4 << 20 } = this.options
    const where = `${ipv6 ? `[${host}]` : host}:${port}`
    if (isIP(host) === 0) {
      const message = `UDP ${where} cannot be bound: the host is not a literal IP address`
      return Promise.reject(new BindError('EINVAL', message))
    }
    return new Promise((resolve, reject) => {
      const socket = createSocket({
        type: ipv6 ? 'udp6' : 'udp4',
        // Two servers on one port must fail instead of sharing it (and splitting its datagrams).
        reuseAddr: false,
        ipv6Only: false,
        lookup: literal,
      })
      const failed = this.guard.entry('UDP socket', (error: NodeJS.ErrnoException) => {
        socket.close()
        const message = `UDP ${where} cannot be bound: ${error.message}`
        reject(new BindError(systemCode(error), message))
      })
      // eslint-disable-next-line no-restricted-syntax -- made by entry() above
      socket.once('error', failed)
      socket.bind(port, host, () => {
        socket.off('error', failed)
        // Not fatal: a retransmission or a timeout will report the loss.
        const warn = (error: Error): void => this.guard.report(error, 'UDP socket')
        socket.on('error', this.guard.entry('UDP socket', warn))
        // eslint-disable-next-line no-restricted-syntax -- guarded itself: called for every datagram
        socket.on('message', this.receive)
        try {
          socket.setRecvBufferSize(receiveBuffer)
        } catch {
          // The system's default buffer works too, with more loss under bursts.
        }
        this.socket = socket
        this.isIpv6 = ipv6
        const bound = socket.address()
        resolve({ address: bound.address, port: bound.port })
      })
    })
  }
}

function systemCode({ code }: NodeJS.ErrnoException): SystemErrorCode {
  return code?.startsWith('E') === true ? (code as SystemErrorCode) : 'EBIND'
}
