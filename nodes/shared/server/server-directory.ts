import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { ManagedServer, ServerDirectory as Directory } from '../../admin/directory'
import type { ServerHost } from './server-host'

/** The deployed config nodes, for the admin API. */
export class ServerDirectory implements Directory {
  private readonly hosts = new Map<string, { readonly name: string; readonly host: ServerHost }>()
  /** Stands for the server of a node whose settings are so wrong that none could be made. */
  private readonly nobody = new Lwm2mServer({ coap: false })

  add(id: string, name: string, host: ServerHost): void {
    this.hosts.set(id, { name, host })
  }

  /** A deploy makes the new node before or after the old one is gone: only its own entry goes. */
  remove(id: string, host: ServerHost): void {
    if (this.hosts.get(id)?.host === host) this.hosts.delete(id)
  }

  list(): ManagedServer[] {
    return [...this.hosts.keys()].flatMap((id) => this.get(id) ?? [])
  }

  get(id: string): ManagedServer | undefined {
    const found = this.hosts.get(id)
    if (found === undefined) return undefined
    const { name, host } = found
    const { state } = host
    const engine = host.engine?.server ?? this.nobody
    if (state.kind === 'failed') {
      return { id, name, state: 'failed', error: state.error.message, engine }
    }
    return { id, name, state: state.kind === 'running' ? 'running' : 'starting', engine }
  }
}
