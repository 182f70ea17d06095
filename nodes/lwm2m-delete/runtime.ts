import { defineAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'

/** `lwm2m-delete`: deletes an object instance, or (1.2) a resource instance. */
export default defineAction('lwm2m-delete', ({ endpoint, field }) => {
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
