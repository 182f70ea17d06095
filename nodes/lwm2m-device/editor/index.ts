/** The dialog of `lwm2m-device`. */
import { BOOTSTRAP_SECURITY, SERVER_SECURITY } from './security-rows'

const TABS = ['device', 'objects', 'security', 'sleep']

/** Fills the dialog; called when it has been opened. */
export function open(node: EditorNode): void {
  $('#node-input-endpoint').typedInput({
    default: 'str',
    typeField: '#node-input-endpointType',
    types: ['str', 'env'],
  })
  const objects = $('#node-input-objects').typedInput({ type: 'json', types: ['json'] })
  if (!objects.typedInput('value')) objects.typedInput('value', '')
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
