import type { Scheduler } from '../../base/scheduler'
import { CodedError } from '../../base/coded-error'
import type { TypedEmitter } from '../../base/events'
import type { CoapResponse } from '../../coap/types'
import { OperationError } from '../errors'
import type { DeviceRequest } from '../operations/device-request'
import type { QueueOptions } from '../options'
import { type QueueJournal, RequestIds, type StoredRequest } from '../persistence/queue-journal'
import type { DeviceRegistration } from '../registration/device-registration'
import type { RegistrationTable } from '../registration/registration-registry'
import type { Lwm2mServerEvents, OperationOptions, OperationResult } from '../types'
import type { AwakeWindows } from './awake-window'
import { ChannelParts } from './channel-parts'
import { DeviceChannel } from './device-channel'
import type { QueuedRequest } from './pending-request'
import type { Routes } from './routes'

const DAY = 86_400_000
const MAX_LENGTH = 100

/** What the response to a restored request says; see `Operations.conclude`. */
export type Conclude = (
  endpoint: string,
  request: DeviceRequest,
  response: CoapResponse,
  options: OperationOptions,
) => Promise<OperationResult>

/** Events of the channels. */
export type ChannelEvents = Pick<Lwm2mServerEvents, 'queue' | 'completed'>

/** The channels of all devices: made on demand, handed on at re-registration, restored at the start. */
export class Channels {
  private readonly channels = new Map<DeviceRegistration, DeviceChannel>()
  private readonly parts: ChannelParts
  private readonly keep: boolean
  private ids: RequestIds

  /**
   * @param nstart requests under way at a time for a device that is not in queue mode
   * @param journal keeps what waits; `undefined` without a store
   */
  constructor(
    private readonly clock: Scheduler,
    private readonly table: RegistrationTable,
    windows: AwakeWindows,
    routes: Routes,
    private readonly journal: QueueJournal | undefined,
    nstart: number,
    options: QueueOptions,
    private readonly events: Pick<TypedEmitter<ChannelEvents>, 'emit'>,
  ) {
    const { ttl = DAY, maxLength = MAX_LENGTH, onDeliveryFailure = 'keep' } = options
    this.parts = new ChannelParts(
      clock,
      { ttl, maxLength, onDeliveryFailure, nstart },
      windows,
      routes,
      journal,
      () => this.ids.next(),
      (endpoint, length) => events.emit('queue', endpoint, length),
    )
    this.keep = (options.onReregister ?? 'keep') === 'keep'
    this.ids = new RequestIds(clock.now())
  }

  /** Requests that wait, of all devices. */
  get queuedCount(): number {
    return this.parts.queued
  }

  /** The channel of a registration. */
  of(registration: DeviceRegistration): DeviceChannel {
    const present = this.channels.get(registration)
    if (present !== undefined) return present
    const channel = new DeviceChannel(registration, this.parts)
    if (registration.ended) {
      channel.close(`${registration.endpoint} registered anew or is gone`, false)
    } else {
      this.channels.set(registration, channel)
      registration.queue = channel
    }
    return channel
  }

  /** A registration took the place of another: what waited for the device may go on waiting. */
  replaced(registration: DeviceRegistration, previous: DeviceRegistration | undefined): void {
    const old = previous && this.take(previous)
    if (previous === undefined || old === undefined) return
    const waited = old.queueLength
    const kept = old.close(`${previous.endpoint} registered anew`, this.keep)
    if (kept.length > 0) this.of(registration).adopt(kept)
    else if (waited > 0) this.events.emit('queue', registration.endpoint, 0)
  }

  /** A registration ended: so does everything that was to be asked. */
  removed(registration: DeviceRegistration, why: 'deregistered' | 'expired'): void {
    const { endpoint } = registration
    const channel = this.take(registration)
    if (channel === undefined) return
    const waited = channel.queueLength
    channel.close(
      why === 'expired' ? `the registration of ${endpoint} expired` : `${endpoint} de-registered`,
      false,
    )
    if (waited > 0) this.events.emit('queue', endpoint, 0)
  }

  /** What waits for a device, oldest first. */
  queued(endpoint: string): QueuedRequest[] {
    const waiting = this.find(endpoint)?.waiting ?? []
    return waiting.map(({ id, operation, path, queuedAt, expiresAt }) => ({
      id,
      operation,
      path,
      queuedAt,
      expiresAt,
    }))
  }

  /** Cancels one waiting request, or all of a device. Answers how many. */
  cancel(endpoint: string, id: string | undefined): number {
    return this.find(endpoint)?.cancel(id) ?? 0
  }

  /** Takes up what was kept; the registrations are back already. @throws StoreError */
  async restore(conclude: Conclude): Promise<void> {
    const { journal } = this
    if (journal === undefined) return
    for await (const stored of journal.list()) {
      if (stored === undefined) continue
      this.ids = new RequestIds(this.clock.now(), stored.id)
      this.restoreOne(stored, journal, conclude)
    }
  }

  private restoreOne(stored: StoredRequest, journal: QueueJournal, conclude: Conclude): void {
    const { id, endpoint, request, ticket, format, timeout } = stored
    const options: OperationOptions = { format, timeout, ticket }
    const complete = (outcome: { result: OperationResult } | { error: CodedError }): void => {
      journal.delete(id)
      this.events.emit('completed', ticket, outcome)
    }
    const fail = (error: unknown): void => complete({ error: codedError(error) })
    const registration = this.table.get(endpoint)
    if (registration === undefined) {
      fail(new OperationError('cancelled', `the registration of ${endpoint} expired`))
      return
    }
    const onResponse = (response: CoapResponse): void => {
      const concluded = conclude(endpoint, request, response, options).then(
        (result) => complete({ result }),
        fail,
      )
      this.clock.detach('completing a restored request', concluded)
    }
    this.of(registration).restore(id, { request, onResponse, onFailure: fail }, options, stored)
  }

  /** Ends everything that is pending; what is in the store stays there. */
  stop(): void {
    for (const channel of this.channels.values()) channel.suspend()
  }

  private find(endpoint: string): DeviceChannel | undefined {
    const registration = this.table.get(endpoint)
    return registration && this.channels.get(registration)
  }

  /** Takes the channel of a registration that ended. */
  private take(registration: DeviceRegistration): DeviceChannel | undefined {
    const channel = this.channels.get(registration)
    this.channels.delete(registration)
    registration.queue = undefined
    return channel
  }
}

function codedError(error: unknown): CodedError {
  if (error instanceof CodedError) return error
  return new CodedError('internal', error instanceof Error ? error.message : String(error))
}
