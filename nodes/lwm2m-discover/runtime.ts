import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'

/** `lwm2m-discover`: asks a device what it has below a path, and which attributes are set. */
const lwm2mDiscover: NodeInitializer = (RED: NodeAPI) => {
  function DiscoverNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ settings, endpoint, field }) => {
      const path = field('path')
      const depth = settings.number('depth', { min: 0, max: 3 })
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const target = await resolvePath(path, message)
        return {
          endpoint: device,
          paths: [target],
          answer: 'links',
          perform: (server, options) =>
            server.discover(device, target, depth === undefined ? options : { ...options, depth }),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-discover', DiscoverNode)
}

export default lwm2mDiscover
