import { isSuccess } from '../../coap/codes'
import { isNewer } from '../../coap/observe/relation'
import type { CoapResponse, ObserveListener, ObserveRelation } from '../../coap/types'
import type { Path } from '../../lwm2m/path'
import type { DeviceRequestInit } from '../operations/device-request'
import type { Registration } from '../types'
import type { ObservationContext } from './observation-context'

/** Notifications that may come while the first answer is being dealt with. */
const EARLY = 16

/** Who hears of a wire. */
export interface PathObservationListener {
  /** `format`: the Content-Format of the first answer, for a notification that has none. */
  onResponse(response: CoapResponse, wire: PathObservation, cause: 'first' | 'notify'): void
  /** It ended through no wish of ours; `response` is the error that ended it. */
  onEnd(wire: PathObservation, response: CoapResponse | undefined): void
}

/** One observe relation on the wire, from its first answer on. */
export class PathObservation implements ObserveListener {
  relation: ObserveRelation | undefined
  /** The id of the peer that has last shown that it observes: an address, or a DTLS association. */
  provenBy: string | undefined
  /** Observe number of the last notification. */
  private newest: number | undefined
  /** Content-Format of the first answer: what a notification without one means. */
  format: number | undefined
  /** Notifications that came before {@link goLive}. */
  private early: CoapResponse[] | undefined = []

  constructor(
    readonly base: Path,
    readonly init: DeviceRequestInit,
    private readonly listener: PathObservationListener,
  ) {}

  /**
   * Asks the device. Nothing is delivered before {@link goLive}.
   * @throws what the channel says
   */
  async open(context: ObservationContext, device: Registration): Promise<CoapResponse | undefined> {
    this.relation = await context.channel(device).observe(this.init, this, {})
    const { first, peer } = this.relation
    this.provenBy = peer.id
    this.format = first?.contentFormat
    return first
  }

  /** Goes on with a relation made before a restart. */
  adopt(
    context: ObservationContext,
    device: Registration,
    token: Uint8Array,
    format: number | undefined,
  ): void {
    this.format = format
    this.early = undefined
    this.relation = context.adopt(device, this.init, token, this)
    this.provenBy = device.peer.id
  }

  /**
   * Asks for the same observation under the same token (RFC 7641 §3.3.1): the device goes on with it,
   * or makes it where it lost it. The answer is delivered.
   * @returns the answer of a device that does not observe any more
   * @throws what the channel says: whether the device still observes is not known then
   */
  async refresh(context: ObservationContext, device: Registration): Promise<CoapResponse | undefined> {
    const former = this.relation
    if (former === undefined) return undefined
    const init = { ...this.init, token: former.token }
    this.newest = undefined
    const relation = await context.channel(device).observe(init, this, {})
    const { first } = relation
    this.provenBy = relation.peer.id
    // Ended meanwhile, by us or by the device.
    if (!former.active || this.relation !== former) {
      relation.forget()
      return undefined
    }
    if (!relation.active) {
      former.forget()
      return first
    }
    this.relation = relation
    // A notification may have overtaken the answer on its way here.
    const { newest } = this
    const stale = newest !== undefined && !isNewer(first?.observe ?? newest, newest, 0)
    if (first !== undefined && !stale) this.listener.onResponse(first, this, 'first')
    return undefined
  }

  get active(): boolean {
    return this.relation?.active === true
  }

  /** Delivers the first answer, what came meanwhile, and from now on everything as it comes. */
  goLive(): void {
    const { early } = this
    if (early === undefined) return
    this.early = undefined
    const first = this.relation?.first
    if (first !== undefined && isSuccess(first.code)) this.listener.onResponse(first, this, 'first')
    for (const response of early) this.listener.onResponse(response, this, 'notify')
  }

  /** Tells the device to stop; one that cannot be told now is answered RST when it notifies next. */
  async cancel(device: Registration): Promise<void> {
    if (!this.active) return
    if (device.state !== 'online') this.relation?.forget()
    // Attributes say when to notify (Core 1.2 §6.4.1); here they would say nothing.
    else await this.relation?.cancel({ query: [] })
  }

  forget(): void {
    this.relation?.forget()
  }

  onNotification(response: CoapResponse): void {
    this.provenBy = response.peer.id
    this.newest = response.observe
    if (this.early === undefined) this.listener.onResponse(response, this, 'notify')
    else if (this.early.length < EARLY) this.early.push(response)
  }

  onEnd(reason: 'error' | 'gone' | 'stopped', response?: CoapResponse): void {
    if (reason !== 'stopped') this.listener.onEnd(this, response)
  }
}
