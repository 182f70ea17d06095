import { isDeepStrictEqual } from 'node:util'
import { CodedError } from '../../../src/base/coded-error'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type {
  ObserveRequest,
  OperationResult,
  Registration,
  Subscription,
} from '../../../src/server/types'
import { Feed } from '../runtime/feed'
import type { Parked } from '../server/handover'
import { observeRequest, type Wish, type WishDefaults, wishKey } from './observe-wish'

/** Told of the first outcome of a new wish, in place of the flow; then forgotten. */
export interface FirstOutcome {
  onValue(result: OperationResult): void
  /** The wish is given up. */
  onError(error: CodedError): void
}

/** What comes of a wish. */
export type Report = { readonly wish: Wish } & (
  | {
      readonly server: Lwm2mServer
      readonly result: OperationResult
      readonly registration: Registration
    }
  | { readonly endpoint: string; readonly error: unknown }
)

interface Active {
  readonly wish: Wish
  first: FirstOutcome | undefined
  request: ObserveRequest | undefined
  subscription: Subscription | undefined
  /** Devices observed for it now. */
  count: number
}

/** Tells who still waits for the first outcome that there will be none. */
function giveUp(active: Active, why: string): void {
  const { first } = active
  active.first = undefined
  first?.onError(new CodedError('cancelled', why))
}

/**
 * The subscriptions of one node. They outlive the node when a deploy makes it anew: what devices report
 * in between is kept for its next self, so that none is lost and none comes twice.
 */
export class NodeSubscriptions implements Parked {
  readonly reports = new Feed<Report>()
  /** Called when the number of observed devices may have changed. */
  onCount: () => void = () => {}
  /** Whether the wishes that were kept with the server are among these. */
  restored = false
  private readonly active = new Map<string, Active>()
  private server: Lwm2mServer | undefined

  /** @param defaults what all wishes have in common */
  constructor(private defaults: WishDefaults) {}

  /** The node has, perhaps, other defaults now; they take effect with {@link attach}. */
  configure(defaults: WishDefaults): void {
    this.defaults = defaults
  }

  get wishes(): Wish[] {
    return [...this.active.values()].map(({ wish }) => wish)
  }

  has(wish: Wish): boolean {
    return this.active.has(wishKey(wish))
  }

  /** The most devices that are observed for one wish. */
  get devices(): number {
    let devices = 0
    for (const { count } of this.active.values()) devices = Math.max(devices, count)
    return devices
  }

  /** Whether anything is observed for a wish whose first outcome is still awaited. */
  awaits(wish: Wish, first: FirstOutcome): boolean {
    const active = this.active.get(wishKey(wish))
    return active?.first === first && active.count > 0
  }

  /** Takes back who awaits the first outcome of a wish; false where somebody else was faster. */
  withdraw(wish: Wish, first: FirstOutcome): boolean {
    const active = this.active.get(wishKey(wish))
    if (active?.first !== first) return false
    active.first = undefined
    return true
  }

  /** Adds a wish; one of the same target and paths is replaced. @throws what `observe` throws */
  add(wish: Wish, first?: FirstOutcome): void {
    const key = wishKey(wish)
    const former = this.active.get(key)
    former?.subscription?.close()
    if (former !== undefined) giveUp(former, 'another request observes the same')
    const active: Active = {
      wish,
      first,
      request: undefined,
      subscription: undefined,
      count: 0,
    }
    this.active.set(key, active)
    try {
      if (this.server !== undefined) this.begin(this.server, active)
    } catch (error) {
      this.active.delete(key)
      throw error
    }
  }

  /** Ends the wishes that `matches` picks. Answers how many. */
  remove(matches: (wish: Wish) => boolean): number {
    let removed = 0
    for (const [key, active] of this.active) {
      if (!matches(active.wish)) continue
      active.subscription?.close()
      this.active.delete(key)
      giveUp(active, 'the observation was cancelled')
      removed++
    }
    return removed
  }

  /** Makes all wishes true on a server that runs; those that are, as they should be, stay. */
  attach(server: Lwm2mServer): void {
    const same = this.server === server
    if (!same) this.detach('release')
    this.server = server
    for (const active of this.active.values()) {
      const former = active.subscription
      if (same && isDeepStrictEqual(active.request, observeRequest(active.wish, this.defaults))) {
        continue
      }
      try {
        this.begin(server, active)
      } catch (error) {
        this.reports.push({ wish: active.wish, endpoint: active.wish.target, error })
      }
      // Not before the new one: the device would be told that nobody observes any more.
      former?.release()
    }
  }

  /** @param how `release`: the node, or the server, is just being made anew */
  detach(how: 'close' | 'release'): void {
    this.server = undefined
    for (const active of this.active.values()) {
      active.subscription?.[how]()
      active.subscription = undefined
      active.request = undefined
      active.count = 0
    }
  }

  abandon(): void {
    this.detach('release')
  }

  private begin(server: Lwm2mServer, active: Active): void {
    const { wish } = active
    const { reports } = this
    active.count = 0
    active.request = observeRequest(wish, this.defaults)
    active.subscription = server.observe(active.request, {
      onValue: (result, registration) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) reports.push({ wish, server, result, registration })
        else first.onValue(result)
      },
      onError: (endpoint, error) => {
        const { first } = active
        active.first = undefined
        if (first === undefined) return reports.push({ wish, endpoint, error })
        this.remove((one) => one === wish)
        first.onError(error)
      },
      onCount: (count) => {
        active.count = count
        this.onCount()
      },
    })
  }
}
