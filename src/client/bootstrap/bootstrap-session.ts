import { detach, onAbort } from '../../base/guard'
import type { Scheduler } from '../../base/scheduler'
import { Code } from '../../coap/codes'
import { CoapEndpoint } from '../../coap/endpoint'
import type { CoapEndpointOptions, CoapRequest, CoapTrace } from '../../coap/types'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { decode, isPackFormat } from '../../lwm2m/formats/index'
import { Path } from '../../lwm2m/path'
import type { Peer, Transport } from '../../transport/transport'
import { ClientError } from '../errors'
import { codecContext, type DeviceContext } from '../operations/device-context'
import { Refusal } from '../operations/refusal'
import { expect } from '../session/registration'
import type { ServerUri } from '../session/server-uri'
import type { BootstrapInterface } from './bootstrap-interface'

/**
 * Time in ms without a request after which a client gives up (EXCHANGE_LIFETIME, RFC 7252 §4.8.2).
 */
const SILENCE = 247_000
/** Time in ms during which a repeated Finish is still answered. */
const LINGER = 30_000

export interface BootstrapOptions {
  readonly clock: Scheduler
  readonly transport: Transport
  readonly coap: CoapEndpointOptions | undefined
  readonly uri: ServerUri
  /** Undefined if the server identifies the device by its credential. */
  readonly endpoint: string | undefined
  /** Whether a Bootstrap-Pack is requested first. */
  readonly pack: boolean
  readonly context: DeviceContext
  readonly interface: BootstrapInterface
  readonly signal: AbortSignal
  readonly onTrace: ((trace: CoapTrace) => void) | undefined
}

/** One bootstrap with the bootstrap server (Core §6.1). */
export class BootstrapSession {
  private readonly endpoint: CoapEndpoint
  private peer: Peer | undefined
  /** Called at each request of the server. */
  private heard: () => void = () => {}

  constructor(private readonly options: BootstrapOptions) {
    this.endpoint = new CoapEndpoint(options.transport, { ...options.coap, clock: options.clock })
    this.endpoint.onTrace = options.onTrace
    this.endpoint.onWarning = ({ code, message }) => options.context.warn(code, message)
    this.endpoint.onRequest = (request) => this.answer(request)
  }

  /**
   * Binds, sends the request, and serves the server until it finishes.
   * @throws BindError, ClientError `bootstrap-failed`, ServerRejected, the errors of CoAP
   */
  async run(): Promise<void> {
    const { uri, signal } = this.options
    await this.endpoint.start()
    try {
      this.peer = await this.endpoint.transport.connect(uri.host, uri.port)
      this.endpoint.pin(this.peer, true)
      if (signal.aborted) throw stopped()
      if (this.options.pack && (await this.takePack(this.peer))) return
      await this.follow(this.peer)
    } catch (error) {
      await this.endpoint.stop()
      throw error
    }
  }

  /** Closes the socket at once. */
  stop(): Promise<void> {
    return this.endpoint.stop()
  }

  /** Closes the socket later, so that a repeated Finish is still answered. */
  linger(): void {
    this.options.clock.after(LINGER, () => this.stop())
  }

  private query(): string[] {
    const { endpoint } = this.options
    return endpoint === undefined ? [] : [`ep=${endpoint}`]
  }

  /**
   * Bootstrap-Pack-Request (Core 1.2 §6.1.7.7). False if the server has none, which any error
   * response may mean.
   */
  private async takePack(peer: Peer): Promise<boolean> {
    const { context, signal } = this.options
    const accept = context.formats.find(isPackFormat)
    const response = await this.endpoint.request(peer, {
      code: Code.GET,
      path: ['bspack'],
      query: this.query(),
      accept: accept ?? ContentFormat.SENML_CBOR,
      signal,
    })
    if (response.code !== Code.CONTENT) return false
    const records = decode(
      response.contentFormat,
      response.payload,
      codecContext({ ...context, root: '' }, Path.ROOT),
    )
    try {
      this.options.interface.unpack(records)
    } catch (error) {
      if (error instanceof Refusal) throw new ClientError('bootstrap-failed', error.message)
      throw error
    }
    return true
  }

  /** Bootstrap-Request, then serves the server until it finishes. */
  private async follow(peer: Peer): Promise<void> {
    const { context, signal } = this.options
    const finished = this.untilFinished()
    // A rejection before it is awaited is reported by the request instead.
    detach(finished, () => {})
    const query = this.query()
    const [preferred] = context.formats
    // `pct` was added in 1.1; `formats` begins with the most preferred one (Core 1.1 §6.1.7.1).
    if (context.version !== '1.0' && preferred !== undefined) query.push(`pct=${preferred}`)
    const response = await this.endpoint.request(peer, {
      code: Code.POST,
      path: ['bs'],
      query,
      signal,
    })
    expect(response, Code.CHANGED, 'Bootstrap-Request')
    await finished
  }

  private untilFinished(): Promise<void> {
    const { clock, signal } = this.options
    return new Promise((resolve, reject) => {
      let timer = clock.after(SILENCE, giveUp)
      function giveUp(): void {
        reject(new ClientError('bootstrap-failed', 'the bootstrap server did not finish'))
      }
      const done = (): void => {
        clock.cancel(timer)
        resolve()
      }
      this.heard = () => {
        clock.cancel(timer)
        timer = clock.after(SILENCE, giveUp)
      }
      this.options.interface.onFinished = done
      this.endpoint.onPeerGone = (peer, reason) => {
        if (peer === this.peer) reject(new ClientError('bootstrap-failed', reason))
      }
      onAbort(signal, () => {
        clock.cancel(timer)
        reject(stopped())
      })
    })
  }

  private answer(request: CoapRequest): ReturnType<CoapEndpoint['onRequest']> {
    if (request.peer.id !== this.peer?.id) return { code: Code.UNAUTHORIZED }
    this.heard()
    return this.options.interface.handle(request)
  }
}

function stopped(): ClientError {
  return new ClientError('not-running', 'the client stopped')
}
