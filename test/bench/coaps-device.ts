import { HostileClient } from '../dtls/support/hostile-client'
import type { MemoryNet } from '../dtls/support/memory-net'
import { BENCH_KEY, benchEndpoint } from './bench-psk'
import { type LoadDevice, openDevice, send } from './load'

const CCM_8 = 0xc0a8
const APPLICATION_DATA = 23
const SERVER_HELLO_DONE = 14

/**
 * A device with a DTLS association: the client of the DTLS tests on a real socket, its steps taken
 * when the server's flights are there (nothing is lost on the loopback).
 */
export class CoapsDevice {
  private readonly client: HostileClient
  private onDatagram: (datagram: Buffer) => void = () => {}
  private onFlight: (() => void) | undefined

  private constructor(readonly device: LoadDevice) {
    const net: Pick<MemoryNet, 'listen'> & { server: { receive(datagram: Buffer): void } } = {
      listen: (_address, _port, onDatagram) => (this.onDatagram = onDatagram),
      server: { receive: (datagram) => send(device, datagram) },
    }
    this.client = new HostileClient(net as unknown as MemoryNet, {
      address: '127.0.0.1',
      port: device.port,
      suites: [CCM_8],
      identity: Buffer.from(device.endpoint),
      psk: Buffer.from(BENCH_KEY, 'hex'),
    })
    this.hello = this.client.hello()
    device.onMessage = (datagram) => {
      this.onDatagram(datagram)
      this.onFlight?.()
    }
  }

  /** The first ClientHello, without a cookie. */
  readonly hello: Buffer

  static async open(index: number, port: number, address?: string, from = 0): Promise<CoapsDevice> {
    return new CoapsDevice(await openDevice(benchEndpoint(index), port, address, from))
  }

  /** A whole handshake with the pre-shared key. */
  async handshake(): Promise<void> {
    const { client } = this
    client.send(this.hello)
    await this.until(() => client.cookie.length > 0)
    client.send(client.hello({ cookie: client.cookie }))
    await this.until(() => client.flight.some(({ type }) => type === SERVER_HELLO_DONE))
    client.send(...client.keyExchange(), client.changeCipherSpec(), client.finished())
    await this.until(() => client.serverFinished)
  }

  /** A protected CoAP message. */
  seal(datagram: Buffer): Buffer {
    return this.client.protect(APPLICATION_DATA, datagram)
  }

  /** Sends one and waits for the answer, decrypted. */
  async exchange(datagram: Buffer): Promise<Buffer> {
    const { data } = this.client
    data.length = 0
    this.device.onMessage = (answer) => {
      this.onDatagram(answer)
      this.onFlight?.()
    }
    this.client.send(this.seal(datagram))
    await this.until(() => data.length > 0)
    return Buffer.from(data.pop() ?? '', 'latin1')
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.onFlight = resolve))
    this.onFlight = undefined
  }
}
