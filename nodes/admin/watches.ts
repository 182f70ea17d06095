import { type Clock, systemClock } from '../../src/base/clock'
import { lastResort } from '../../src/base/guard'
import { Scheduler } from '../../src/base/scheduler'
import type { Lwm2mServer, Subscription } from '../../src'
import type { ValueInfo, ValueUpdates, WatchList } from './contract'
import { valueInfos } from './values'

/** A watcher that has not polled for so long has gone: a closed tab says nothing. */
const LAPSE = 30_000
const MAX_WATCHERS = 50
const MAX_PATHS = 50

interface Watch {
  readonly engine: Lwm2mServer
  readonly endpoint: string
  readonly subscriptions: Map<string, Subscription>
  readonly values: Map<string, { readonly info: ValueInfo; readonly seq: number }>
  readonly errors: Map<string, string>
  polledAt: number
}

/**
 * The values that editors want to see live. Each watcher (a dialog, a sidebar) holds observations
 * like any flow node does, so that looking costs the device no second observation; they end when
 * the watcher stops polling.
 */
export class Watches {
  private readonly watches = new Map<string, Watch>()
  private seq = 0

  private readonly clock: Scheduler

  constructor(clock: Clock = systemClock) {
    this.clock = new Scheduler(clock, lastResort)
  }

  /** Sets the paths of a watcher, replacing what it watched before. None ends it. */
  set(watcher: string, engine: Lwm2mServer, endpoint: string, paths: readonly string[]): WatchList {
    this.expire()
    let watch = this.watches.get(watcher)
    if (watch !== undefined && (watch.endpoint !== endpoint || watch.engine !== engine)) {
      this.end(watcher)
      watch = undefined
    }
    if (paths.length === 0) {
      this.end(watcher)
      return { paths: [], errors: {} }
    }
    if (watch === undefined) {
      if (this.watches.size >= MAX_WATCHERS) this.end(this.longestSilent())
      watch = {
        engine,
        endpoint,
        subscriptions: new Map(),
        values: new Map(),
        errors: new Map(),
        polledAt: 0,
      }
      this.watches.set(watcher, watch)
    }
    watch.polledAt = this.clock.monotonic()
    const wanted = new Set(paths.slice(0, MAX_PATHS))
    for (const [path, subscription] of watch.subscriptions) {
      if (wanted.has(path)) continue
      subscription.close()
      watch.subscriptions.delete(path)
      watch.errors.delete(path)
    }
    for (const path of wanted) this.subscribe(watch, path)
    this.arm()
    return { paths: [...wanted], errors: Object.fromEntries(watch.errors) }
  }

  /** What changed since `cursor`; undefined when the watcher is not known (any more). */
  poll(watcher: string, cursor: number): ValueUpdates | undefined {
    this.expire()
    const watch = this.watches.get(watcher)
    if (watch === undefined) return undefined
    watch.polledAt = this.clock.monotonic()
    return {
      cursor: this.seq,
      values: [...watch.values.values()].filter(({ seq }) => seq > cursor).map(({ info }) => info),
      errors: Object.fromEntries(watch.errors),
    }
  }

  /** Ends all watches, of one engine or of all: its server stops. */
  close(engine?: Lwm2mServer): void {
    for (const [watcher, watch] of this.watches) {
      if (engine === undefined || watch.engine === engine) this.end(watcher)
    }
  }

  private subscribe(watch: Watch, path: string): void {
    if (watch.subscriptions.has(path)) return
    const { engine, endpoint } = watch
    const subscription = engine.observe(
      { target: endpoint, paths: [path] },
      {
        onValue: (result, registration) => {
          watch.errors.delete(path)
          const seq = ++this.seq
          for (const info of valueInfos(engine.model, registration, result, this.clock.now())) {
            watch.values.set(info.path, { info, seq })
          }
        },
        onError: (_endpoint, error) => watch.errors.set(path, error.message),
      },
    )
    watch.subscriptions.set(path, subscription)
  }

  private end(watcher: string): void {
    const watch = this.watches.get(watcher)
    if (watch === undefined) return
    this.watches.delete(watcher)
    for (const subscription of watch.subscriptions.values()) subscription.close()
  }

  private longestSilent(): string {
    let oldest = ''
    let at = Infinity
    for (const [watcher, watch] of this.watches) {
      if (watch.polledAt < at) [oldest, at] = [watcher, watch.polledAt]
    }
    return oldest
  }

  private expire(): void {
    const now = this.clock.monotonic()
    for (const [watcher, watch] of this.watches) {
      if (now - watch.polledAt > LAPSE) this.end(watcher)
    }
  }

  private armed = false

  /** One timer while there are watchers, so that the last one's observations end too. */
  private arm(): void {
    if (this.armed) return
    this.armed = true
    this.clock.after(LAPSE, () => {
      this.armed = false
      this.expire()
      if (this.watches.size > 0) this.arm()
    })
  }
}
