import { defineDialog, fixedPath, typedProperty } from '../editor/define-dialog'
import { deviceRow, pathRow, tryRow } from '../editor/dialog'
import { validPaths } from '../editor/path-field'
import type { Validator } from '../editor/validator'
import { numberWithin } from '../editor/validators'

/** What a message says may be left out of the dialog. */
const isDynamic = (node: EditorNode): boolean => node['mode'] === 'dynamic'

const endpoint: Validator = function (value) {
  return isDynamic(this) || (typeof value === 'string' && value !== '')
}

const path: Validator = function (value) {
  if ((this['pathType'] || 'str') !== 'str') return true
  return value ? validPaths(String(value), true) : isDynamic(this)
}

const seconds = { value: '', validate: numberWithin({ min: 0, integer: true }) }
const number = { value: '', validate: numberWithin({}) }

export default defineDialog('lwm2m-observe', {
  defaults: {
    mode: { value: 'static' },
    inputs: { value: 0 },
    ...typedProperty('endpoint', { value: '*', validate: endpoint }),
    ...typedProperty('path', { value: '', validate: path }),
    pmin: seconds,
    pmax: seconds,
    gt: number,
    lt: number,
    st: { value: '', validate: numberWithin({ min: 0 }) },
    epmin: seconds,
    epmax: seconds,
    hqmax: seconds,
    changeOnly: { value: false },
    includeSend: { value: false },
    edge: { value: '' },
    con: { value: '' },
    format: { value: '' },
    keys: { value: 'id' },
    integers: { value: 'text' },
  },
  inputs: 0,
  outputs: 1,
  label: fixedPath,
  open() {
    deviceRow()
    pathRow({ use: 'observe', multiple: true })
    tryRow('observe')
    const mode = $('#node-input-mode')
    mode
      .on('change', () => {
        const dynamic = mode.val() === 'dynamic'
        $('.lwm2m-dynamic').toggle(dynamic)
        $('#node-input-inputs').val(dynamic ? 1 : 0)
      })
      .trigger('change')
  },
})
