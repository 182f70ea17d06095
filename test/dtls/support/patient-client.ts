import { HostileClient, type HostileClientOptions } from './hostile-client'
import { UdpNet } from './udp-net'

/** Maximum time between two attempts in ms. */
const LONGEST_WAIT = 320

/**
 * A client on a real socket that retransmits everything until it is answered, each time in new
 * records, as a device on a lossy network does.
 */
export class PatientClient {
  readonly client: HostileClient

  private constructor(
    readonly net: UdpNet,
    options: HostileClientOptions,
    private readonly firstWait: number,
  ) {
    this.client = new HostileClient(net, options)
  }

  static async open(
    serverPort: number,
    options: HostileClientOptions = {},
    firstWait = 40,
  ): Promise<PatientClient> {
    return new PatientClient(await UdpNet.open(serverPort), options, firstWait)
  }

  /** Another client on this one's socket; this one receives nothing any more. */
  successor(options: HostileClientOptions): PatientClient {
    return new PatientClient(this.net, options, this.firstWait)
  }

  async handshake(): Promise<void> {
    const { client } = this
    const first = client.hello().subarray(13)
    await this.until(
      () => client.cookie.length > 0,
      () => client.send(client.plain(22, first)),
    )
    const second = client.hello({ cookie: client.cookie }).subarray(13)
    const { session } = client.options
    const resumed = (): boolean =>
      session !== undefined && client.serverHello?.sessionId.equals(session.id) === true
    await this.until(
      () => client.flight.some(({ type }) => type === 14 || type === 20),
      () => client.send(client.plain(22, second)),
    )
    if (resumed()) {
      this.finished = client.count(20, client.finishedBody())
      this.finish()
      return
    }
    const messages = client.keyExchange().map((record) => record.subarray(13))
    this.finished = client.count(20, client.finishedBody())
    await this.until(
      () => client.serverFinished,
      () => {
        // One datagram each, so that some are lost and some are reordered.
        for (const message of messages) client.send(client.plain(22, message))
        this.finish()
      },
    )
  }

  /** Sends content as application data until `isAnswer` finds what it waits for. */
  async ask(content: Uint8Array, isAnswer: (answer: string) => boolean): Promise<void> {
    await this.until(
      () => this.client.data.some(isAnswer),
      () => {
        // In an abbreviated handshake our Finished is the last message: only data confirms it.
        if (this.client.data.length === 0 && this.client.options.session) this.finish()
        this.client.send(this.client.protect(23, content))
      },
    )
  }

  /** Cancels everything pending. */
  close(): void {
    this.closed = true
    this.net.close()
  }

  private closed = false
  private finished: Buffer = Buffer.alloc(0)

  private finish(): void {
    this.client.send(this.client.changeCipherSpec())
    this.client.send(this.client.protect(22, this.finished))
  }

  private async until(done: () => boolean, attempt: () => void): Promise<void> {
    let wait = this.firstWait
    for (let tries = 0; tries < 60; tries++) {
      attempt()
      const end = performance.now() + wait
      while (!done() && !this.closed && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 4))
      }
      if (done()) return
      if (this.closed) throw new Error('closed')
      wait = Math.min(wait * 2, LONGEST_WAIT)
    }
    throw new Error('no answer after 60 tries')
  }
}
