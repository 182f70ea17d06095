import { isSuccess } from '../../coap/codes'
import { isNewer } from '../../coap/observe/relation'
import type { CoapResponse, ObserveListener, ObserveRelation } from '../../coap/types'
import type { Path } from '../../lwm2m/path'
import type { DeviceRequestInit } from '../operations/device-request'
import type { Registration } from '../types'
import type { ObservableDevices } from './observation-parts'

/** Notifications that may come while the answer to the observe request is being dealt with. */
const EARLY = 16

/** Whose observation it is. */
export interface PathObservationOwner {
  onResponse(response: CoapResponse, observation: PathObservation, cause: 'first' | 'notify'): void
  /** The device ended it, with the response that says so, or its peer is gone. */
  onEnd(observation: PathObservation, response: CoapResponse | undefined): void
}

/** One observe relation with a device (RFC 7641), from the answer to its observe request on. */
export class PathObservation implements ObserveListener {
  relation: ObserveRelation | undefined
  /** The id of the peer that has last shown that it observes: an address, or a DTLS association. */
  provenBy: string | undefined
  /** Content-Format of the first answer: what a notification without one means (RFC 7641 §4.2). */
  format: number | undefined
  /** Observe number of the last notification. */
  private newest: number | undefined
  /** Notifications that came before {@link startDelivery}. */
  private early: CoapResponse[] | undefined = []

  /** @param base what it is about; the root of a composite observation */
  constructor(
    readonly base: Path,
    readonly init: DeviceRequestInit,
    private readonly owner: PathObservationOwner,
  ) {}

  /**
   * Asks the device. Nothing is delivered before {@link startDelivery}.
   * @throws what the channel says
   */
  async open(devices: ObservableDevices, device: Registration): Promise<CoapResponse | undefined> {
    this.relation = await devices.channel(device).observe(this.init, this, {})
    const { first, peer } = this.relation
    this.provenBy = peer.id
    this.format = first?.contentFormat
    return first
  }

  /** Goes on with an observation made before a restart. @throws PeerGone */
  adopt(
    devices: ObservableDevices,
    device: Registration,
    token: Uint8Array,
    format: number | undefined,
  ): void {
    this.format = format
    this.early = undefined
    this.relation = devices.adopt(device, this.init, token, this)
    this.provenBy = device.peer.id
  }

  /**
   * Asks for the same observation under the same token (RFC 7641 §3.3.1): the device goes on with it,
   * or makes it where it lost it. The answer is delivered.
   * @returns the answer of a device that does not observe any more
   * @throws what the channel says: whether the device still observes is not known then
   */
  async refresh(
    devices: ObservableDevices,
    device: Registration,
  ): Promise<CoapResponse | undefined> {
    const former = this.relation
    if (former === undefined) return undefined
    const init = { ...this.init, token: former.token }
    this.newest = undefined
    const relation = await devices.channel(device).observe(init, this, {})
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
    if (first !== undefined && !stale) this.owner.onResponse(first, this, 'first')
    return undefined
  }

  get active(): boolean {
    return this.relation?.active === true
  }

  /** Delivers the first answer, what came meanwhile, and from now on everything as it comes. */
  startDelivery(): void {
    const { early } = this
    if (early === undefined) return
    this.early = undefined
    const first = this.relation?.first
    if (first !== undefined && isSuccess(first.code)) this.owner.onResponse(first, this, 'first')
    for (const response of early) this.owner.onResponse(response, this, 'notify')
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
    if (this.early === undefined) this.owner.onResponse(response, this, 'notify')
    else if (this.early.length < EARLY) this.early.push(response)
  }

  onEnd(reason: 'error' | 'gone' | 'stopped', response?: CoapResponse): void {
    if (reason !== 'stopped') this.owner.onEnd(this, response)
  }
}
