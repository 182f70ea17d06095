import { isSuccess } from '../../coap/codes'
import type { CoapResponse, ObserveListener, ObserveRelation } from '../../coap/types'
import type { Path } from '../../lwm2m/path'
import type { DeviceRequestInit } from '../operations/device-request'
import type { Registration } from '../types'
import type { RelationContext } from './relation-context'

/** Notifications that may come while the first answer is being dealt with. */
const EARLY = 16

/** Who hears of a wire. */
export interface WireListener {
  /** `format`: the Content-Format of the first answer, for a notification that has none. */
  onResponse(response: CoapResponse, wire: Wire): void
  /** It ended through no wish of ours; `response` is the error that ended it. */
  onEnd(wire: Wire, response: CoapResponse | undefined): void
}

/** One observe relation on the wire, from its first answer on. */
export class Wire implements ObserveListener {
  relation: ObserveRelation | undefined
  /** Content-Format of the first answer: what a notification without one means. */
  format: number | undefined
  /** Notifications that came before {@link goLive}. */
  private early: CoapResponse[] | undefined = []

  constructor(
    readonly base: Path,
    readonly init: DeviceRequestInit,
    private readonly listener: WireListener,
  ) {}

  /**
   * Asks the device. Nothing is delivered before {@link goLive}.
   * @throws what the channel says
   */
  async open(context: RelationContext, device: Registration): Promise<CoapResponse | undefined> {
    this.relation = await context.channel(device).observe(this.init, this, {})
    const { first } = this.relation
    this.format = first?.contentFormat
    return first
  }

  /** Goes on with a relation made before a restart. */
  adopt(
    context: RelationContext,
    device: Registration,
    token: Uint8Array,
    format: number | undefined,
  ): void {
    this.format = format
    this.early = undefined
    this.relation = context.adopt(device, this.init, token, this)
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
    if (first !== undefined && isSuccess(first.code)) this.listener.onResponse(first, this)
    for (const response of early) this.listener.onResponse(response, this)
  }

  /** Tells the device to stop; one that sleeps is answered RST when it notifies next. */
  async cancel(device: Registration): Promise<void> {
    if (!this.active) return
    if (device.state === 'asleep') this.relation?.forget()
    // Attributes say when to notify (Core 1.2 §6.4.1); here they would say nothing.
    else await this.relation?.cancel({ query: [] })
  }

  forget(): void {
    this.relation?.forget()
  }

  onNotification(response: CoapResponse): void {
    if (this.early === undefined) this.listener.onResponse(response, this)
    else if (this.early.length < EARLY) this.early.push(response)
  }

  onEnd(reason: 'error' | 'gone' | 'stopped', response?: CoapResponse): void {
    if (reason !== 'stopped') this.listener.onEnd(this, response)
  }
}
