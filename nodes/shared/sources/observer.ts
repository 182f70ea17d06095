import { CodedError } from '../../../src/base/coded-error'
import { Serial } from '../../../src/base/serial'
import { Path } from '../../../src/lwm2m/path'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { OperationResult, Registration, Subscription } from '../../../src/server/types'
import { countStatus, serverStatus } from '../status/device-status'
import { readPaths } from '../actions/read-paths'
import type { Engine } from '../server/engine'
import { failureStatus, toCodedError } from '../messages/failure'
import { type PayloadKeys, singleValueText, valueMessage } from '../messages/messages'
import { resourceLookup } from '../messages/names'
import {
  observeRequest,
  restoreWishes,
  type Wish,
  type WishDefaults,
  wishKey,
} from './observe-wish'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { HostState } from '../server/server-host'
import { findHost } from '../server/server-node'
import type { StatusContent, StatusLine } from '../status/status-line'

/** Told of the first outcome of a new wish, in place of the flow; then forgotten. */
export interface FirstOutcome {
  onValue(result: OperationResult): void
  /** The wish is given up. */
  onError(error: CodedError): void
}

export interface ObserverOptions {
  readonly defaults: WishDefaults
  readonly keys: PayloadKeys
  /** Keeps the wishes with the state of the server, so that those made by messages survive. */
  readonly kept: boolean
  /** Passes a value on. */
  emit(message: NodeMessage): void
  /** Where the state is shown; left out where the node has more to show. */
  readonly status?: StatusLine
}

interface Active {
  readonly wish: Wish
  first: FirstOutcome | undefined
  subscription: Subscription | undefined
  /** Devices observed for it now. */
  count: number
}

/**
 * What one `lwm2m-observe` node wants to know: its wishes, made true whenever the server runs. Values
 * become messages; a refusal becomes an error that Catch nodes see, and the wish stays.
 */
export class Observer {
  private readonly active = new Map<string, Active>()
  private server: Lwm2mServer | undefined
  private state: HostState = { kind: 'stopped' }
  /** The last value, while one device is observed. */
  private latest: StatusContent | undefined
  private readonly changes = new Serial()
  private restored = false
  /** What was ended before the kept wishes were there. */
  private readonly early: ((wish: Wish) => boolean)[] = []
  private closed = false

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    serverId: string,
    private readonly options: ObserverOptions,
  ) {
    const host = findHost(RED, serverId)
    if (host === undefined) {
      const text = sharedText(RED, 'failure.no-server')
      options.status?.show({ fill: 'red', shape: 'ring', text })
    }
    const leave = host?.use({ onState: (state) => this.onState(state) }, node)
    node.on('close', (removed: boolean, done: () => void) => {
      this.closed = true
      const { state } = this
      leave?.()
      this.detach(removed ? 'close' : 'release')
      options.status?.close()
      if (!removed || !options.kept || state.kind !== 'running') return done()
      state.engine.notes.keep(node.id, undefined).then(done, done)
    })
  }

  /** The wishes there are. */
  list(): Wish[] {
    return [...this.active.values()].map(({ wish }) => wish)
  }

  /** Adds a wish; one of the same target and paths is replaced. @throws what `observe` throws */
  add(wish: Wish, first?: FirstOutcome): void {
    const key = wishKey(wish)
    this.active.get(key)?.subscription?.close()
    const active: Active = { wish, first, subscription: undefined, count: 0 }
    this.active.set(key, active)
    try {
      if (this.server !== undefined) {
        this.begin(this.server, active)
        if (first !== undefined) void this.readFirst(this.server, active, first)
      }
    } catch (error) {
      this.active.delete(key)
      throw error
    }
    this.keep()
    this.showCount()
  }

  /**
   * A wish that joins an observation of others hears at once what came last. After a restart nothing
   * has come yet, and may not for hours: then the device is asked.
   */
  private async readFirst(server: Lwm2mServer, active: Active, first: FirstOutcome): Promise<void> {
    const { wish } = active
    await new Promise((resolve) => setImmediate(resolve))
    if (active.first !== first || active.count === 0) return
    const outcome = await readPaths(server, wish.target, wish.paths).catch(toCodedError)
    if (active.first !== first) return
    active.first = undefined
    if (!(outcome instanceof CodedError)) return first.onValue(outcome)
    this.remove((one) => one === wish)
    first.onError(outcome)
  }

  /** Ends the wishes that `matches` picks. Answers how many. */
  remove(matches: (wish: Wish) => boolean): number {
    let removed = 0
    if (!this.restored) this.early.push(matches)
    for (const [key, { wish, subscription }] of this.active) {
      if (!matches(wish)) continue
      subscription?.close()
      this.active.delete(key)
      removed++
    }
    this.keep()
    this.showCount()
    return removed
  }

  /** Brings back, once, what was wanted before the node was made anew. */
  private async restore({ notes }: Engine): Promise<void> {
    if (this.restored) return
    this.restored = true
    for (const wish of restoreWishes(await notes.recall(this.node.id))) {
      const gone = this.early.some((matches) => matches(wish))
      if (!gone && !this.active.has(wishKey(wish))) this.add(wish)
    }
  }

  /** In order, so that what is kept last is what is wanted last. */
  private keep(): void {
    const { state } = this
    if (!this.options.kept || state.kind !== 'running') return
    const { engine } = state
    this.changes
      .run(async () => {
        if (this.closed) return
        await this.restore(engine)
        await engine.notes.keep(this.node.id, this.list())
      })
      .catch((error: unknown) => this.node.warn(toCodedError(error).message))
  }

  private onState(state: HostState): void {
    this.state = state
    this.detach('release')
    if (state.kind === 'running') {
      this.server = state.engine.server
      for (const active of this.active.values()) {
        try {
          this.begin(this.server, active)
        } catch (error) {
          this.fail(active.wish, active.wish.target, error)
        }
      }
      this.keep()
    }
    this.showCount()
  }

  /** @param how `release`: this node, or the server, is just being made anew */
  private detach(how: 'close' | 'release'): void {
    this.server = undefined
    for (const active of this.active.values()) {
      active.subscription?.[how]()
      active.subscription = undefined
      active.count = 0
    }
  }

  private begin(server: Lwm2mServer, active: Active): void {
    const { wish } = active
    const paths = wish.paths.map(Path.from)
    active.subscription = server.observe(observeRequest(wish, this.options.defaults), {
      onValue: (result, registration) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) this.onValue(server, wish, result, registration, paths)
        else first.onValue(result)
      },
      onError: (endpoint, error) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) return this.fail(wish, endpoint, error)
        this.remove((one) => one === wish)
        first.onError(error)
      },
      onCount: (count) => {
        active.count = count
        this.showCount()
      },
    })
  }

  private onValue(
    server: Lwm2mServer,
    wish: Wish,
    result: OperationResult,
    registration: Registration,
    paths: readonly Path[],
  ): void {
    const { model } = server
    const { status, keys } = this.options
    const context = { model, registration, keys }
    this.options.emit(valueMessage({ ...wish.message }, result, paths, context))
    if (status === undefined || this.devices() > 1) return
    const text = singleValueText(result.records, resourceLookup(model, registration))
    if (text === undefined) return
    this.latest = { fill: 'green', shape: 'dot', text, since: Date.now() }
    status.show(this.latest)
  }

  private fail(wish: Wish, endpoint: string, thrown: unknown): void {
    const error = toCodedError(thrown)
    if (this.devices() <= 1) this.options.status?.show(failureStatus(this.RED, error))
    const path = wish.paths.length === 1 ? wish.paths[0] : [...wish.paths]
    this.node.error(error, {
      ...wish.message,
      endpoint,
      path,
      topic: `${endpoint}${wish.paths[0] ?? ''}`,
    })
  }

  private devices(): number {
    let devices = 0
    for (const { count } of this.active.values()) devices = Math.max(devices, count)
    return devices
  }

  private showCount(): void {
    const content = serverStatus(this.RED, this.state)
    if (content !== undefined) this.options.status?.show(content)
    else if (this.state.kind === 'running') {
      const devices = this.devices()
      const latest = devices === 1 ? this.latest : undefined
      this.options.status?.show(latest ?? countStatus(this.RED, devices))
    }
  }
}
