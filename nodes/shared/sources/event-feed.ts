import { Feed } from '../runtime/feed'
import { FlowOutput } from '../runtime/flow-output'
import { onClose } from '../runtime/entries'
import type { Node, NodeMessage } from '../runtime/red'
import type { Engine } from '../server/engine'
import type { Parked } from '../server/handover'
import type { HostState, HostUser, ServerHost } from '../server/server-host'

export interface EventFeedOptions {
  /** Listens to a server, whose messages are passed to `push`; returns what stops that. */
  listen(engine: Engine, push: (message: NodeMessage) => void): () => void
  /** Takes the messages, when the flow can. */
  send(message: NodeMessage): void
  onState(state: HostState): void
  onDevices?(): void
}

/**
 * The messages that a node makes of the events of its server. While the node is being made anew they
 * are kept for its next self, so that none is lost and none comes twice.
 */
export class EventFeed implements Parked {
  private readonly messages = new Feed<NodeMessage>()
  private stop: (() => void) | undefined

  constructor(host: ServerHost, node: Node, options: EventFeedOptions) {
    const key = `${node.id}/events`
    const former = host.handover.take(key, EventFeed)
    if (former !== undefined) this.messages.drain(former.messages)
    const push = (message: NodeMessage): void => this.messages.push(message)
    const output = new FlowOutput(node, host.lifecycle, this.messages, options.send, (count) =>
      node.warn(`${count} messages were lost during the deploy`),
    )
    const user: HostUser = {
      onEngine: (engine) => {
        this.stop?.()
        this.stop = options.listen(engine, push)
      },
      onState: (state) => {
        if (state.kind === 'running' || state.kind === 'failed') output.start()
        options.onState(state)
      },
      onDevices: () => options.onDevices?.(),
    }
    const leave = host.use(user, node)
    // Not before this one listens: nothing gets lost between them.
    former?.abandon()
    onClose(node, (removed) => {
      leave()
      output.close()
      if (removed) this.abandon()
      else host.handover.park(key, this)
    })
  }

  abandon(): void {
    this.stop?.()
    this.stop = undefined
  }
}
