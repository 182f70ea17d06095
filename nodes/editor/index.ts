/**
 * The editor plugin: loaded before the nodes, it holds what their dialogs share
 * (`window.lwm2mEditor`) and adds the sidebar.
 */
import * as deviceDialog from '../lwm2m-device/editor'
import * as serverDialog from '../lwm2m-server/editor'
import { bootstrapEntries } from './bootstrap-entries'
import { deviceRow, devicesRow, openDialog, pathRow, payloadRow, shareRows, tryRow } from './dialog'
import { eventChoice } from './event-choice'
import { validPaths } from './path-field'
import { addSidebar } from './sidebar'
import { numberWithin, path, pem, port, writtenValue } from './validators'
import { valueHelp } from './value-help'

window.lwm2mEditor = {
  shareRows,
  openDialog,
  deviceRow,
  devicesRow,
  pathRow,
  payloadRow,
  tryRow,
  eventChoice,
  validPaths,
  valueHelp,
  deviceDialog,
  serverDialog,
  validators: { bootstrapEntries, numberWithin, path, pem, port, writtenValue },
}

RED.plugins.registerPlugin('lwm2m-editor', {
  type: 'lwm2m-editor',
  onadd: () => addSidebar(),
})
