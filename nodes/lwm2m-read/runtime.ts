import { defineAction } from '../shared/actions/action-definition'
import { readPaths } from '../shared/actions/read-paths'
import { resolveEndpoint, resolvePaths } from '../shared/messages/fields'

/** `lwm2m-read`: reads a path, or several at once (Read-Composite), of a device. */
export default defineAction('lwm2m-read', ({ endpoint, field }) => {
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
