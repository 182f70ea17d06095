import { type Clock, systemClock } from '../../../src/base/clock'
import type { Scheduler, Timer } from '../../../src/base/scheduler'
import { schedulerOf } from '../runtime/entries'
import type { Node, NodeAPI, NodeStatus } from '../runtime/red'
import { sharedText } from '../runtime/red'

/** Longest status text, in characters: longer ones run into the neighbouring nodes. */
const MAX_TEXT = 20
/** Status changes of one node are at least so far apart, ms; the last one always comes through. */
const MIN_INTERVAL = 250
/** How often ages ("12 s ago") move on, ms. */
const AGE_INTERVAL = 5_000

/** What a node shows below itself. */
export interface StatusContent {
  readonly fill: NonNullable<NodeStatus['fill']>
  readonly shape: NonNullable<NodeStatus['shape']>
  readonly text: string
  /** Milliseconds since the epoch: the age of the value is shown behind the text. */
  readonly since?: number
}

/** The status of one node: coalesced, never longer than fits, with ages that move on. */
export class StatusLine {
  private content: StatusContent | undefined
  private shown = ''
  private shownAt = -Infinity
  private timer: Timer | undefined
  /** When the timer fires, monotonic ms. */
  private dueAt = 0
  private closed = false
  private readonly scheduler: Scheduler

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Pick<Node, 'status' | 'warn'>,
    clock: Clock = systemClock,
  ) {
    this.scheduler = schedulerOf(node, clock)
  }

  show(content: StatusContent): void {
    this.content = content
    this.schedule()
  }

  clear(): void {
    this.content = undefined
    this.schedule()
  }

  /** Shows nothing any more: Node-RED clears the status of a closed node itself. */
  close(): void {
    this.closed = true
    this.scheduler.cancel(this.timer)
  }

  private schedule(): void {
    if (this.closed) return
    const wait = this.shownAt + MIN_INTERVAL - this.scheduler.monotonic()
    if (wait <= 0) this.publish()
    else this.arm(wait)
  }

  /** Publishes in `ms`, or earlier where that is due already. Cheap when called for every value. */
  private arm(ms: number): void {
    const at = this.scheduler.monotonic() + ms
    if (this.timer !== undefined && this.dueAt <= at) return
    this.scheduler.cancel(this.timer)
    this.dueAt = at
    this.timer = this.scheduler.after(ms, () => this.publish())
  }

  private publish(): void {
    if (this.closed) return
    this.scheduler.cancel(this.timer)
    this.timer = undefined
    this.shownAt = this.scheduler.monotonic()
    const { content } = this
    const status: NodeStatus = content === undefined ? {} : this.render(content)
    const key = JSON.stringify(status)
    if (key !== this.shown) {
      this.shown = key
      this.node.status(status)
    }
    if (content?.since !== undefined) this.arm(AGE_INTERVAL)
  }

  private render({ fill, shape, text, since }: StatusContent): NodeStatus {
    if (since === undefined) return { fill, shape, text: shorten(text, MAX_TEXT) }
    const age = ageText(this.RED, this.scheduler.now() - since)
    const value = shorten(text, Math.max(6, MAX_TEXT - age.length - 3))
    return { fill, shape, text: `${value} · ${age}` }
  }
}

/** Cuts a text to at most `length` characters. */
export function shorten(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}

/** `'now'`, `'12 s ago'`, `'5 min ago'`, … */
export function ageText(RED: NodeAPI, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 3) return sharedText(RED, 'age.now')
  if (seconds < 100) return sharedText(RED, 'age.seconds', { n: seconds })
  if (seconds < 6_000) return sharedText(RED, 'age.minutes', { n: Math.round(seconds / 60) })
  if (seconds < 172_800) return sharedText(RED, 'age.hours', { n: Math.round(seconds / 3_600) })
  return sharedText(RED, 'age.days', { n: Math.round(seconds / 86_400) })
}
