import { systemClock } from '../../../src/base/clock'
import { lastResort } from '../../../src/base/guard'
import { Scheduler, type Timer } from '../../../src/base/scheduler'
import { Lwm2mServer } from '../../../src'
import { MemoryStore } from '../../../src/storage'
import type { ManagedServer, ServerDirectory } from '../../admin/directory'
import type { FlowsLifecycle } from '../runtime/flows-lifecycle'
import { type HostConfiguration, type HostState, ServerHost } from './server-host'
import { storeRescue } from './store-rescue'

interface Entry {
  name: string
  readonly host: ServerHost
  /** Whether a config node stands for it; none does from its closing to its making anew. */
  deployed: boolean
}

/** The servers of this Node-RED, by the ids of their config nodes. */
export class Servers implements ServerDirectory {
  private readonly entries = new Map<string, Entry>()
  /** State of servers without a disk store: it outlives restarts of a server, but not the process. */
  private readonly memory = new Map<string, MemoryStore>()
  /** Stands for the server of a node whose settings are so wrong that none could be made. */
  private readonly nobody = new Lwm2mServer({ coap: false })
  private readonly scheduler = new Scheduler(systemClock, lastResort)

  constructor(private readonly lifecycle: FlowsLifecycle) {
    lifecycle.onStarted(() => this.deployEnded())
  }

  /** A config node was made, perhaps in the place of one whose server still runs. */
  deploy(id: string, name: string, configuration: HostConfiguration): ServerHost {
    const entry = this.entries.get(id)
    if (entry !== undefined) {
      Object.assign(entry, { name, deployed: true })
      entry.host.redeploy(configuration)
      return entry.host
    }
    const host = new ServerHost(configuration, this.lifecycle)
    this.entries.set(id, { name, host, deployed: true })
    host.start()
    return host
  }

  /**
   * A config node was closed: the server stays for the next one where the deploy under way has that.
   * @param before what a server that stops waits for
   * @returns once the ports of one that stops are free
   */
  async release(
    id: string,
    configuration: HostConfiguration,
    removed: boolean,
    before: () => Promise<void>,
  ): Promise<void> {
    const entry = this.entries.get(id)
    // A deploy may make the new node before the old one is closed.
    if (entry === undefined || !entry.host.hasConfiguration(configuration)) return
    if (!removed && this.lifecycle.comesBack(id)) {
      entry.deployed = false
      return
    }
    this.entries.delete(id)
    if (removed) this.forget(id)
    await before()
    await entry.host.stop()
  }

  /** The memory store of a config node. */
  memoryStore(id: string): MemoryStore {
    let store = this.memory.get(id)
    if (store === undefined) this.memory.set(id, (store = new MemoryStore()))
    return store
  }

  /** Forgets the state that a config node had in memory. */
  forget(id: string): void {
    this.memory.delete(id)
  }

  list(): ManagedServer[] {
    return [...this.entries.keys()].flatMap((id) => this.get(id) ?? [])
  }

  get(id: string): ManagedServer | undefined {
    const found = this.entries.get(id)
    if (found === undefined) return undefined
    const { name, host } = found
    const { state } = host
    const engine = host.engine?.server ?? this.nobody
    if (state.kind === 'failed') {
      const rescue = storeRescue(host)
      const { message } = state.error
      return { id, name, state: 'failed', error: message, engine, ...(rescue && { rescue }) }
    }
    return { id, name, state: state.kind === 'running' ? 'running' : 'starting', engine }
  }

  /**
   * Resolves when no server is about to start any more (it runs, or it cannot): what a virtual device
   * does best to wait for, since its server is often the one beside it.
   * @param patience milliseconds after which it resolves anyway
   */
  async settled(patience: number): Promise<void> {
    const all = [...this.entries.values()].map(({ host }) => settled(host))
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => {
      timer = this.scheduler.after(patience, () => resolve())
    })
    await Promise.race([Promise.all(all), late])
    this.scheduler.cancel(timer)
  }

  /** All nodes of a deploy are there: a server that none of them took stops. */
  private deployEnded(): void {
    for (const [id, { host, deployed }] of this.entries) {
      host.handover.abandonAll()
      if (deployed) continue
      this.entries.delete(id)
      this.scheduler.detach('stopping a server', host.stop())
    }
  }
}

function settled(host: ServerHost): Promise<void> {
  return new Promise((resolve) => {
    if (host.state.kind !== 'starting') return resolve()
    const leave = host.use({
      onState: ({ kind }: HostState): void => {
        if (kind === 'starting') return
        leave()
        resolve()
      },
    })
  })
}
