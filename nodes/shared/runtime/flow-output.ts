import type { Feed } from './feed'
import type { FlowsLifecycle, WiredNode } from './flows-lifecycle'

/** What a node sends of itself: held from the beginning of a deploy to its end. */
export class FlowOutput<T> {
  private ready = false
  private readonly unlisten: readonly (() => void)[]

  /** @param onLost told of items that were more than could be kept */
  constructor(
    node: WiredNode,
    private readonly lifecycle: FlowsLifecycle,
    private readonly feed: Feed<T>,
    private readonly deliver: (item: T) => void,
    private readonly onLost: (count: number) => void,
  ) {
    this.unlisten = [
      lifecycle.onStopping(() => feed.close(lifecycle.dropsMessagesOf(node))),
      lifecycle.onStarted(() => this.open()),
    ]
  }

  /** The node has something to send. */
  start(): void {
    this.ready = true
    this.open()
  }

  /** The node is closed. */
  close(): void {
    for (const stop of this.unlisten) stop()
    this.feed.close()
  }

  private open(): void {
    // Nodes that a deploy is still to make would not hear of it.
    if (!this.ready || this.lifecycle.deploying) return
    const lost = this.feed.open(this.deliver)
    if (lost > 0) this.onLost(lost)
  }
}
