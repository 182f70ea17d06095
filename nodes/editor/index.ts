/**
 * The editor plugin: loaded before the nodes, it holds what their dialogs share
 * (`window.lwm2mEditor`) and adds the sidebar.
 */
import { fillDefaults } from './defaults'
import { deviceField } from './device-field'
import { pathField, validPaths } from './path-field'
import { addSidebar } from './sidebar'
import { tryNow } from './try-now'
import { explainFields, numberWithin, path, pem, port, writtenValue } from './validators'
import { valueHelp } from './value-help'

window.lwm2mEditor = {
  fillDefaults,
  deviceField,
  pathField,
  validPaths,
  tryNow,
  valueHelp,
  explainFields,
  validators: { numberWithin, path, pem, port, writtenValue },
}

RED.plugins.registerPlugin('lwm2m-editor', {
  type: 'lwm2m-editor',
  onadd: () => addSidebar(),
})
