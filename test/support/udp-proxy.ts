import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { seededRandom } from './random'

/** `up` is from the clients to the target. */
export type Direction = 'up' | 'down'

/** What goes wrong on the way. Probabilities from 0 to 1, each 0 by default. */
export interface UdpProxyOptions {
  /** The same seed makes the same decisions for the same sequence of datagrams. */
  readonly seed?: number
  readonly drop?: number
  readonly duplicate?: number
  /** Held back until the next datagram of the same direction passed, 30 ms at most. */
  readonly reorder?: number
  /** Held back for a random time up to `maxDelay`. */
  readonly delay?: number
  /** Milliseconds; default 20. */
  readonly maxDelay?: number
  /** One to four bytes are changed, or the end is cut off. */
  readonly mutate?: number
  /** A last word on each datagram, before chance: false drops it, a Buffer replaces it. */
  readonly filter?: (datagram: Buffer, direction: Direction) => boolean | Buffer
}

/** One client of the proxy, and the address it has towards the target. */
interface Session {
  readonly client: { readonly address: string; readonly port: number }
  socket: Socket
}

const LONGEST_HOLD = 30

/**
 * A lossy network in one process: clients talk to the proxy's port, the proxy to the target from a
 * port of its own for each client (as a NAT does).
 */
export class UdpProxy {
  /** Datagrams that were seen, by direction, and what became of them. */
  readonly counts = { up: 0, down: 0, dropped: 0, duplicated: 0, held: 0, mutated: 0 }
  /** May be changed while it runs. */
  options: UdpProxyOptions
  private readonly sessions = new Map<string, Session>()
  private readonly held = new Map<string, () => void>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly random: () => number
  private closed = false

  private constructor(
    private readonly front: Socket,
    private readonly target: { readonly port: number; readonly address: string },
    options: UdpProxyOptions,
  ) {
    this.options = options
    this.random = seededRandom(options.seed ?? 1)
    front.on('message', (datagram, from) => this.fromClient(datagram, from))
    front.on('error', () => {})
  }

  /** Binds an ephemeral port on 127.0.0.1 in front of `target`. */
  static async open(
    target: { readonly port: number; readonly address?: string },
    options: UdpProxyOptions = {},
  ): Promise<UdpProxy> {
    const front = createSocket('udp4')
    front.bind(0, '127.0.0.1')
    await once(front, 'listening')
    return new UdpProxy(front, { address: '127.0.0.1', ...target }, options)
  }

  /** Where clients send to. */
  get port(): number {
    return this.front.address().port
  }

  /** Gives every client a new address towards the target, as a NAT does after a while. */
  async rebind(): Promise<void> {
    for (const session of this.sessions.values()) {
      session.socket.close()
      session.socket = this.upstream(session.client)
      session.socket.bind(0, '127.0.0.1')
      await once(session.socket, 'listening')
    }
  }

  /** The ports that the target sees, in the order in which the clients appeared. */
  get upstreamPorts(): number[] {
    return [...this.sessions.values()].map(({ socket }) => socket.address().port)
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    for (const timer of this.timers) clearTimeout(timer)
    for (const { socket } of this.sessions.values()) socket.close()
    await new Promise<void>((resolve) => this.front.close(() => resolve()))
  }

  private fromClient(datagram: Buffer, from: RemoteInfo): void {
    const key = `${from.address}:${from.port}`
    let session = this.sessions.get(key)
    if (session === undefined) {
      const client = { address: from.address, port: from.port }
      session = { client, socket: this.upstream(client) }
      this.sessions.set(key, session)
    }
    const { socket } = session
    this.pass('up', key, datagram, (bytes) => {
      if (!this.closed) socket.send(bytes, this.target.port, this.target.address, () => {})
    })
  }

  /** A port of the client's own towards the target; it is bound by its first send. */
  private upstream(client: Session['client']): Socket {
    const key = `${client.address}:${client.port}`
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    socket.on('message', (datagram) => {
      this.pass('down', key, datagram, (bytes) => {
        if (!this.closed) this.front.send(bytes, client.port, client.address, () => {})
      })
    })
    return socket
  }

  /** Decides what becomes of a datagram. */
  private pass(
    direction: Direction,
    key: string,
    datagram: Buffer,
    send: (bytes: Buffer) => void,
  ): void {
    this.counts[direction]++
    const { options } = this
    const verdict = options.filter?.(datagram, direction) ?? true
    if (verdict === false || this.random() < (options.drop ?? 0)) {
      this.counts.dropped++
      return
    }
    let bytes = verdict === true ? datagram : verdict
    if (this.random() < (options.mutate ?? 0)) bytes = this.mutated(bytes)
    const copies = this.random() < (options.duplicate ?? 0) ? 2 : 1
    if (copies === 2) this.counts.duplicated++
    const line = `${direction} ${key}`
    const release = this.held.get(line)
    for (let copy = 0; copy < copies; copy++) this.deliver(line, () => send(bytes))
    release?.()
  }

  private deliver(line: string, send: () => void): void {
    const { delay = 0, reorder = 0, maxDelay = 20 } = this.options
    if (this.random() < delay) {
      this.counts.held++
      this.later(this.random() * maxDelay, send)
    } else if (this.random() < reorder && !this.held.has(line)) {
      this.counts.held++
      let open = true
      const release = (): void => {
        if (!open) return
        open = false
        this.held.delete(line)
        send()
      }
      this.held.set(line, release)
      this.later(LONGEST_HOLD, release)
    } else {
      send()
    }
  }

  private later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      action()
    }, ms)
    this.timers.add(timer)
  }

  private mutated(datagram: Buffer): Buffer {
    this.counts.mutated++
    const bytes = Buffer.from(datagram)
    if (this.random() < 0.2) return bytes.subarray(0, Math.floor(this.random() * bytes.length))
    for (let count = 1 + Math.floor(this.random() * 4); count > 0 && bytes.length > 0; count--) {
      bytes[Math.floor(this.random() * bytes.length)] = Math.floor(this.random() * 256)
    }
    return bytes
  }
}
