import { connect, createServer, type Server, type Socket } from 'node:net'
import { freeTcpPort } from '../../support/ports'

/** A way to a TCP server of 127.0.0.1 that can be closed and opened: who goes by it loses it. */
export class TcpGate {
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()

  private constructor(
    /** Where its clients go. */
    readonly port: number,
    private readonly target: number,
  ) {}

  /** One that nobody gets through until it is opened. */
  static async closed(target: number): Promise<TcpGate> {
    return new TcpGate(await freeTcpPort(), target)
  }

  async open(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.target, '127.0.0.1')
      for (const socket of [near, far]) {
        this.sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => {})
        socket.on('close', () => {
          this.sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far).pipe(near)
    })
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
  }

  /** Cuts all connections off. */
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    for (const socket of this.sockets) socket.destroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }
}
