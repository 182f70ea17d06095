/**
 * The editor plugin: loaded before the nodes, it holds what their dialogs share
 * (`window.lwm2mEditor`) and adds the sidebar.
 */
import { deviceField } from './device-field'
import { pathField, validPaths } from './path-field'
import { addSidebar } from './sidebar'
import { tryNow } from './try-now'
import { parseRange, valueField, valueProblem } from './value-field'
import { objectDefinition, pathIds } from './path-names'

window.lwm2mEditor = {
  deviceField,
  pathField,
  validPaths,
  tryNow,
  valueField,
  valueProblem,
  parseRange,
  objectDefinition,
  pathIds,
}

RED.plugins.registerPlugin('lwm2m-editor', {
  type: 'lwm2m-editor',
  onadd: () => addSidebar(),
})
