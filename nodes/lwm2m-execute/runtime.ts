import { defineAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import { executeArguments } from '../shared/actions/write-input'

/** `lwm2m-execute`: executes a resource of a device. */
export default defineAction('lwm2m-execute', ({ endpoint, field }) => {
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
