import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import { isIP, isIPv4 } from 'node:net'
import { CodedError } from '../base/coded-error'
import {
  BindError,
  NO_IDENTITY,
  type BoundAddress,
  type Peer,
  type PeerIdentity,
  type Transport,
} from './transport'

/** Where to bind and how much to remember. */
export interface UdpTransportOptions {
  /**
   * A literal address. Default `::` with IPv4 mapped into it (dual stack), or `0.0.0.0` on a machine
   * without IPv6.
   */
  readonly host?: string
  /** 0 for an ephemeral port. Default 5683 (RFC 7252 §6.1). */
  readonly port?: number
  /** Bytes of the socket's receive buffer, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
  /** Peers remembered that nobody pinned; default 20,000. */
  readonly maxStrangers?: number
}

const MAPPED = '::ffff:'

/** Where a peer is: all that UDP knows of it. Kept small, there are many. */
class UdpPeer implements Peer {
  constructor(
    readonly id: string,
    /** As the socket writes it: IPv4 addresses are mapped (`::ffff:192.0.2.1`) on an IPv6 socket. */
    readonly wireAddress: string,
    readonly port: number,
  ) {}

  get identity(): PeerIdentity {
    return NO_IDENTITY
  }

  get secure(): boolean {
    return false
  }

  get address(): string {
    return unmapped(this.wireAddress)
  }
}

function isMapped(address: string): boolean {
  return address.startsWith(MAPPED) && address.includes('.', MAPPED.length)
}

function unmapped(address: string): string {
  return isMapped(address) ? address.slice(MAPPED.length) : address
}

function peerId(wireAddress: string, port: number): string {
  const address = unmapped(wireAddress)
  return address.includes(':') ? `udp:[${address}]:${port}` : `udp:${address}:${port}`
}

/** Literal addresses only: what arrives and what `connect` resolved. Saves the resolver's detour. */
function literal(
  address: string,
  _family: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, isIPv4(address) ? 4 : 6)
}

/** Errors that mean "this machine has no IPv6", not "this address is wrong". */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

/** A power of two. */
const QUICK_SIZE = 4096

function quickIndex(address: string, port: number): number {
  const { length } = address
  const tail = address.charCodeAt(length - 1) + 61 * address.charCodeAt(length - 2)
  return (port + 251 * tail + 61_129 * address.charCodeAt(length - 3)) & (QUICK_SIZE - 1)
}

/** CoAP's plain transport (RFC 7252 §3): a peer is its address. */
export class UdpTransport implements Transport {
  readonly scheme = 'coap'
  /** The largest UDP payload over IPv4. */
  readonly maxDatagram = 65_507

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  /** Never called: UDP cannot tell that a peer is gone. */
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}

  private socket: Socket | undefined
  private starting: Promise<BoundAddress> | undefined
  private stopping: Promise<void> | undefined
  /** Whether the socket writes IPv4 addresses as mapped ones. */
  private ipv6 = false

  private readonly pinned = new Map<string, UdpPeer>()
  /**
   * Strangers in two generations: when the young are many enough they become the old, and the old
   * are forgotten. Bounded and roughly least-recently-used, without a list.
   */
  private young = new Map<string, UdpPeer>()
  private old = new Map<string, UdpPeer>()
  private readonly generation: number
  /** Pinned peers by a hash of their address: finds most of them without building a key. */
  private readonly quick: (UdpPeer | undefined)[] = new Array<UdpPeer | undefined>(QUICK_SIZE).fill(
    undefined,
  )

  constructor(private readonly options: UdpTransportOptions = {}) {
    this.generation = Math.max(1, Math.ceil((options.maxStrangers ?? 20_000) / 2))
  }

  start(): Promise<BoundAddress> {
    this.starting ??= this.bindAny().catch((error: unknown) => {
      this.starting = undefined
      throw error
    })
    return this.starting
  }

  async stop(): Promise<void> {
    const { starting } = this
    if (starting === undefined) return this.stopping
    this.starting = undefined
    this.stopping = (async () => {
      await starting.catch(() => {})
      const { socket } = this
      this.socket = undefined
      this.pinned.clear()
      this.quick.fill(undefined)
      this.young.clear()
      this.old.clear()
      if (socket !== undefined) await new Promise<void>((resolve) => socket.close(() => resolve()))
    })()
    return this.stopping
  }

  send(peer: Peer, datagram: Uint8Array): void {
    const { socket } = this
    if (socket === undefined) throw new CodedError('stopped', 'the UDP transport is not started')
    const wireAddress = peer instanceof UdpPeer ? peer.wireAddress : this.onWire(peer.address)
    socket.send(datagram, peer.port, wireAddress, this.onSent)
  }

  async connect(host: string, port: number): Promise<Peer> {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new CodedError('unresolvable', `${port} is no UDP port`)
    }
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
    const address = isIP(bare) === 0 ? await this.resolve(bare) : bare
    return this.peerAt(this.onWire(address), port)
  }

  pin(peer: Peer, pinned: boolean): void {
    if (!(peer instanceof UdpPeer)) return
    if (pinned) {
      this.pinned.set(peer.id, peer)
      this.young.delete(peer.id)
      this.old.delete(peer.id)
    } else if (this.pinned.delete(peer.id)) {
      this.quick[quickIndex(peer.wireAddress, peer.port)] = undefined
      this.addStranger(peer)
    }
  }

  close(peer: Peer, _reason: string): void {
    if (peer instanceof UdpPeer) this.quick[quickIndex(peer.wireAddress, peer.port)] = undefined
    this.pinned.delete(peer.id)
    this.young.delete(peer.id)
    this.old.delete(peer.id)
  }

  private readonly onSent = (error: Error | null): void => {
    if (error !== null) this.onWarning(`sending failed: ${error.message}`)
  }

  /** How the socket wants to be told an address. */
  private onWire(address: string): string {
    return this.ipv6 && isIPv4(address) ? MAPPED + address : address
  }

  private resolve(host: string): Promise<string> {
    return new Promise((resolve, reject) => {
      lookup(host, { family: this.ipv6 ? 0 : 4 }, (error, address) => {
        if (error === null) resolve(address)
        else reject(new CodedError('unresolvable', `${host} has no address: ${error.message}`))
      })
    })
  }

  private peerAt(wireAddress: string, port: number): UdpPeer {
    const index = quickIndex(wireAddress, port)
    const quick = this.quick[index]
    if (quick !== undefined && quick.port === port && quick.wireAddress === wireAddress) {
      return quick
    }
    const id = peerId(wireAddress, port)
    const pinned = this.pinned.get(id)
    if (pinned !== undefined) {
      this.quick[index] = pinned
      return pinned
    }
    const young = this.young.get(id)
    if (young !== undefined) return young
    const peer = this.old.get(id) ?? new UdpPeer(id, wireAddress, port)
    this.addStranger(peer)
    return peer
  }

  private addStranger(peer: UdpPeer): void {
    if (this.young.size >= this.generation) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(peer.id, peer)
  }

  private async bindAny(): Promise<BoundAddress> {
    await this.stopping
    const { host } = this.options
    if (host !== undefined && host !== '') return this.bind(host)
    try {
      return await this.bind('::')
    } catch (error) {
      if (error instanceof BindError && NO_IPV6.has(error.code)) return this.bind('0.0.0.0')
      throw error
    }
  }

  private bind(host: string): Promise<BoundAddress> {
    const ipv6 = isIP(host) === 6
    const port = this.options.port ?? 5683
    return new Promise((resolve, reject) => {
      const socket = createSocket({
        type: ipv6 ? 'udp6' : 'udp4',
        // Two servers on one port must fail, not share it (and split its datagrams).
        reuseAddr: false,
        ipv6Only: false,
        lookup: literal,
      })
      const failed = (error: NodeJS.ErrnoException): void => {
        socket.close()
        const where = `${ipv6 ? `[${host}]` : host}:${port}`
        reject(
          new BindError(error.code ?? 'EBIND', `UDP ${where} cannot be bound: ${error.message}`),
        )
      }
      if (isIP(host) === 0) {
        failed(Object.assign(new Error('the host is no literal IP address'), { code: 'EINVAL' }))
        return
      }
      socket.once('error', failed)
      socket.bind(port, host, () => {
        socket.off('error', failed)
        // ICMP errors and the like: they end nothing, a retransmission or a time-out will tell.
        socket.on('error', (error) => this.onWarning(`UDP socket: ${error.message}`))
        socket.on('message', this.receive)
        try {
          socket.setRecvBufferSize(this.options.receiveBuffer ?? 4 << 20)
        } catch {
          // The system's default does, with more loss under bursts.
        }
        this.ipv6 = ipv6
        this.socket = socket
        const bound = socket.address()
        resolve({ address: bound.address, port: bound.port })
      })
    })
  }

  private readonly receive = (datagram: Buffer, from: RemoteInfo): void => {
    // Nothing can be sent to port 0; such a source is forged.
    if (from.port === 0) return
    this.onMessage(this.peerAt(from.address, from.port), datagram)
  }
}
