import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from './shared/actions/action-definition'
import { resolveEndpoint, resolvePaths } from './shared/messages/fields'
import type { Node, NodeDef } from './shared/runtime/red'

/** `lwm2m-read`: reads a path, or several at once (Read-Composite), of a device. */
const lwm2mRead: NodeInitializer = (RED: NodeAPI) => {
  function ReadNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ endpoint, field }) => {
      const path = field('path')
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const paths = await resolvePaths(path, message)
        const [only] = paths
        const single = paths.length === 1 && only !== undefined && only !== '/'
        return {
          endpoint: device,
          paths,
          answer: 'values',
          perform: (server, options) =>
            single
              ? server.read(device, only, options)
              : server.readComposite(device, paths, options),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-read', ReadNode)
}

export default lwm2mRead
