import type { Scheduler } from '../../base/scheduler'
import type { TypedEmitter } from '../../base/events'
import type { CoapEndpoint } from '../../coap/endpoint'
import { identityKey, type Peer } from '../../transport/transport'
import type { ServerWarning } from '../types'
import type { DeviceRegistration } from './device-registration'
import type { RegistrationAuthority } from './registration-authority'
import { stateOf } from './registration-changes'
import type { RegistrationEvents } from './registration-events'
import type { RegistrationRepository } from './repository'

/** After so long without a message from its old address, a device without security is taken to have left it, ms. */
const SILENCE = 5000

/** Finds the CoapEndpoint that a peer speaks to. */
export interface CoapEndpoints {
  of(peer: Peer): CoapEndpoint | undefined
}

/** Whether two peers are, as far as can be told, the same device. */
export function isSameDevice(a: Peer, b: Peer): boolean {
  if (a.secure !== b.secure) return false
  return !a.secure || identityKey(a.identity) === identityKey(b.identity)
}

/** Where registered devices are: whose message one is, and what follows a device to another peer. */
export class RegistrationPeers {
  /** Who spoke last: one message looks its registration up once. */
  private latest: DeviceRegistration | undefined

  /** @param learnAddress whether a device without security may be followed to a new address */
  constructor(
    private readonly clock: Scheduler,
    private readonly repository: RegistrationRepository,
    private readonly endpoints: CoapEndpoints,
    private readonly authority: RegistrationAuthority,
    private readonly learnAddress: boolean,
    private readonly events: Pick<TypedEmitter<RegistrationEvents>, 'emit'>,
    private readonly warn: (warning: ServerWarning) => void,
  ) {}

  /** The registration that a message below `/rd` is of, by its location or, for a Register, its peer. */
  named(id: string | undefined, peer: Peer): DeviceRegistration | undefined {
    this.latest = id === undefined ? this.repository.byPeer(peer) : this.repository.byId(id)
    return this.latest
  }

  /**
   * The registration that speaks from a peer. A new association of an identity that is one device's
   * means that the old one was lost, or this server restarted: the registration moves there.
   */
  speaker(peer: Peer): DeviceRegistration | undefined {
    const { latest } = this
    // It is bound: nobody else is at its peer.
    if (latest?.peer === peer && latest.bound && !latest.ended) return latest
    const registration = this.repository.byPeer(peer) ?? this.ofIdentity(peer)
    if (registration === undefined) return undefined
    if (registration.peer !== peer) this.move(registration, peer)
    this.latest = registration
    return registration
  }

  /** Its device has a new association, made by a handshake that this server began. */
  reconnected(registration: DeviceRegistration, peer: Peer): void {
    if (registration.peer !== peer) this.move(registration, peer)
    registration.queue?.pump()
  }

  /** A message of whatever kind came and was dealt with. */
  activity(peer: Peer): void {
    const registration = this.speaker(peer)
    if (registration === undefined) return
    registration.lastSeen = this.clock.now()
    registration.awakeWindow?.touch()
    registration.queue?.pump()
  }

  /**
   * A response or notification came from a peer that was asked nothing; `holders` observe under its
   * token. What a secured device is known by is its identity. Without security it is the token, which
   * nobody else can know: the registration moves once its old address has been silent; until then
   * only the message is taken.
   * @returns the peer it is to be taken as from
   */
  claim(peer: Peer, holders: readonly Peer[]): Peer | undefined {
    const { repository, clock, learnAddress } = this
    const present = repository.byPeer(peer)
    if (peer.secure) {
      if (present !== undefined) return undefined
      const registration = this.ofIdentity(peer) ?? this.ofHolder(peer, holders)
      if (registration === undefined) return undefined
      this.move(registration, peer)
      return peer
    }
    const [holder] = holders
    const registration = holder && repository.byPeer(holder)
    if (holder === undefined || registration === undefined || holder.secure || !learnAddress) {
      return undefined
    }
    if (present !== undefined || clock.now() - registration.lastSeen < SILENCE) return holder
    this.move(registration, peer)
    this.keepState(registration, 'a new address')
    return peer
  }

  /** A secure association ended: nothing can be sent to the device until it is back. */
  peerGone(peer: Peer): void {
    const { repository, events } = this
    const registration = repository.byPeer(peer)
    if (registration === undefined) return
    repository.unbind(registration)
    if (registration.state === 'awaiting-handshake') events.emit('disconnected', registration)
  }

  /** The one registration that a secured peer can be of. */
  private ofIdentity(peer: Peer): DeviceRegistration | undefined {
    const { repository, authority } = this
    if (!peer.secure) return undefined
    const registration = repository.byIdentity(peer)
    if (registration === undefined || authority.isShared?.(peer.identity) === true) return undefined
    return registration
  }

  /** Of those that share an identity, the one that observes under a token. */
  private ofHolder(peer: Peer, holders: readonly Peer[]): DeviceRegistration | undefined {
    for (const registration of this.repository.allByIdentity(peer)) {
      if (holders.some(({ id }) => id === registration.peer.id)) return registration
    }
    return undefined
  }

  /** What is pending, observed and block-wise at the old peer follows to the new one. */
  move(registration: DeviceRegistration, peer: Peer): void {
    const from = registration.peer
    const coap = this.endpoints.of(peer)
    const wasOnline = registration.state !== 'awaiting-handshake'
    const displaced = this.repository.move(registration, peer)
    if (displaced !== undefined) this.displace(displaced)
    coap?.migrate(from, peer)
    if (from.id !== peer.id) coap?.pin(from, false)
    coap?.pin(peer, true)
    this.events.emit('moved', registration)
    if (!wasOnline) this.events.emit('connected', registration)
  }

  /** It is in force, where its device is: puts it into the repository. */
  enter(registration: DeviceRegistration): void {
    const displaced = this.repository.add(registration)
    if (displaced !== undefined) this.displace(displaced)
    this.endpoints.of(registration.peer)?.pin(registration.peer, true)
  }

  /** Another device has this one's address now: what was on its way must not reach it there. */
  private displace(registration: DeviceRegistration): void {
    const { peer } = registration
    this.endpoints
      .of(peer)
      ?.abort(peer, `the address of ${registration.endpoint} belongs to another device now`)
  }

  /** It ended: what is under way at its peer ends, unless the peer is its successor's. */
  leave(registration: DeviceRegistration, successor: Peer | undefined): void {
    const { peer } = registration
    // Where it was displaced, the address is another device's; an association that ended is nobody's.
    if (!registration.bound && !peer.secure) return
    const coap = this.endpoints.of(peer)
    coap?.abort(peer, `${registration.endpoint} registered anew or is gone`)
    if (successor?.id !== peer.id) coap?.pin(peer, false)
  }

  /** Writes what a registration has become; nobody waits for it. */
  keepState(registration: DeviceRegistration, what: string): void {
    this.repository.keep(registration, stateOf(registration)).catch((error: unknown) => {
      this.warn({
        code: 'store-failed',
        message: `${what} could not be kept: ${String(error)}`,
        endpoint: registration.endpoint,
      })
    })
  }

  /** Whether a device answers a ping; it is given one retransmission. */
  async answersPing({ peer }: DeviceRegistration): Promise<boolean> {
    try {
      await this.endpoints.of(peer)?.ping(peer, { maxRetransmit: 1 })
      return this.endpoints.of(peer) !== undefined
    } catch {
      return false
    }
  }
}
