import type { NodeAPI, NodeInitializer } from 'node-red'
import { startAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'
import { writeInput } from '../shared/actions/write-input'

/** `lwm2m-create`: creates an object instance; the device chooses its id where the path has none. */
const lwm2mCreate: NodeInitializer = (RED: NodeAPI) => {
  function CreateNode(this: Node, definition: NodeDef): void {
    startAction(RED, this, definition, [], ({ endpoint, field }) => {
      const path = field('path')
      const value = field('value', 'msg')
      return async (message) => {
        const device = await resolveEndpoint(endpoint, message)
        const target = await resolvePath(path, message)
        const payload = await value.resolve(message)
        const resources = payload === undefined || payload === null || payload === '' ? {} : payload
        const input = writeInput(resources)
        return {
          endpoint: device,
          paths: [target],
          answer: 'done',
          perform: (server, options) => server.create(device, target, input, options),
        }
      }
    })
  }
  RED.nodes.registerType('lwm2m-create', CreateNode)
}

export default lwm2mCreate
