import { defineDialog, fixedPath, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow, pathRow, payloadRow } from '../editor/dialog'
import { path } from '../editor/validators'

export default defineDialog('lwm2m-create', {
  defaults: {
    ...typedProperty('endpoint', { value: '' }),
    ...typedProperty('path', { value: '', validate: path(false) }),
    value: { value: 'payload' },
    valueType: { value: 'msg' },
    format: { value: '' },
    ...WAITING,
  },
  inputs: 1,
  outputs: 1,
  label: fixedPath,
  open() {
    deviceRow()
    pathRow({ use: 'any', multiple: false })
    $('#node-input-value').typedInput({
      default: 'msg',
      typeField: '#node-input-valueType',
      types: ['msg', 'json', 'env', 'flow', 'global', 'jsonata'],
    })
    payloadRow('#lwm2m-create-editor', () => 'resources')
  },
})
