import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from '../shared/actions/action-definition'
import { readPaths } from '../shared/actions/read-paths'
import { resolveEndpoint, resolvePaths } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'

/** `lwm2m-read`: reads a path, or several at once (Read-Composite), of a device. */
const lwm2mRead: NodeInitializer = (RED: NodeAPI) => {
  function ReadNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ endpoint, field }) => {
      const path = field('path')
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const paths = await resolvePaths(path, message)
        return {
          endpoint: device,
          paths,
          answer: 'values',
          perform: (server, options) => readPaths(server, device, paths, options),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-read', ReadNode)
}

export default lwm2mRead
