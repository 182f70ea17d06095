import { defineDialog, fixedPath, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow, pathRow, payloadRow } from '../editor/dialog'
import { path, writtenValue } from '../editor/validators'
import { valueHelp } from '../editor/value-help'

const TYPES = [
  ...['msg', 'str', 'num', 'bool', 'json', 'bin', 'date'],
  ...['env', 'flow', 'global', 'jsonata'],
]

/** What is written of the resource in the open dialog. */
let writtenResource: ReturnType<typeof valueHelp> = () => undefined

export default defineDialog('lwm2m-write', {
  defaults: {
    ...typedProperty('endpoint', { value: '' }),
    what: { value: 'values' },
    ...typedProperty('path', { value: '', validate: path(false) }),
    value: { value: 'payload', validate: writtenValue },
    resource: { value: null },
    valueType: { value: 'msg' },
    mode: { value: '' },
    format: { value: '' },
    ...WAITING,
    replaceQueued: { value: false },
  },
  inputs: 1,
  outputs: 1,
  label: fixedPath,
  open(node) {
    deviceRow()
    pathRow({ use: 'write', multiple: false })
    $('#node-input-value').typedInput({
      default: 'msg',
      typeField: '#node-input-valueType',
      types: TYPES,
    })
    writtenResource = valueHelp('#lwm2m-write-editor', {
      server: '#node-input-server',
      path: '#node-input-path',
      value: '#node-input-value',
      what: '#node-input-what',
    })
    const what = $('#node-input-what')
    payloadRow('#lwm2m-write-payload', () => {
      if (what.val() === 'values') return 'resources'
      return what.val() === 'composite' ? 'paths' : undefined
    })
    what
      .on('change', () => {
        const chosen = String(what.val())
        $('.lwm2m-one-path').toggle(chosen !== 'composite')
        $('.lwm2m-values-only').toggle(chosen === 'values')
        $('#lwm2m-write-tip').text(node._(`lwm2m-write.tip-${chosen}`))
      })
      .trigger('change')
  },
  save(node) {
    node['resource'] = writtenResource() ?? null
  },
})
