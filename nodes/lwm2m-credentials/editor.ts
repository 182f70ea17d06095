import { defineDialog } from '../editor/define-dialog'

export default defineDialog('lwm2m-credentials', {
  defaults: { action: { value: '' } },
  inputs: 1,
  outputs: 2,
  label: (node) => node['action'] && node._(`lwm2m-credentials.action-${String(node['action'])}`),
  outputLabel: (index) => (index === 0 ? 'output-result' : 'output-request'),
})
