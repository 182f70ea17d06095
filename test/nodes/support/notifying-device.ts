import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type ClientNet, HostileClient } from '../../dtls/support/hostile-client'
import {
  ACK,
  CON,
  Opt,
  optionNumber,
  rawCoap,
  type RawMessage,
  readCoap,
  type ReadMessage,
  RST,
} from '../../support/raw-coap'

const GET = 0x01
const POST = 0x02
const CREATED = 0x41
const CONTENT = 0x45
const APPLICATION_DATA = 23
const SERVER_HELLO_DONE = 14
/** ms; nothing is lost on the loopback, but a server that was just replaced may not have answered. */
const ACK_TIMEOUT = 2_000

export interface DeviceSecurity {
  readonly identity: string
  /** Hex. */
  readonly key: string
  /** Whether it offers a Connection ID (RFC 9146). */
  readonly connectionId: boolean
}

/** A device on a real socket that registers, is observed, and notifies a number that counts up. */
export class NotifyingDevice {
  /** What was not expected of the server: resets, alerts, cancellations, … */
  readonly surprises: string[] = []
  /** How often the server asked to observe. */
  observeRequests = 0
  /** The last number that was notified and acknowledged. */
  acknowledged = 0
  private readonly client: HostileClient | undefined
  private observation: { token: string; sequence: number } | undefined
  private mid = 0x100
  private location: readonly Buffer[] = []
  private closed = false
  private readonly listeners = new Set<(message: ReadMessage) => void>()
  private onDatagram: (datagram: Buffer) => void = () => {}
  private onFlight: (() => void) | undefined
  private onRead: ((message: ReadMessage) => void) | undefined

  private constructor(
    readonly endpoint: string,
    private readonly socket: Socket,
    private readonly serverPort: number,
    security: DeviceSecurity | undefined,
  ) {
    socket.on('error', () => {})
    if (security === undefined) {
      socket.on('message', (datagram: Buffer) => this.receive(readCoap(datagram)))
      return
    }
    const net: ClientNet = {
      listen: (_address, _port, onDatagram) => (this.onDatagram = onDatagram),
      unlisten: () => {},
      server: { receive: (datagram) => this.transmit(datagram) },
      settle: () => new Promise((resolve) => setImmediate(resolve)),
    }
    this.client = new HostileClient(net, {
      identity: Buffer.from(security.identity),
      psk: Buffer.from(security.key, 'hex'),
      ...(security.connectionId ? { connectionId: Buffer.from('c1d0', 'hex') } : {}),
    })
    socket.on('message', (datagram: Buffer) => this.receiveSecure(datagram))
  }

  static async open(
    endpoint: string,
    serverPort: number,
    security?: DeviceSecurity,
  ): Promise<NotifyingDevice> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const device = new NotifyingDevice(endpoint, socket, serverPort, security)
    if (device.client !== undefined) await device.handshake(device.client)
    return device
  }

  async register(): Promise<void> {
    const { code, options } = await this.request([
      [Opt.URI_PATH, 'rd'],
      [Opt.CONTENT_FORMAT, 40],
      [Opt.URI_QUERY, `ep=${this.endpoint}`],
      [Opt.URI_QUERY, 'lt=3600'],
      [Opt.URI_QUERY, 'lwm2m=1.1'],
    ])
    if (code !== CREATED) throw new Error(`Register was answered ${code.toString(16)}`)
    this.location = options.filter(([n]) => n === Opt.LOCATION_PATH).map(([, value]) => value)
  }

  /** A registration Update. Answers its response code. */
  async update(): Promise<number> {
    return (await this.request(this.location.map((part) => [Opt.URI_PATH, part]))).code
  }

  /** LwM2M Send of a text value at /3/0/9. Answers its response code. */
  async sendValue(value: number): Promise<number> {
    const pack = JSON.stringify([{ n: '/3/0/9', v: value }])
    const options = [
      [Opt.URI_PATH, 'dp'],
      [Opt.CONTENT_FORMAT, 110],
    ] as const
    return (await this.request(options, pack)).code
  }

  /** Resolves when the server observes. */
  async observed(): Promise<void> {
    while (this.observation === undefined) await this.next()
  }

  /** One confirmable notification, retransmitted until it is acknowledged or the device is closed. */
  async notify(): Promise<void> {
    const value = this.acknowledged + 1
    const { observation } = this
    if (observation === undefined) throw new Error(`${this.endpoint} is not observed`)
    const mid = this.nextMid()
    const message: RawMessage = {
      type: CON,
      code: CONTENT,
      mid,
      token: observation.token,
      options: [
        [Opt.OBSERVE, ++observation.sequence],
        [Opt.CONTENT_FORMAT, 0],
      ],
      payload: String(value),
    }
    await this.confirmed(message)
    if (!this.closed) this.acknowledged = value
  }

  /** Holds the answer to the next Read; resolves, when that is here, with what releases it. */
  holdRead(): Promise<() => void> {
    return new Promise((resolve) => {
      this.onRead = (message) => {
        this.onRead = undefined
        this.send(rawCoap({ type: ACK, code: 0, mid: message.mid }))
        resolve(() => this.answer(message, [], { type: CON, mid: this.nextMid() }))
      }
    })
  }

  /** Resolves when something came that was not expected. */
  async surprised(): Promise<void> {
    while (this.surprises.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  close(): void {
    this.closed = true
    this.socket.close()
    for (const listener of [...this.listeners]) listener({ ...NOTHING })
  }

  private async handshake(client: HostileClient): Promise<void> {
    client.send(client.hello())
    await this.until(() => client.cookie.length > 0)
    client.send(client.hello({ cookie: client.cookie }))
    await this.until(() => client.flight.some(({ type }) => type === SERVER_HELLO_DONE))
    client.send(...client.keyExchange(), client.changeCipherSpec(), client.finished())
    await this.until(() => client.serverFinished)
    client.datagrams.length = 0
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.onFlight = resolve))
    this.onFlight = undefined
  }

  private async request(
    options: NonNullable<RawMessage['options']>,
    payload = '</1/0>,</3/0>',
  ): Promise<ReadMessage> {
    const mid = this.nextMid()
    const body = options.some(([number]) => number === Opt.CONTENT_FORMAT) ? payload : ''
    return this.confirmed({ type: CON, code: POST, mid, token: 'aa', options, payload: body })
  }

  /** Sends a confirmable message until something with its Message-ID comes back. */
  private async confirmed(message: RawMessage): Promise<ReadMessage> {
    const bytes = rawCoap(message)
    const timer = setInterval(() => this.send(bytes), ACK_TIMEOUT)
    this.send(bytes)
    try {
      for (;;) {
        const answer = await this.next()
        if (this.closed || (answer.type >= ACK && answer.mid === message.mid)) return answer
      }
    } finally {
      clearInterval(timer)
    }
  }

  private next(): Promise<ReadMessage> {
    return new Promise((resolve) => {
      const listener = (message: ReadMessage): void => {
        this.listeners.delete(listener)
        resolve(message)
      }
      this.listeners.add(listener)
    })
  }

  private nextMid(): number {
    this.mid = (this.mid + 1) & 0xffff
    return this.mid
  }

  private send(bytes: Buffer): void {
    const { client } = this
    if (client === undefined) this.transmit(bytes)
    else client.send(client.protect(APPLICATION_DATA, bytes))
  }

  private transmit(datagram: Buffer): void {
    if (!this.closed) this.socket.send(datagram, this.serverPort, '127.0.0.1')
  }

  private receiveSecure(datagram: Buffer): void {
    const { client } = this
    if (client === undefined) return
    this.onDatagram(datagram)
    this.onFlight?.()
    for (const alert of client.alerts.splice(0)) {
      this.surprises.push(alert.description === 0 ? 'close_notify' : `alert ${alert.description}`)
    }
    for (const data of client.data.splice(0)) this.receive(readCoap(Buffer.from(data, 'latin1')))
  }

  private receive(message: ReadMessage): void {
    if (message.type === RST) this.surprises.push('RST')
    else if (message.code === GET && optionNumber(message, Opt.OBSERVE) === 0) {
      this.observeRequests++
      this.observation = { token: message.token, sequence: 1 }
      this.answer(message, [[Opt.OBSERVE, 1]])
    } else if (message.code === GET && optionNumber(message, Opt.OBSERVE) === undefined) {
      if (this.onRead === undefined) this.answer(message)
      else this.onRead(message)
    } else if (message.code > 0 && message.code < 0x20) {
      this.surprises.push(`request with code ${message.code}`)
    }
    for (const listener of [...this.listeners]) listener(message)
  }

  private answer(
    { mid, token }: ReadMessage,
    options: RawMessage['options'] = [],
    as: { readonly type: number; readonly mid: number } = { type: ACK, mid },
  ): void {
    const format = [Opt.CONTENT_FORMAT, 0] as const
    const payload = String(this.acknowledged)
    this.send(rawCoap({ ...as, code: CONTENT, token, options: [...options, format], payload }))
  }
}

const NOTHING: ReadMessage = {
  type: 0,
  code: 0,
  mid: -1,
  token: '',
  options: [],
  payload: Buffer.alloc(0),
}
