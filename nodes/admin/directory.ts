import type { Lwm2mServer } from '../../src'
import type { StoreCopy } from '../../src/storage'
import type { StoreAction, StoreOutcome } from './contract'

/** What can be done about the store of a server that does not run because of it. */
export interface StoreRescue {
  readonly actions: readonly StoreAction[]
  /** The server starts afterwards. @throws StoreError */
  repair(): Promise<StoreOutcome>
  /** The server starts afterwards. @throws StoreError */
  empty(): Promise<StoreOutcome>
  /** To be removed by the caller. @throws StoreError */
  export(): Promise<StoreCopy>
}

/** A config node as the admin API sees it. */
export interface ManagedServer {
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'starting' | 'failed'
  /** Why it failed. */
  readonly error?: string
  /** Where it failed for its store, and something can be done about that. */
  readonly rescue?: StoreRescue
  readonly engine: Lwm2mServer
}

/** The deployed config nodes, kept by `lwm2m-server`. */
export interface ServerDirectory {
  list(): ManagedServer[]
  get(id: string): ManagedServer | undefined
}
