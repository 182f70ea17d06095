import { defineAction } from '../shared/actions/action-definition'
import { resolveEndpoint, resolvePath, splitPaths } from '../shared/messages/fields'
import { attributeSet, compositeInput, writeInput } from '../shared/actions/write-input'

/** `lwm2m-write`: writes values (one path, or several by path), or attributes of a path. */
export default defineAction('lwm2m-write', ({ settings, endpoint, field }) => {
  const path = field('path')
  const value = field('value', 'msg')
  const what = settings.choice('what', ['values', 'attributes', 'composite'], 'values')
  const mode = settings.choice('mode', ['replace', 'update'], 'update')
  const chosen = settings.text('mode') === '' ? {} : { mode }
  const replaceQueued = settings.flag('replaceQueued')
  return async (message) => {
    const device = await resolveEndpoint(endpoint, message)
    const payload = await value.resolve(message)
    const options = { replaceQueued }
    if (what === 'composite') {
      const values = compositeInput(payload, splitPaths(message['path'])[0])
      return {
        endpoint: device,
        paths: Object.keys(values),
        answer: 'done',
        options,
        perform: (server, all) => server.writeComposite(device, values, all),
      }
    }
    const target = await resolvePath(path, message)
    const attributes = what === 'attributes' ? attributeSet(payload) : undefined
    const input = attributes === undefined ? writeInput(payload) : ''
    return {
      endpoint: device,
      paths: [target],
      answer: 'done',
      options,
      perform: (server, all) =>
        attributes === undefined
          ? server.write(device, target, input, { ...all, ...chosen })
          : server.writeAttributes(device, target, attributes, all),
    }
  }
})
