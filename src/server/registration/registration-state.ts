import type { Peer } from '../../transport/transport'
import type { ObjectList } from './object-lists'

/** What an Update may change, and what is written with it. */
export interface RegistrationState {
  readonly peer: Peer
  readonly list: ObjectList
  readonly lifetime: number
  readonly binding: string
  readonly queueMode: boolean
  readonly sms: string | undefined
  readonly profileId: string | undefined
  readonly attributes: { readonly [name: string]: string }
  readonly updatedAt: number
  readonly durableUntil: number
}
