import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type RawMessage, type ReadMessage, rawCoap, readCoap } from './raw-coap'

/** One datagram as it arrived. */
export interface Datagram {
  readonly bytes: Buffer
  readonly from: { readonly address: string; readonly port: number }
}

/** Where a scripted peer sends to. */
export interface Target {
  readonly port: number
  readonly address?: string
}

/**
 * A peer on a real UDP socket that does exactly what a test says: sends given bytes and hands out
 * what arrives, in order. It plays a device against the server, or the server against a device.
 */
export class ScriptedPeer {
  /** Everything that arrived, oldest first. */
  readonly received: Datagram[] = []
  private taken = 0
  private waiting: (() => void) | undefined
  private mid = 0x1000
  /** Where {@link send} goes by default: what {@link connect} set, else the last sender. */
  target: Target | undefined
  private pinned = false

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
  ) {
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      this.received.push({ bytes, from: { address: from.address, port: from.port } })
      this.waiting?.()
    })
    // ICMP unreachable of a peer that went away is no event of a test.
    socket.on('error', () => {})
  }

  /** Binds an ephemeral port on 127.0.0.1. */
  static async open(port = 0): Promise<ScriptedPeer> {
    const socket = createSocket('udp4')
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return new ScriptedPeer(socket, socket.address().port)
  }

  connect(port: number, address = '127.0.0.1'): this {
    this.target = { port, address }
    this.pinned = true
    return this
  }

  /** A Message-ID that this peer did not use yet. */
  nextMid(): number {
    this.mid = (this.mid + 1) & 0xffff
    return this.mid
  }

  /** Sends exact bytes (a string is hex, spaces allowed) or a message built by hand. */
  async send(what: Uint8Array | string | RawMessage, target = this.target): Promise<void> {
    if (target === undefined) throw new Error('nowhere to send to')
    const bytes =
      what instanceof Uint8Array
        ? what
        : typeof what === 'string'
          ? Buffer.from(what.replaceAll(/\s/g, ''), 'hex')
          : rawCoap(what)
    await new Promise<void>((resolve, reject) => {
      this.socket.send(bytes, target.port, target.address ?? '127.0.0.1', (error) =>
        error === null ? resolve() : reject(error),
      )
    })
  }

  /** The next datagram that no `receive` took yet; fails when none comes in time. */
  async receive(timeout = 15_000): Promise<Datagram> {
    if (this.taken >= this.received.length) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          this.waiting = undefined
          reject(new Error(`nothing arrived within ${timeout} ms`))
        }, timeout)
        this.waiting = () => {
          clearTimeout(timer)
          this.waiting = undefined
          resolve()
        }
      })
    }
    const datagram = this.received[this.taken++] as Datagram
    if (!this.pinned) this.target = datagram.from
    return datagram
  }

  /** Like {@link receive}, read as CoAP. */
  async message(timeout?: number): Promise<ReadMessage> {
    return readCoap((await this.receive(timeout)).bytes)
  }

  /** Messages that arrived and were not taken. */
  get pending(): ReadMessage[] {
    return this.received.slice(this.taken).map(({ bytes }) => readCoap(bytes))
  }

  /**
   * Sends a CoAP ping (empty CON, RFC 7252 §4.3) and waits for its RST: when it is here, the peer
   * has handled all that was sent before. Other messages that arrive meanwhile stay to be taken.
   */
  async barrier(timeout = 15_000): Promise<void> {
    const mid = this.nextMid()
    await this.send({ type: 0, code: 0, mid })
    const until = Date.now() + timeout
    for (;;) {
      const index = this.received.findIndex(
        ({ bytes }, i) => i >= this.taken && isReset(bytes, mid),
      )
      if (index >= 0) {
        this.received.splice(index, 1)
        return
      }
      const left = until - Date.now()
      if (left <= 0) throw new Error('no answer to a ping')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.waiting = () => {
          clearTimeout(timer)
          this.waiting = undefined
          resolve()
        }
      })
    }
  }

  /**
   * Sends a request (CON unless said otherwise) and returns its response: piggybacked, or separate
   * after an empty ACK, which is then acknowledged. Fails on any other message.
   */
  async request(
    request: Omit<RawMessage, 'type' | 'mid'> & Partial<RawMessage>,
  ): Promise<ReadMessage> {
    const mid = request.mid ?? this.nextMid()
    const token = request.token ?? mid.toString(16).padStart(4, '0')
    await this.send({ type: 0, ...request, mid, token })
    let answer = await this.message()
    if (answer.type === 2 && answer.code === 0 && answer.mid === mid) {
      answer = await this.message()
      if (answer.type === 0) await this.send({ type: 2, code: 0, mid: answer.mid })
    }
    if (answer.token !== token) {
      throw new Error(`token ${token} was asked, ${answer.token} (code ${answer.code}) answered`)
    }
    return answer
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(() => resolve()))
  }
}

function isReset(bytes: Buffer, mid: number): boolean {
  return bytes.length === 4 && bytes.readUInt8(0) === 0x70 && bytes.readUInt16BE(2) === mid
}
