import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'
import { executeArguments } from '../shared/actions/write-input'

/** `lwm2m-execute`: executes a resource of a device. */
const lwm2mExecute: NodeInitializer = (RED: NodeAPI) => {
  function ExecuteNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ endpoint, field }) => {
      const path = field('path')
      const args = field('args')
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const target = await resolvePath(path, message)
        const given = args.empty ? undefined : executeArguments(await args.resolve(message))
        return {
          endpoint: device,
          paths: [target],
          answer: 'done',
          perform: (server, options) => server.execute(device, target, given, options),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-execute', ExecuteNode)
}

export default lwm2mExecute
