import { defineAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'

/** `lwm2m-discover`: asks a device what it has below a path, and which attributes are set. */
export default defineAction('lwm2m-discover', ({ settings, endpoint, field }) => {
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
