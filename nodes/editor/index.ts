/**
 * The editor plugin: loaded before the nodes, it holds their dialogs (`window.lwm2mEditor.dialogs`) and
 * adds the sidebar.
 */
import dialogs from 'node-dialogs'
import { addSidebar } from './sidebar'

window.lwm2mEditor = { dialogs }

RED.plugins.registerPlugin('lwm2m-editor', {
  type: 'lwm2m-editor',
  onadd: () => addSidebar(),
})
