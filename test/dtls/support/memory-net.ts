import type { Association } from '../../../src/dtls/associations/association'
import { DtlsEndpoint, type HandshakeReport } from '../../../src/dtls/endpoint'
import type { DtlsEndpointOptions } from '../../../src/dtls/options'
import { FakeClock } from '../../support/fake-clock'
import { pskCredentials } from './harness'

/**
 * A DTLS server and its clients without sockets: datagrams are delivered by the test, time does not
 * advance.
 */
export class MemoryNet {
  readonly clock = new FakeClock()
  readonly server: DtlsEndpoint
  readonly messages: { association: Association; text: string }[] = []
  readonly ended: { association: Association; reason: string }[] = []
  readonly failures: HandshakeReport[] = []
  readonly warnings: string[] = []
  /** Datagrams to addresses without a client. */
  unclaimed = 0
  private readonly listeners = new Map<string, (datagram: Buffer) => void>()

  constructor(options: Partial<DtlsEndpointOptions> = {}) {
    this.server = new DtlsEndpoint({
      credentials: pskCredentials,
      clock: this.clock,
      ...options,
      output: (datagram, address, port) => {
        const listener = this.listeners.get(`${address}|${port}`)
        if (listener === undefined) this.unclaimed++
        else listener(Buffer.from(datagram))
      },
    })
    this.server.onMessage = (association, message) =>
      this.messages.push({ association, text: message.toString('latin1') })
    this.server.onAssociationEnded = (association, reason) =>
      this.ended.push({ association, reason })
    this.server.onHandshakeFailed = (report) => this.failures.push(report)
    this.server.onWarning = (warning) => this.warnings.push(warning)
  }

  listen(address: string, port: number, onDatagram: (datagram: Buffer) => void): void {
    this.listeners.set(`${address}|${port}`, onDatagram)
  }

  unlisten(address: string, port: number): void {
    this.listeners.delete(`${address}|${port}`)
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text)
  }

  dropped(reason: keyof DtlsEndpoint['counters']['dropped']): number {
    return this.server.counters.dropped[reason] ?? 0
  }

  failed(code: keyof DtlsEndpoint['counters']['handshakesFailed']): number {
    return this.server.counters.handshakesFailed[code] ?? 0
  }

  /** Waits for lookups that answer at once. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Advances time in steps and waits for lookups in between. */
  run(ms: number, step = ms): Promise<void> {
    return this.clock.run(ms, step)
  }
}
