import { createSocket, type Socket } from 'node:dgram'
import { ACK, CON, Opt, rawCoap, readCoap } from '../../../support/raw-coap'

/** Milliseconds after which an unanswered Bootstrap-Request is sent again (RFC 7252 §4.2). */
const RETRANSMIT = 2000
const FINISH = Buffer.from('bs')

/** A device that takes whatever a bootstrap server tells it, over a UDP socket of its own. */
export class ObedientDevice {
  /** Method and path of all that it was told, e.g. `PUT /0/1`, in order, without repetitions. */
  readonly told: string[] = []
  private readonly seen = new Set<number>()
  private retransmission: NodeJS.Timeout | undefined
  private finished: () => void = () => undefined

  private constructor(
    private readonly socket: Socket,
    readonly endpoint: string,
    private readonly links: string,
  ) {
    socket.on('message', (datagram) => this.receive(datagram))
    socket.on('error', () => undefined)
  }

  /** @param links what it answers to Bootstrap-Discover */
  static async open(
    endpoint: string,
    port: number,
    links = '</>;lwm2m=1.1,</0/0>,</0/1>;ssid=5,</1/0>;ssid=5,</3/0>',
  ): Promise<ObedientDevice> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', () => socket.connect(port, '127.0.0.1', resolve))
    })
    return new ObedientDevice(socket, endpoint, links)
  }

  /** Asks to be bootstrapped; resolves at Finish. */
  bootstrap(): Promise<void> {
    this.told.length = 0
    this.seen.clear()
    const request = rawCoap({
      type: CON,
      code: 0x02,
      mid: 0xb500,
      token: 'b5',
      options: [
        [Opt.URI_PATH, 'bs'],
        [Opt.URI_QUERY, `ep=${this.endpoint}`],
      ],
    })
    return new Promise((resolve) => {
      this.finished = resolve
      const send = (): void => {
        this.socket.send(request)
        this.retransmission = setTimeout(send, RETRANSMIT)
      }
      send()
    })
  }

  close(): void {
    clearTimeout(this.retransmission)
    this.socket.close()
  }

  private receive(datagram: Buffer): void {
    clearTimeout(this.retransmission)
    const { type, code, mid, token, options } = readCoap(datagram)
    if (type !== CON) return
    const path = options.filter(([number]) => number === Opt.URI_PATH).map(([, value]) => value)
    if (!this.seen.has(mid)) {
      this.seen.add(mid)
      this.told.push(`${['', 'GET', 'POST', 'PUT', 'DELETE'][code] ?? code} /${path.join('/')}`)
    }
    this.socket.send(
      code === 0x01
        ? rawCoap({
            type: ACK,
            code: 0x45,
            mid,
            token,
            options: [[Opt.CONTENT_FORMAT, 40]],
            payload: this.links,
          })
        : rawCoap({ type: ACK, code: code === 0x04 ? 0x42 : 0x44, mid, token }),
    )
    if (code === 0x02 && path.length === 1 && path[0]?.equals(FINISH) === true) this.finished()
  }
}
