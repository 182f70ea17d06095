/** The dialog of `lwm2m-device`. */
import { defineDialog } from '../../editor/define-dialog'
import type { Validator } from '../../editor/validator'
import { FROM_ENVIRONMENT, numberWithin, pem } from '../../editor/validators'
import { BOOTSTRAP_SECURITY, SERVER_SECURITY } from './security-rows'

const TABS = ['device', 'objects', 'security', 'sleep']

const uri: Validator = function (value) {
  const server = /^coaps?:\/\/(\[[^\]/\s]+\]|[^:/?#@[\]\s]+)(:\d{1,5})?$/i
  if (!value) return Boolean(this['bootstrapUri'])
  return server.test(String(value)) || FROM_ENVIRONMENT.test(String(value))
}

const objects: Validator = (value) => {
  if (!value) return true
  try {
    return typeof JSON.parse(String(value)) === 'object'
  } catch {
    return false
  }
}

const certificate = { value: '', validate: pem('CERTIFICATE') }
const publicKey = { value: '', validate: pem('PUBLIC KEY') }
const secret = { type: 'password' } as const

export default defineDialog('lwm2m-device', {
  server: false,
  defaults: {
    endpoint: { value: 'device-1', required: true },
    endpointType: { value: 'str' },
    uri: { value: 'coap://localhost:5683', validate: uri },
    lwm2m: { value: '1.1' },
    lifetime: { value: '300', validate: numberWithin({ min: 1, integer: true }) },
    binding: { value: 'U' },
    autoStart: { value: true },
    reportState: { value: false },
    integers: { value: 'text' },
    objects: { value: '', validate: objects },
    securityMode: { value: 'psk' },
    pskIdentity: { value: '' },
    pskKeyFormat: { value: 'hex' },
    certificate,
    serverPublicKey: publicKey,
    certificateUsage: { value: '3' },
    serverCertificate: certificate,
    keyExchange: { value: '' },
    connectionId: { value: 'off' },
    maxFragmentLength: { value: '' },
    bootstrapUri: { value: '' },
    bootstrapMode: { value: 'psk' },
    bootstrapIdentity: { value: '' },
    bootstrapKeyFormat: { value: 'hex' },
    bootstrapCertificate: certificate,
    bootstrapServerPublicKey: publicKey,
    bootstrapCertificateUsage: { value: '3' },
    bootstrapServerCertificate: certificate,
    keepAccounts: { value: false },
    queueMode: { value: false },
    awakeWindow: { value: '', validate: numberWithin({ min: 0 }) },
    wakeEvery: { value: '', validate: numberWithin({ min: 1 }) },
    holdNotifications: { value: false },
  },
  credentials: {
    pskKey: secret,
    privateKey: secret,
    bootstrapKey: secret,
    bootstrapPrivateKey: secret,
  },
  inputs: 1,
  outputs: 1,
  label: (node) => node['endpoint'],
  open,
})

/** Fills the dialog; called when it has been opened. */
function open(node: EditorNode): void {
  $('#node-input-endpoint').typedInput({
    default: 'str',
    typeField: '#node-input-endpointType',
    types: ['str', 'env'],
  })
  const description = $('#node-input-objects').typedInput({ type: 'json', types: ['json'] })
  if (!description.typedInput('value')) description.typedInput('value', '')
  const tabs = RED.tabs.create({
    id: 'lwm2m-device-tabs',
    onchange: (tab) => {
      $('#lwm2m-device-content').children().hide()
      $(`#${tab.id}`).show()
    },
  })
  for (const tab of TABS) {
    tabs.addTab({ id: `lwm2m-tab-${tab}`, label: node._(`lwm2m-device.tab-${tab}`) })
  }
  for (const { mode } of [SERVER_SECURITY, BOOTSTRAP_SECURITY]) showRowsOf(mode)
}

/** Shows the rows that the chosen security mode needs. */
function showRowsOf(property: string): void {
  const mode = $(`#node-input-${property}`)
  const show = (): void => {
    $(`[data-of=${property}]`).each((_index, group) => {
      const modes = String($(group).attr('data-modes')).split(' ')
      $(group).toggle(modes.includes(String(mode.val())))
    })
  }
  mode.on('change', show)
  show()
}
