import { bootstrapEntries } from '../../editor/bootstrap-entries'
import { openDialog } from '../../editor/dialog'
import type { EditedNode } from '../../editor/defaults'
import type { EditorDefinition } from '../../editor/define-dialog'
import { numberWithin, pem, port } from '../../editor/validators'
import { open, save, type ServerEditorNode } from './dialog'

/** The config node, which is in no palette. */
const definition: EditorDefinition = {
  category: 'config',
  color: '#9DB9C9',
  defaults: {
    name: { value: '' },
    host: { value: '' },
    coap: { value: true },
    port: { value: '5683', validate: port },
    coaps: { value: false },
    coapsPort: { value: '5684', validate: port },
    lifetimeDefault: { value: '86400', validate: numberWithin({ min: 1 }) },
    lifetimeMin: { value: '', validate: numberWithin({ min: 0 }) },
    lifetimeMax: { value: '', validate: numberWithin({ min: 1 }) },
    grace: { value: '', validate: numberWithin({ min: 0 }) },
    renewOnReports: { value: false },
    storage: { value: 'disk' },
    devices: { value: [] },
    credentialsFile: { value: '' },
    certificate: { value: '', validate: pem('CERTIFICATE') },
    publicKey: { value: '' },
    trustAnchors: { value: '', validate: pem('CERTIFICATE') },
    certificatesByName: { value: true },
    authorization: { value: 'credentials' },
    authorizationTimeout: { value: '10', validate: numberWithin({ min: 0 }) },
    bootstrap: { value: false },
    bootstrapShared: { value: false },
    bootstrapCoap: { value: true },
    bootstrapPort: { value: '5783', validate: port },
    bootstrapCoaps: { value: false },
    bootstrapCoapsPort: { value: '5784', validate: port },
    decisions: { value: 'unknown' },
    decisionTimeout: { value: '30', validate: numberWithin({ min: 0 }) },
    bootstrapPack: { value: true },
    bootstraps: { value: [], validate: bootstrapEntries },
    awakeWindow: { value: '93', validate: numberWithin({ min: 0 }) },
    awakeWindows: { value: [] },
    formats: { value: [] },
    defaultVersion: { value: '' },
    queueTtl: { value: '86400', validate: numberWithin({ min: 0 }) },
    queueMax: { value: '100', validate: numberWithin({ min: 1 }) },
    queuePatterns: { value: '' },
    onReregister: { value: 'keep' },
    onDeliveryFailure: { value: 'keep' },
    objectsFolder: { value: '' },
    blockSize: { value: '1024' },
    maxBody: { value: '1024', validate: numberWithin({ min: 1 }) },
    ackTimeout: { value: '2', validate: numberWithin({ min: 0 }) },
    maxRetransmit: { value: '4', validate: numberWithin({ min: 0, max: 20, integer: true }) },
    responseTimeout: { value: '93', validate: numberWithin({ min: 0 }) },
    unknownNon: { value: 'reset' },
    learnAddress: { value: true },
    takeOver: { value: 'warn' },
    connectionIds: { value: true },
    startHandshakes: { value: false },
    budgetRegistrations: { value: '', validate: numberWithin({ min: 1, integer: true }) },
    budgetObjectLists: { value: '', validate: numberWithin({ min: 1, integer: true }) },
    budgetAttributes: { value: '', validate: numberWithin({ min: 1, integer: true }) },
    budgetRegisters: { value: '', validate: numberWithin({ min: 1, integer: true }) },
    budgetUnlimited: { value: '', validate: numberWithin({ min: 0, integer: true }) },
    version: { value: 1 },
  },
  credentials: {
    keys: { type: 'password' },
    keysUpdate: { type: 'password' },
    serverKey: { type: 'password' },
  },
  label(this: EditorNode) {
    if (this['name']) return this['name']
    const coap = this['coap'] === true && `coap:${String(this['port'])}`
    const coaps = this['coaps'] === true && `coaps:${String(this['coapsPort'])}`
    return ['LwM2M', coap, coaps].filter(Boolean).join(' ')
  },
  oneditprepare(this: EditedNode & ServerEditorNode) {
    openDialog(this)
    open(this)
  },
  oneditsave(this: ServerEditorNode) {
    return save(this)
  },
}

export default definition
