import { type Clock, systemClock } from '../../../src/base/clock'
import { lastResort } from '../../../src/base/guard'
import { Scheduler, type Timer } from '../../../src/base/scheduler'
import type { NodeAPI } from './red'
import type { SavedDefinition } from './settings'

/** After so long a deploy is over even if Node-RED never said so (it had missing types), ms. */
const LONGEST_DEPLOY = 30_000

/** What a deploy changes: ids of nodes and flows. */
interface Difference {
  readonly [kind: string]: readonly string[] | boolean | undefined
}

/** What Node-RED says with its events about flows; `config` is a new object for each deploy. */
interface FlowsEvent {
  readonly config?: { readonly flows?: readonly SavedDefinition[] }
  readonly type?: string
  readonly diff?: Difference
}

/** As Node-RED stops them, by the type of the deploy. */
const STOPPED: { readonly [type: string]: readonly string[] } = {
  nodes: ['changed', 'removed'],
  flows: ['changed', 'removed', 'linked', 'rewired'],
}
/** Flows that are stopped as a whole. */
const STOPPED_FLOWS = ['flowChanged', 'added', 'removed']

/** A node by its connections. */
export interface WiredNode {
  readonly z?: string
  readonly wires?: readonly (readonly string[])[]
}

/**
 * Where Node-RED is in the life of its flows. A node that is closed hears whether it was removed, but
 * not whether Node-RED stops or makes it anew in a moment, perhaps with other properties.
 */
export class FlowsLifecycle {
  /** The flows that run. */
  private current: FlowsEvent['config']
  /** Those of the deploy under way, from the closing of the old nodes to the end. */
  private coming: FlowsEvent['config']
  private stopping: FlowsEvent = {}
  private readonly scheduler: Scheduler
  private timer: Timer | undefined
  private readonly stoppingListeners = new Set<() => void>()
  private readonly startedListeners = new Set<() => void>()

  /** @param isSync whether a message is delivered within `node.send` (`runtimeSyncDelivery`) */
  constructor(
    events: Pick<NodeAPI['events'], 'on'>,
    private readonly isSync = false,
    clock: Clock = systemClock,
  ) {
    const scheduler = new Scheduler(clock, lastResort)
    this.scheduler = scheduler
    const stopping = (event: FlowsEvent = {}): void => {
      this.stopping = event
      this.coming = event.config === this.current ? undefined : event.config
      if (this.coming !== undefined) this.begin()
      for (const listener of [...this.stoppingListeners]) listener()
    }
    events.on('flows:stopping', scheduler.entry('flows:stopping', stopping))
    const starting = ({ config }: FlowsEvent = {}): void => {
      this.current = config
      this.begin()
    }
    events.on('flows:starting', scheduler.entry('flows:starting', starting))
    const started = ({ config }: FlowsEvent = {}): void => {
      this.current = config
      this.end()
    }
    events.on('flows:started', scheduler.entry('flows:started', started))
  }

  /** Whether nodes are being closed and made now. */
  get deploying(): boolean {
    return this.timer !== undefined
  }

  /** What the deploy under way says of a node; undefined where that has none, or there is no deploy. */
  next(id: string): SavedDefinition | undefined {
    return this.coming?.flows?.find((node) => node.id === id)
  }

  /** Whether the deploy under way makes this node anew. */
  comesBack(id: string): boolean {
    const next = this.next(id)
    if (next === undefined || next['d'] === true) return false
    const tab = this.coming?.flows?.find((node) => node.id === next['z'])
    return tab?.['disabled'] !== true
  }

  /** Calls back before the nodes of a deploy are closed; returns what stops that. */
  onStopping(listener: () => void): () => void {
    this.stoppingListeners.add(listener)
    return () => void this.stoppingListeners.delete(listener)
  }

  /** Calls back at the end of each deploy, when all its nodes are there; returns what stops that. */
  onStarted(listener: () => void): () => void {
    this.startedListeners.add(listener)
    return () => void this.startedListeners.delete(listener)
  }

  /** Resolves when all nodes of the deploy under way are there. */
  started(): Promise<void> {
    if (!this.deploying) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = this.onStarted(() => {
        stop()
        resolve()
      })
    })
  }

  /**
   * Whether messages that a node has just sent are dropped by Node-RED, because all that receive them
   * are about to be closed.
   */
  dropsMessagesOf({ z, wires = [] }: WiredNode): boolean {
    if (this.isSync) return false
    const { type = 'full', diff = {} } = this.stopping
    const kinds = STOPPED[type]
    const among = (kind: string, id: string): boolean => {
      const ids = diff[kind]
      return Array.isArray(ids) && ids.includes(id)
    }
    if (kinds === undefined) return true
    if (z !== undefined && STOPPED_FLOWS.some((kind) => among(kind, z))) return true
    return wires.flat().every((id) => kinds.some((kind) => among(kind, id)))
  }

  private begin(): void {
    this.scheduler.cancel(this.timer)
    this.timer = this.scheduler.after(LONGEST_DEPLOY, () => this.end())
  }

  private end(): void {
    this.scheduler.cancel(this.timer)
    this.timer = undefined
    this.coming = undefined
    for (const listener of [...this.startedListeners]) listener()
  }
}
