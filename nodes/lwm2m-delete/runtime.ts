import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'

/** `lwm2m-delete`: deletes an object instance, or (1.2) a resource instance. */
const lwm2mDelete: NodeInitializer = (RED: NodeAPI) => {
  function DeleteNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ endpoint, field }) => {
      const path = field('path')
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const target = await resolvePath(path, message)
        return {
          endpoint: device,
          paths: [target],
          answer: 'done',
          perform: (server, options) => server.delete(device, target, options),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-delete', DeleteNode)
}

export default lwm2mDelete
