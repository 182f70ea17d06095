import type { CoapEndpoint } from '../../coap/endpoint'
import type { Peer } from '../../transport/transport'
import { ServerRejected } from '../errors'
import type { ServerUri } from './server-uri'
import { unlessAborted } from './unless-aborted'

/** The peer of the server, over DTLS an association; reconnects after it was lost. */
export class ServerLink {
  private current: Peer | undefined

  constructor(
    private readonly endpoint: CoapEndpoint,
    private readonly uri: ServerUri,
  ) {}

  /** Undefined until {@link connect} has resolved. */
  get peer(): Peer | undefined {
    return this.current
  }

  /**
   * Resolves the host name and, over DTLS, performs a handshake if there is no association.
   * @throws the errors of the transport; ClientError `not-running` as soon as `signal` is aborted
   */
  async connect(signal: AbortSignal): Promise<Peer> {
    const before = this.current
    const { transport } = this.endpoint
    const peer = await unlessAborted(transport.connect(this.uri.host, this.uri.port), signal)
    if (before !== undefined && before !== peer) {
      this.endpoint.abort(before, 'a new connection')
      this.endpoint.pin(before, false)
    }
    this.current = peer
    this.endpoint.pin(peer, true)
    return peer
  }

  /**
   * A request failed. A timeout may mean that the server lost the association, which it cannot
   * signal (RFC 6347 §4.2.8): the next attempt starts with a handshake.
   */
  doubt(error: unknown): void {
    if (this.current?.secure !== true || error instanceof ServerRejected) return
    this.cut('the server does not answer')
  }

  /** Closes the connection and ends its exchanges. */
  cut(reason: string): void {
    const peer = this.current
    if (peer === undefined) return
    this.current = undefined
    this.endpoint.abort(peer, reason)
    this.endpoint.pin(peer, false)
    this.endpoint.transport.close(peer, reason)
  }

  /** Called when a peer is gone. @returns whether it was the server */
  lost(peer: Peer): boolean {
    if (peer !== this.current) return false
    this.current = undefined
    return true
  }
}
