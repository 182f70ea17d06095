import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { ClientNet } from './hostile-client'

/**
 * Forwards one client's datagrams over a real socket; the addresses used by the client have no
 * meaning.
 */
export class UdpNet implements ClientNet {
  readonly server = {
    receive: (datagram: Buffer): void => {
      if (!this.closed) this.socket.send(datagram, this.port, '127.0.0.1')
    },
  }
  private onDatagram: (datagram: Buffer) => void = () => {}
  private closed = false

  private constructor(
    private socket: Socket,
    private readonly port: number,
  ) {
    this.attach()
  }

  static async open(serverPort: number): Promise<UdpNet> {
    return new UdpNet(await bound(), serverPort)
  }

  listen(_address: string, _port: number, onDatagram: (datagram: Buffer) => void): void {
    this.onDatagram = onDatagram
  }

  unlisten(): void {}

  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  /** Continues from another port. Returns the new one. */
  async rebind(): Promise<number> {
    this.socket.close()
    this.socket = await bound()
    this.attach()
    return this.socket.address().port
  }

  close(): void {
    if (!this.closed) this.socket.close()
    this.closed = true
  }

  private attach(): void {
    this.socket.on('message', (datagram) => this.onDatagram(datagram))
    this.socket.on('error', () => {})
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
