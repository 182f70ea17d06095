import type { NodeAPI, NodeInitializer } from 'node-red'
import { refuse } from '../shared/actions/action-definition'
import { ActionNode, readActionSettings } from '../shared/actions/action-node'
import { TypedField } from '../shared/messages/fields'
import { Observer } from '../shared/sources/observer'
import { schedulerOf } from '../shared/runtime/entries'
import type { Node, NodeDef } from '../shared/runtime/red'
import { RequestReader } from '../shared/actions/request-reader'
import { migrate, type SavedDefinition, Settings } from '../shared/runtime/settings'

/**
 * `lwm2m-request`: any operation, told by the message: `msg.operation`, `msg.endpoint`, `msg.path`,
 * `msg.payload`, `msg.options`. The first output has the answers, the second the notifications of
 * observations that were asked for.
 */
const lwm2mRequest: NodeInitializer = (RED: NodeAPI) => {
  function RequestNode(this: Node, definition: NodeDef): void {
    RED.nodes.createNode(this, definition)
    try {
      const settings = new Settings(migrate(definition as unknown as SavedDefinition))
      const serverId = settings.text('server')
      const actions = readActionSettings(settings, undefined)
      const observer = new Observer(RED, this, serverId, {
        defaults: { criteria: {}, attributes: {}, format: actions.format, includeSend: false },
        keys: actions.keys,
        integers: actions.integers,
        kept: true,
        emit: (message) => this.send([null, message]),
      })
      const reader = new RequestReader(
        new TypedField(RED, this, settings, 'operation'),
        new TypedField(RED, this, settings, 'endpoint'),
        observer,
        schedulerOf(this),
      )
      new ActionNode(RED, this, serverId, actions, (message) => reader.read(message))
    } catch (error) {
      refuse(RED, this, error)
    }
  }
  RED.nodes.registerType('lwm2m-request', RequestNode)
}

export default lwm2mRequest
