import { defineDialog, fixedPath, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow, pathRow } from '../editor/dialog'
import { path } from '../editor/validators'

export default defineDialog('lwm2m-discover', {
  defaults: {
    ...typedProperty('endpoint', { value: '' }),
    ...typedProperty('path', { value: '', validate: path(false) }),
    depth: { value: '' },
    ...WAITING,
  },
  inputs: 1,
  outputs: 1,
  label: fixedPath,
  open() {
    deviceRow()
    pathRow({ use: 'any', multiple: false })
  },
})
