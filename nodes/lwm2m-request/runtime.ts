import { defineNode } from '../shared/define-node'
import { ActionNode, readActionSettings } from '../shared/actions/action-node'
import { TypedField } from '../shared/messages/fields'
import { Observer } from '../shared/sources/observer'
import { schedulerOf } from '../shared/runtime/entries'
import { RequestReader } from '../shared/actions/request-reader'

/**
 * `lwm2m-request`: any operation, told by the message: `msg.operation`, `msg.endpoint`, `msg.path`,
 * `msg.payload`, `msg.options`. The first output has the answers, the second the notifications of
 * observations that were asked for.
 */
export default defineNode('lwm2m-request', ({ RED, node, settings }) => {
  const serverId = settings.text('server')
  const actions = readActionSettings(settings, undefined)
  const observer = new Observer(RED, node, serverId, {
    defaults: { criteria: {}, attributes: {}, format: actions.format, includeSend: false },
    keys: actions.keys,
    integers: actions.integers,
    kept: true,
    emit: (message) => node.send([null, message]),
  })
  const reader = new RequestReader(
    new TypedField(RED, node, settings, 'operation'),
    new TypedField(RED, node, settings, 'endpoint'),
    observer,
    schedulerOf(node),
  )
  new ActionNode(RED, node, serverId, actions, (message) => reader.read(message))
})
