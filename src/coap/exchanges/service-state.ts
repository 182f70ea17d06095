import type { Downloads } from '../blockwise/downloads'
import type { Observation } from '../observe/observation'
import type { PeerState } from '../peers'
import type { Uploads } from '../blockwise/uploads'

/** What one peer has under way with us as the answering side. */
export class ServiceState {
  uploads: Uploads | undefined = undefined
  downloads: Downloads | undefined = undefined
  /** By token, one character a byte. */
  observations: Map<string, Observation> | undefined = undefined

  constructor(public state: PeerState) {}

  /** Whether somebody counts on it (unfinished bodies expire on their own). */
  get inUse(): boolean {
    return this.observations !== undefined && this.observations.size > 0
  }

  /** Drops what is empty, itself included: idle peers keep nothing. */
  tidy(): void {
    if (this.uploads?.empty === true) this.uploads = undefined
    if (this.downloads?.empty === true) this.downloads = undefined
    if (this.observations?.size === 0) this.observations = undefined
    const empty =
      this.uploads === undefined && this.downloads === undefined && this.observations === undefined
    if (empty && this.state.service === this) this.state.service = undefined
  }
}
