import type { Peer } from '../../transport/transport'
import type { Registration } from '../types'

/** A page of a listing. */
export interface RegistrationQuery {
  /** Endpoint name or pattern (`*`, `?`); default all. */
  readonly pattern?: string
  /** Default 0. */
  readonly offset?: number
  /** Default all. */
  readonly limit?: number
}

/** The registered devices. Registrations are live objects: their properties move with the device. */
export interface RegistrationRegistry extends Iterable<Registration> {
  readonly size: number
  get(endpoint: string): Registration | undefined
  byId(id: string): Registration | undefined
  /** The device that speaks from this peer now. */
  byPeer(peer: Peer): Registration | undefined
  /** In order of endpoint registration. */
  list(query?: RegistrationQuery): Registration[]
}
