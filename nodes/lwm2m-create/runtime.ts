import { defineAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath } from '../shared/messages/fields'
import { writeInput } from '../shared/actions/write-input'

/** `lwm2m-create`: creates an object instance; the device chooses its id where the path has none. */
export default defineAction('lwm2m-create', ({ endpoint, field }) => {
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
