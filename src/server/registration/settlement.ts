import type { DeviceRegistration } from './device-registration'

/** What is to be done once the reply to a registration request was sent. */
export interface SettlementHost {
  /** The 2.01 was sent. */
  onRegistrationSettled(registration: DeviceRegistration): void
  /** The 2.04 was sent. */
  onUpdateSettled(registration: DeviceRegistration, objectsChanged: boolean): void
}

const REGISTERED = 1
const OBJECTS_CHANGED = 2

/**
 * Holds back what is to be asked of a device until its own request has been answered: a client takes
 * no requests before it knows that it is registered. Replies are sent when their handler ends, so
 * that the next turn of the event loop is after them. One for all devices: no timer, no closure each.
 */
export class Settlement {
  private waiting = new Map<DeviceRegistration, number>()

  constructor(private readonly host: SettlementHost) {}

  registered(registration: DeviceRegistration): void {
    this.add(registration, REGISTERED)
  }

  updated(registration: DeviceRegistration): void {
    this.add(registration, 0)
  }

  objectsChanged(registration: DeviceRegistration): void {
    this.add(registration, OBJECTS_CHANGED)
  }

  private add(registration: DeviceRegistration, what: number): void {
    registration.settling = true
    if (this.waiting.size === 0) setImmediate(this.run)
    this.waiting.set(registration, (this.waiting.get(registration) ?? 0) | what)
  }

  private readonly run = (): void => {
    const { waiting } = this
    this.waiting = new Map()
    for (const registration of waiting.keys()) registration.settling = false
    for (const [registration, what] of waiting) {
      if (registration.ended) continue
      if ((what & REGISTERED) !== 0) this.host.onRegistrationSettled(registration)
      else this.host.onUpdateSettled(registration, (what & OBJECTS_CHANGED) !== 0)
      registration.channel?.pump()
    }
  }
}
