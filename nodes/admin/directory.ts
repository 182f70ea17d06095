import type { Lwm2mServer } from '../../src/server/lwm2m-server'

/** A config node as the admin API sees it. */
export interface ManagedServer {
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'starting' | 'failed'
  /** Why it failed. */
  readonly error?: string
  readonly engine: Lwm2mServer
}

/** The deployed config nodes, kept by `lwm2m-server`. */
export interface ServerDirectory {
  list(): ManagedServer[]
  get(id: string): ManagedServer | undefined
}
