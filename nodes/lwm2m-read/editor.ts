import { defineDialog, fixedPath, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow, pathRow, tryRow } from '../editor/dialog'
import { path } from '../editor/validators'

export default defineDialog('lwm2m-read', {
  defaults: {
    ...typedProperty('endpoint', { value: '' }),
    ...typedProperty('path', { value: '', validate: path(true) }),
    format: { value: '' },
    keys: { value: 'id' },
    integers: { value: 'text' },
    ...WAITING,
  },
  inputs: 1,
  outputs: 1,
  label: fixedPath,
  open() {
    deviceRow()
    pathRow({ use: 'read', multiple: true })
    tryRow('read')
  },
})
