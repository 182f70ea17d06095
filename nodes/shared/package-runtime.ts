import { PendingDeregistrations } from './device/pending-deregistrations'
import { FlowsLifecycle } from './runtime/flows-lifecycle'
import type { NodeAPI } from './runtime/red'
import { Servers } from './server/servers'

/** What the nodes of this package share within one Node-RED. */
export class PackageRuntime {
  readonly lifecycle: FlowsLifecycle
  readonly servers: Servers
  readonly deregistrations = new PendingDeregistrations()

  constructor({ events, settings }: Pick<NodeAPI, 'events' | 'settings'>) {
    const { runtimeSyncDelivery } = settings as { readonly runtimeSyncDelivery?: unknown }
    this.lifecycle = new FlowsLifecycle(events, runtimeSyncDelivery === true)
    this.servers = new Servers(this.lifecycle)
  }
}

/** By the event emitter: Node-RED gives each node file a `RED` of its own, but the same emitter. */
const runtimes = new WeakMap<object, PackageRuntime>()

/** The runtime of a Node-RED. To be called when a node file is loaded, before any flow starts. */
export function runtimeOf(RED: Pick<NodeAPI, 'events' | 'settings'>): PackageRuntime {
  let runtime = runtimes.get(RED.events)
  if (runtime === undefined) runtimes.set(RED.events, (runtime = new PackageRuntime(RED)))
  return runtime
}
