import type { Scheduler } from '../../base/scheduler'
import { CodedError } from '../../base/coded-error'
import type { CoapResponse } from '../../coap/types'
import { type Peer, PeerGone } from '../../transport/transport'
import type { Endpoints } from '../endpoints'
import { OperationError } from '../errors'
import type { DeviceRequest } from '../operations/device-request'
import type { QueueOptions } from '../options'
import { type QueueJournal, RequestIds, type StoredRequest } from '../persistence/queue-journal'
import type { DeviceRegistration } from '../registration/device-registration'
import type { RegistrationAuthority } from '../registration/registration-authority'
import type { RegistrationTable } from '../registration/registration-registry'
import type { Lwm2mServerEvents, OperationOptions, OperationResult } from '../types'
import type { AwakeWindows } from './awake-window'
import type { ChannelHost, Route } from './channel-host'
import { DeviceChannel } from './device-channel'
import type { QueuedRequest } from './pending-request'

const DAY = 86_400_000
const MAX_LENGTH = 100

/** What the channels need of the server. */
export interface ChannelsHost {
  readonly clock: Scheduler
  readonly table: RegistrationTable
  readonly endpoints: Endpoints
  readonly windows: AwakeWindows
  readonly journal: QueueJournal | undefined
  readonly nstart: number
  readonly authority: RegistrationAuthority
  /** For handshakes that the server begins with devices that listen all the time, ms; `undefined`: it begins none. */
  readonly handshakeTimeout: number | undefined
  /** The device of a registration has a new association. */
  onReconnected(registration: DeviceRegistration, peer: Peer): void
  /** What the response to a restored request says. */
  conclude(
    endpoint: string,
    request: DeviceRequest,
    response: CoapResponse,
    options: OperationOptions,
  ): Promise<OperationResult>
  onQueueChanged(endpoint: string, length: number): void
  onCompleted(...args: Lwm2mServerEvents['completed']): void
}

/** The channels of all devices: made on demand, handed on at re-registration, restored at the start. */
export class Channels implements ChannelHost {
  readonly clock: Scheduler
  readonly windows: AwakeWindows
  readonly journal: QueueJournal | undefined
  readonly ttl: number
  readonly maxLength: number
  readonly onDeliveryFailure: 'keep' | 'fail'
  readonly nstart: number
  private readonly keep: boolean
  private ids: RequestIds

  constructor(
    private readonly host: ChannelsHost,
    options: QueueOptions = {},
  ) {
    this.clock = host.clock
    this.windows = host.windows
    this.journal = host.journal
    this.nstart = host.nstart
    this.ttl = options.ttl ?? DAY
    this.maxLength = options.maxLength ?? MAX_LENGTH
    this.onDeliveryFailure = options.onDeliveryFailure ?? 'keep'
    this.keep = (options.onReregister ?? 'keep') === 'keep'
    this.ids = new RequestIds(host.clock.now())
  }

  /** The channel of a registration. */
  of(registration: DeviceRegistration): DeviceChannel {
    if (registration.channel !== undefined) return registration.channel
    const channel = new DeviceChannel(registration, this)
    if (registration.ended)
      channel.close(`${registration.endpoint} registered anew or is gone`, false)
    else registration.channel = channel
    return channel
  }

  /** A registration took the place of another: what waited for the device may go on waiting. */
  replaced(registration: DeviceRegistration, previous: DeviceRegistration | undefined): void {
    const old = previous?.channel
    if (previous === undefined || old === undefined) return
    previous.channel = undefined
    const waited = old.queueLength
    const kept = old.close(`${previous.endpoint} registered anew`, this.keep)
    if (kept.length > 0) this.of(registration).adopt(kept)
    else if (waited > 0) this.host.onQueueChanged(registration.endpoint, 0)
  }

  /** A registration ended: so does everything that was to be asked. */
  removed(registration: DeviceRegistration, why: 'deregistered' | 'expired'): void {
    const { channel, endpoint } = registration
    if (channel === undefined) return
    registration.channel = undefined
    const waited = channel.queueLength
    channel.close(
      why === 'expired' ? `the registration of ${endpoint} expired` : `${endpoint} de-registered`,
      false,
    )
    if (waited > 0) this.host.onQueueChanged(endpoint, 0)
  }

  /** What waits for a device, oldest first. */
  queued(endpoint: string): QueuedRequest[] {
    const waiting = this.host.table.get(endpoint)?.channel?.waiting ?? []
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
    return this.host.table.get(endpoint)?.channel?.cancel(id) ?? 0
  }

  /** Takes up what was kept; the registrations are back already. @throws StoreError */
  async restore(): Promise<void> {
    const { journal } = this
    if (journal === undefined) return
    for await (const stored of journal.list()) {
      if (stored === undefined) continue
      this.ids = new RequestIds(this.clock.now(), stored.id)
      this.restoreOne(stored, journal)
    }
  }

  private restoreOne(stored: StoredRequest, journal: QueueJournal): void {
    const { id, endpoint, request, ticket, format, timeout } = stored
    const options: OperationOptions = { format, timeout, ticket }
    const complete = (outcome: { result: OperationResult } | { error: CodedError }): void => {
      journal.delete(id)
      this.host.onCompleted(ticket, outcome)
    }
    const fail = (error: unknown): void => complete({ error: codedError(error) })
    const registration = this.host.table.get(endpoint)
    if (registration === undefined) {
      fail(new OperationError('cancelled', `the registration of ${endpoint} expired`))
      return
    }
    this.of(registration).restore(
      id,
      request,
      options,
      stored,
      (response) => {
        const concluded = this.host
          .conclude(endpoint, request, response, options)
          .then((result) => complete({ result }), fail)
        this.clock.detach('completing a restored request', concluded)
      },
      fail,
    )
  }

  /** Where the requests of a registration go now. @throws PeerGone */
  route(registration: DeviceRegistration): Route {
    const { peer, endpoint, bound } = registration
    const coap = this.host.endpoints.of(peer)
    if (bound && coap !== undefined) return { coap, peer }
    const where = `${peer.address} port ${peer.port}`
    throw new PeerGone(
      peer,
      `${endpoint} cannot be reached at ${where} now: it has to contact the server first`,
    )
  }

  canReconnect(registration: DeviceRegistration): boolean {
    if (registration.state !== 'awaiting-handshake') return false
    return (
      this.host.handshakeTimeout !== undefined &&
      registration.binding.includes('U') &&
      !this.windows.appliesTo(registration) &&
      this.isServed(registration) &&
      this.host.endpoints.get('coaps')?.dtls !== undefined
    )
  }

  async reconnect(registration: DeviceRegistration): Promise<void> {
    const { endpoints, handshakeTimeout = 0 } = this.host
    const peer = await endpoints.get('coaps')?.dtls?.reconnect(registration.peer, handshakeTimeout)
    if (peer !== undefined && !registration.ended) this.host.onReconnected(registration, peer)
  }

  isServed(registration: DeviceRegistration): boolean {
    const { endpoint, peer } = registration
    if (this.host.endpoints.of(peer) === undefined) return false
    // Of a pinned certificate only the name is known after a restart: nothing can be told of it.
    const { kind } = peer.identity
    if (kind !== 'psk' && kind !== 'rpk') return true
    return this.host.authority.refuse(endpoint, peer.identity) === undefined
  }

  nextId(): string {
    return this.ids.next()
  }

  onQueueChanged(endpoint: string, length: number): void {
    this.host.onQueueChanged(endpoint, length)
  }

  /** Ends everything that is pending; what is in the store stays there. */
  stop(): void {
    for (const registration of this.host.table) registration.channel?.suspend()
  }
}

function codedError(error: unknown): CodedError {
  if (error instanceof CodedError) return error
  return new CodedError('internal', error instanceof Error ? error.message : String(error))
}
