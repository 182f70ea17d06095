import { defineDialog, typedProperty, WAITING } from '../editor/define-dialog'
import { deviceRow } from '../editor/dialog'

const OPERATIONS = [
  ...['read', 'write', 'execute', 'create', 'delete', 'discover', 'write-attributes'],
  ...['observe', 'cancel-observe', 'list', 'statistics', 'queue', 'cancel-queued', 'awake-window'],
]

export default defineDialog('lwm2m-request', {
  defaults: {
    ...typedProperty('operation', { value: '' }),
    ...typedProperty('endpoint', { value: '' }),
    format: { value: '' },
    keys: { value: 'id' },
    integers: { value: 'text' },
    ...WAITING,
  },
  inputs: 1,
  outputs: 2,
  label: (node) => node['operationType'] === 'str' && node['operation'],
  outputLabel: (index) => `outputs.${index}`,
  open(node) {
    deviceRow()
    const operations = OPERATIONS.map((value) => ({
      value,
      label: node._(`lwm2m-request.operations.${value}`),
    }))
    $('#node-input-operation').typedInput({
      default: 'str',
      typeField: '#node-input-operationType',
      types: [
        {
          value: 'str',
          label: node._('lwm2m-request.fixed'),
          options: [{ value: '', label: 'msg.operation' }, ...operations],
        },
        'msg',
        'env',
      ],
    })
  },
})
