import type { RegistrationChange } from '../types'
import type { DeviceRegistration } from './device-registration'

/** What becomes of registrations, told from within the message that causes it. */
export interface RegistrationEvents {
  /** In force; the reply is not sent yet. */
  registered: [registration: DeviceRegistration, previous: DeviceRegistration | undefined]
  updated: [registration: DeviceRegistration, change: RegistrationChange]
  /** It has another address or association; the message that said so is still to be dealt with. */
  moved: [registration: DeviceRegistration]
  /** Its association ended. */
  disconnected: [registration: DeviceRegistration]
  /** It was `awaiting-handshake` and has a new association. */
  connected: [registration: DeviceRegistration]
  /** Not in the repository any more. */
  removed: [registration: DeviceRegistration, why: 'deregistered' | 'expired']
}
