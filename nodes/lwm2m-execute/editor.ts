import { defineDialog, fixedPath, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow, pathRow } from '../editor/dialog'
import { path } from '../editor/validators'

export default defineDialog('lwm2m-execute', {
  defaults: {
    ...typedProperty('endpoint', { value: '' }),
    ...typedProperty('path', { value: '', validate: path(false) }),
    ...typedProperty('args', { value: '' }),
    ...WAITING,
  },
  inputs: 1,
  outputs: 1,
  label: fixedPath,
  open() {
    deviceRow()
    pathRow({ use: 'execute', multiple: false })
    $('#node-input-args').typedInput({
      default: 'str',
      typeField: '#node-input-argsType',
      types: ['str', 'msg', 'json', 'env', 'flow', 'global', 'jsonata'],
    })
  },
})
