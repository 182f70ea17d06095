import type { CodedError } from '../../../src/base/coded-error'
import { serverStatus } from '../status/device-status'
import type { Engine } from '../server/engine'
import { failureStatus, toCodedError } from '../messages/failure'
import { onClose, onInput } from '../runtime/entries'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { HostState } from '../server/server-host'
import { findHost, noServer, requireHost } from '../server/server-node'
import { StatusLine } from '../status/status-line'

/** A flow node that changes or asks something of the server itself, for each message. */
export class ManagementNode {
  readonly status: StatusLine

  /**
   * @param act changes the message into the answer
   * @param output by which the answer leaves
   */
  constructor(
    private readonly RED: NodeAPI,
    node: Node,
    serverId: string,
    act: (engine: Engine, message: NodeMessage) => Promise<void>,
    output = 0,
  ) {
    this.status = new StatusLine(RED, node)
    const host = findHost(RED, serverId)
    if (host === undefined) this.fail(noServer())
    const leave = host?.use({ onState: (state) => this.showState(state) }, node)
    onClose(node, () => {
      leave?.()
      this.status.close()
    })
    onInput(
      node,
      async (message, send) => {
        await act(await requireHost(host).running(), message)
        this.status.show({ fill: 'green', shape: 'dot', text: sharedText(RED, 'status.done') })
        if (output === 0) send(message)
        else send([...Array.from({ length: output }, () => null), message])
      },
      (error) => this.fail(toCodedError(error)),
    )
  }

  private showState(state: HostState): void {
    const content = serverStatus(this.RED, state)
    if (content === undefined) this.status.clear()
    else this.status.show(content)
  }

  private fail(error: CodedError): CodedError {
    this.status.show(failureStatus(this.RED, error))
    return error
  }
}
