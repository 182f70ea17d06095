import { lookup } from 'node:dns'
import { isIP, isIPv4 } from 'node:net'
import { CodedError } from '../base/coded-error'
import { mapped, unmapped } from '../base/ip-address'
import { DatagramSocket } from './datagram-socket'
import {
  NO_IDENTITY,
  type BoundAddress,
  type Peer,
  type PeerIdentity,
  type Transport,
} from './transport'

/** Settings of a {@link UdpTransport}. */
export interface UdpTransportOptions {
  /**
   * Literal address to bind. Default `::` with IPv4-mapped addresses (dual stack), or `0.0.0.0` on
   * a machine without IPv6.
   */
  readonly host?: string
  /** Port to bind; 0 for an ephemeral port. Default 5683 (RFC 7252 §6.1). */
  readonly port?: number
  /** Size of the receive buffer in bytes, as far as the system allows; default 4 MiB. */
  readonly receiveBuffer?: number
  /** Maximum number of unpinned peers that are remembered; default 20,000. */
  readonly maxUnregisteredPeers?: number
}

/** The address of a peer, which is its identity over UDP. Kept small, because there are many. */
class UdpPeer implements Peer {
  constructor(
    readonly id: string,
    /**
     * The address in the form of the socket: IPv4 addresses are mapped (`::ffff:192.0.2.1`) on an
     * IPv6 socket.
     */
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

function peerId(wireAddress: string, port: number): string {
  const address = unmapped(wireAddress)
  return address.includes(':') ? `udp:[${address}]:${port}` : `udp:${address}:${port}`
}

/** A power of two. */
const QUICK_SIZE = 4096

function quickIndex(address: string, port: number): number {
  const { length } = address
  const tail = address.charCodeAt(length - 1) + 61 * address.charCodeAt(length - 2)
  return (port + 251 * tail + 61_129 * address.charCodeAt(length - 3)) & (QUICK_SIZE - 1)
}

/** CoAP over UDP without security (RFC 7252 §3): a peer is its address. */
export class UdpTransport implements Transport {
  readonly scheme = 'coap'
  /** The largest UDP payload over IPv4. */
  readonly maxDatagram = 65_507

  onMessage: (peer: Peer, datagram: Buffer) => void = () => {}
  /** Never called: UDP cannot detect that a peer is gone. */
  onPeerGone: (peer: Peer, reason: string) => void = () => {}
  onWarning: (message: string, peer?: Peer) => void = () => {}

  private readonly socket: DatagramSocket
  private starting: Promise<BoundAddress> | undefined
  private stopping: Promise<void> = Promise.resolve()

  private readonly pinned = new Map<string, UdpPeer>()
  /**
   * Unregistered peers in two generations: when the young generation is full it replaces the old
   * one, which is dropped. Bounded and approximately least-recently-used, without a list.
   */
  private young = new Map<string, UdpPeer>()
  private old = new Map<string, UdpPeer>()
  private readonly generation: number
  /** Pinned peers by a hash of their address: most lookups need no string key. */
  private readonly quick: (UdpPeer | undefined)[] = new Array<UdpPeer | undefined>(QUICK_SIZE).fill(
    undefined,
  )

  constructor(options: UdpTransportOptions = {}) {
    const { maxUnregisteredPeers = 20_000 } = options
    this.generation = Math.max(1, Math.ceil(maxUnregisteredPeers / 2))
    this.socket = new DatagramSocket({ ...options, port: options.port ?? 5683 })
    this.socket.onMessage = (datagram, wireAddress, port) =>
      this.onMessage(this.peerAt(wireAddress, port), datagram)
    this.socket.onError = (message) => this.onWarning(message)
  }

  start(): Promise<BoundAddress> {
    this.starting ??= this.bind().catch((error: unknown) => {
      this.starting = undefined
      throw error
    })
    return this.starting
  }

  stop(): Promise<void> {
    const { starting } = this
    if (starting !== undefined) {
      this.starting = undefined
      this.stopping = (async () => {
        await starting.catch(() => {})
        this.pinned.clear()
        this.quick.fill(undefined)
        this.young.clear()
        this.old.clear()
        await this.socket.close()
      })()
    }
    return this.stopping
  }

  send(peer: Peer, datagram: Uint8Array): void {
    const { socket } = this
    if (!socket.isBound) throw new CodedError('stopped', 'the UDP transport is not started')
    const wireAddress = peer instanceof UdpPeer ? peer.wireAddress : this.onWire(peer.address)
    socket.send(datagram, wireAddress, peer.port)
  }

  async connect(host: string, port: number): Promise<Peer> {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new CodedError('unresolvable', `${port} is not a UDP port`)
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
      this.addUnregistered(peer)
    }
  }

  close(peer: Peer, _reason: string): void {
    if (peer instanceof UdpPeer) this.quick[quickIndex(peer.wireAddress, peer.port)] = undefined
    this.pinned.delete(peer.id)
    this.young.delete(peer.id)
    this.old.delete(peer.id)
  }

  /** Converts an address to the form of the socket. */
  private onWire(address: string): string {
    return this.socket.isIpv6 && isIPv4(address) ? mapped(address) : address
  }

  private resolve(host: string): Promise<string> {
    return new Promise((resolve, reject) => {
      lookup(host, { family: this.socket.isIpv6 ? 0 : 4 }, (error, address) => {
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
    this.addUnregistered(peer)
    return peer
  }

  private addUnregistered(peer: UdpPeer): void {
    if (this.young.size >= this.generation) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(peer.id, peer)
  }

  private async bind(): Promise<BoundAddress> {
    await this.stopping
    return this.socket.bind()
  }
}
