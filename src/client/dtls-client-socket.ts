import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram'
import type { EventEmitter } from 'node:events'
import { isIPv6, SocketAddress } from 'node:net'
import { CodedError } from '../base/coded-error'

/** The part of node-dtls-client's socket that is used. Versions 1.1 and 2.0 are alike in it. */
interface LibrarySocket extends EventEmitter {
  send(data: Buffer): void
  close(): void
  /** Private there. Without it none of what follows can be contained. */
  readonly udp: UdpSocket
  /** Private there; exists from the first flight on. */
  readonly recordLayer?: {
    send(message: LibraryMessage): void
    sendFlight(messages: LibraryMessage[]): void
  }
}

interface LibraryMessage {
  readonly type: number
  readonly data: Buffer
}

interface Library {
  createSocket(options: {
    type: 'udp4' | 'udp6'
    address: string
    port: number
    psk: { [identity: string]: string }
    timeout: number
    ciphers: string[]
    listenPort?: number
  }): LibrarySocket
}

/** Record types (RFC 5246 §6.2.1). */
const CHANGE_CIPHER_SPEC = 20
const ALERT = 21
const HANDSHAKE = 22
/** A record header: type, version, epoch, sequence number, length (RFC 6347 §4.1). */
const RECORD_HEADER = 13
/** A handshake header: type, length, message_seq, fragment offset, fragment length (RFC 6347 §4.2.2). */
const HANDSHAKE_HEADER = 12

/** What LwM2M clients must offer (Core Transport §5.2.8), and the AEAD suites beside it. */
const CIPHERS = [
  'TLS_PSK_WITH_AES_128_CCM_8',
  'TLS_PSK_WITH_AES_128_GCM_SHA256',
  'TLS_PSK_WITH_AES_128_CCM',
  'TLS_PSK_WITH_AES_128_CBC_SHA256',
]

/** First retransmission of a flight, doubling (RFC 6347 §4.2.4.1). */
const FIRST_RETRANSMISSION = 1000

export interface DtlsSocketOptions {
  /** A literal IP address. */
  readonly address: string
  readonly port: number
  readonly localPort: number | undefined
  readonly identity: Uint8Array
  readonly key: Uint8Array
  /** Milliseconds for the whole handshake. */
  readonly timeout: number
}

let library: Promise<Library> | undefined

/** Version 2 is an ES module, version 1 is not: a dynamic import loads both. */
function load(): Promise<Library> {
  library ??= import('node-dtls-client').then(async (module: unknown) => {
    const named = module as { dtls?: Library; default?: { dtls?: Library } }
    const found = named.dtls ?? named.default?.dtls
    if (found === undefined) throw new CodedError('unsupported', 'node-dtls-client has no dtls')
    await teachServerKeyExchange()
    return found
  })
  return library
}

/** The handshake messages of version 1.1; version 2 does not let anybody see them. */
const MESSAGES = 'node-dtls-client/build/DTLS/Handshake.js'
const SERVER_KEY_EXCHANGE = 12

/**
 * Version 1.1 has a class for ServerKeyExchange, but forgot to list it, and so cannot talk to servers
 * that send a PSK identity hint (RFC 4279 §2). Version 2 lists it.
 */
async function teachServerKeyExchange(): Promise<void> {
  try {
    const module = (await import(MESSAGES)) as {
      HandshakeMessages: { [type: number]: unknown }
      ServerKeyExchange: unknown
    }
    module.HandshakeMessages[SERVER_KEY_EXCHANGE] ??= module.ServerKeyExchange
  } catch {
    // Version 2.
  }
}

/**
 * One DTLS 1.2 association with a pre-shared key, by node-dtls-client. The library trusts the
 * network: this class stands between it and its UDP socket, and
 * - hands it only datagrams from the server, and catches what it throws on malformed ones;
 * - drops plaintext application data, which it would deliver as if it were authentic;
 * - drops repeated handshake messages, which stall it, and repeats its own flights, which it does not;
 * - closes once, however often it is asked to.
 */
export class DtlsClientSocket {
  onMessage: (datagram: Buffer) => void = () => {}
  /** Called once, when an established association ended without {@link close}. */
  onLost: (reason: string) => void = () => {}

  private established = false
  private closed = false
  private readonly sendUdp: UdpSocket['send']
  /** `message_seq:fragment offset` of the plaintext handshake messages handed on. */
  private readonly seen = new Set<string>()
  private flight: Buffer | undefined
  private finished: LibraryMessage | undefined
  private timer: NodeJS.Timeout | undefined

  private constructor(
    private readonly socket: LibrarySocket,
    private readonly options: DtlsSocketOptions,
  ) {
    const { udp } = socket
    if (typeof udp?.on !== 'function') {
      throw new CodedError('unsupported', 'this version of node-dtls-client is not supported')
    }
    this.sendUdp = udp.send.bind(udp)
    this.guardIncoming(udp)
    this.guardOutgoing(udp)
  }

  /**
   * Shakes hands.
   * @throws CodedError `handshake-timeout`, `handshake-failed`
   */
  static async connect(options: DtlsSocketOptions): Promise<DtlsClientSocket> {
    const { createSocket } = await load()
    const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
    const socket = createSocket({
      type: isIPv6(options.address) ? 'udp6' : 'udp4',
      address: options.address,
      port: options.port,
      // The library writes both as "ascii", which Node encodes like latin1: every byte survives.
      psk: { [latin1(options.identity)]: latin1(options.key) },
      timeout: options.timeout,
      ciphers: CIPHERS,
      listenPort: options.localPort,
    })
    const guarded = new DtlsClientSocket(socket, options)
    await guarded.shakeHands()
    return guarded
  }

  /** @throws CodedError `peer-gone` after the association ended */
  send(datagram: Uint8Array): void {
    if (this.closed) throw new CodedError('peer-gone', 'the DTLS association is closed')
    this.socket.send(Buffer.from(datagram))
  }

  /** Sends close_notify and frees the port. Resolves when it is free. */
  close(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.onLost = () => {}
    return new Promise((resolve) => {
      this.socket.udp.once('close', () => resolve())
      this.established = false
      try {
        this.socket.close()
      } catch {
        this.end()
      }
    })
  }

  private shakeHands(): Promise<void> {
    const { socket } = this
    return new Promise((resolve, reject) => {
      socket.once('connected', () => {
        this.established = true
        clearTimeout(this.timer)
        this.flight = this.finished = undefined
        resolve()
      })
      socket.on('message', (data: Buffer) => this.onMessage(data))
      socket.on('error', (error: Error) => {
        const established = this.established
        this.end()
        if (established) this.onLost(error.message)
        else reject(handshakeError(error))
      })
      socket.on('close', () => {
        const established = this.established
        this.end()
        if (established) this.onLost('the server closed the association')
        else reject(new CodedError('handshake-failed', 'the server closed the association'))
      })
    })
  }

  /** Frees everything; harmless when it is free already. */
  private end(): void {
    clearTimeout(this.timer)
    this.established = false
    this.socket.udp.close()
    this.closed = true
  }

  private guardIncoming(udp: UdpSocket): void {
    const handlers = udp.listeners('message') as ((data: Buffer, from: RemoteInfo) => void)[]
    udp.removeAllListeners('message')
    udp.on('message', (datagram: Buffer, from: RemoteInfo) => {
      if (this.closed || !this.isServer(from)) return
      const records = this.established ? datagram : this.acceptable(datagram)
      if (records.length === 0) return
      try {
        for (const handler of handlers) handler.call(udp, records, from)
      } catch {
        // Malformed beyond what the library expects: as if it had been lost.
      }
    })
  }

  private isServer(from: RemoteInfo): boolean {
    return (
      from.port === this.options.port && canonical(from.address) === canonical(this.options.address)
    )
  }

  /** The records of a handshake datagram without repeated and without unprotected data. */
  private acceptable(datagram: Buffer): Buffer {
    const kept: Buffer[] = []
    let at = 0
    while (at + RECORD_HEADER <= datagram.length) {
      const end = at + RECORD_HEADER + datagram.readUInt16BE(at + 11)
      if (end > datagram.length) break
      const record = datagram.subarray(at, end)
      if (record.readUInt16BE(3) !== 0 || this.isNew(record)) kept.push(record)
      at = end
    }
    return kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept)
  }

  /** Whether a plaintext record is to be handed on. */
  private isNew(record: Buffer): boolean {
    const type = record.readUInt8(0)
    const length = record.length - RECORD_HEADER
    if (type === CHANGE_CIPHER_SPEC) return length === 1
    if (type === ALERT) return length === 2
    // Application data is never in the clear.
    if (type !== HANDSHAKE) return false
    if (record.length < RECORD_HEADER + HANDSHAKE_HEADER) return false
    const message = record.subarray(RECORD_HEADER)
    const key = `${message.readUInt16BE(4)}:${message.readUIntBE(6, 3)}`
    if (this.seen.has(key)) return false
    // Few messages, of a few fragments each: more is no handshake of this kind.
    if (this.seen.size >= 64) return false
    this.seen.add(key)
    return true
  }

  private guardOutgoing(udp: UdpSocket): void {
    let closing = false
    const close = udp.close.bind(udp)
    Object.assign(udp, {
      close: (callback?: () => void) => {
        if (closing) return udp
        closing = true
        clearTimeout(this.timer)
        return close(callback)
      },
      send: (...args: Parameters<UdpSocket['send']>) => {
        if (closing) return
        const data = args[0] as unknown as Buffer
        if (!this.established) this.beginFlight(data)
        this.sendUdp(...args)
      },
    })
  }

  /** Remembers the flight for its repetition, and where a Finished is in it. */
  private beginFlight(datagram: Buffer): void {
    this.flight = datagram
    this.watchFlights()
    this.repeatIn(FIRST_RETRANSMISSION)
  }

  private watchFlights(): void {
    const layer = this.socket.recordLayer
    if (layer === undefined || Object.hasOwn(layer, 'sendFlight')) return
    const sendFlight = layer.sendFlight.bind(layer)
    layer.sendFlight = (messages) => {
      // The Finished is what follows the ChangeCipherSpec.
      const at = messages.findIndex(({ type }) => type === CHANGE_CIPHER_SPEC)
      this.finished = at < 0 ? undefined : messages[at + 1]
      sendFlight(messages)
    }
  }

  private repeatIn(delay: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      const { flight, finished } = this
      if (this.established || this.closed || flight === undefined) return
      const { address, port } = this.options
      this.sendUdp(flight, 0, flight.length, port, address, () => {})
      // A repeated record is a replay to whoever had it; a Finished with a new sequence number makes
      // the server repeat its own last flight (RFC 6347 §4.2.4).
      if (finished !== undefined) this.repeatFinished(finished)
      this.repeatIn(delay * 2)
    }, delay)
    this.timer.unref()
  }

  private repeatFinished(finished: LibraryMessage): void {
    const { flight } = this
    this.socket.recordLayer?.send(finished)
    this.flight = flight
  }
}

function canonical(address: string): string {
  const bare = address.replace(/%.*$/, '')
  return isIPv6(bare) ? new SocketAddress({ address: bare, family: 'ipv6' }).address : bare
}

function handshakeError(error: Error): CodedError {
  const timedOut = /timed out/.test(error.message)
  return new CodedError(timedOut ? 'handshake-timeout' : 'handshake-failed', error.message, {
    cause: error,
  })
}
