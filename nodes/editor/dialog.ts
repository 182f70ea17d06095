/** What every dialog of a node does when it opens. */
import { fillDefaults, type EditedNode } from './defaults'
import { deviceField } from './device-field'
import { pathField } from './path-field'
import { pathIds } from './path-names'
import type { PathChoice } from './path-tree'
import { PayloadEditor, type PayloadKeys } from './payload-editor'
import { tryNow, type TryNowOptions } from './try-now'
import { explainFields } from './validators'

/** Call first of all: shows defaults, lays the form out, and says below its fields what is wrong. */
export function openDialog(node: EditedNode): void {
  fillDefaults(node)
  const prefix = node._def.category === 'config' ? 'node-config-input-' : 'node-input-'
  $(`#${prefix}name`).closest('form').addClass('lwm2m-dialog')
  chooseOnlyServer()
  explainFields(node, prefix)
}

const SERVER = '#node-input-server'
const DEVICE = '#node-input-endpoint'
const PATH = '#node-input-path'

/** A node that has no server yet gets the only one there is: nobody need choose among one. */
function chooseOnlyServer(): void {
  const select = $(SERVER)
  if (!['', '_ADD_'].includes(String(select.val() ?? 'absent'))) return
  const servers: string[] = []
  RED.nodes.eachConfig(({ id, type }) => {
    if (type === 'lwm2m-server') servers.push(id)
  })
  const [only, ...others] = servers
  if (only !== undefined && others.length === 0) select.val(only).trigger('change')
}

/** The row `device`. */
export function deviceRow(): void {
  deviceField(DEVICE, { typeField: '#node-input-endpointType', server: SERVER })
}

/** The row `devices`: a name or a pattern. */
export function devicesRow(): void {
  deviceField(DEVICE, { typeField: $('<input type="hidden">'), server: SERVER, otherTypes: [] })
}

/** The row `path`, which looks at the device of the row above. */
export function pathRow(choice: PathChoice): void {
  const typeField = '#node-input-pathType'
  pathField(PATH, { ...choice, typeField, server: SERVER, device: DEVICE })
}

/** The row `try`: asks the device of the rows above. */
export function tryRow(mode: TryNowOptions['mode']): void {
  tryNow('#lwm2m-try', { server: SERVER, device: DEVICE, path: PATH, mode })
}

/** A typedInput's text, where it is text and not the name of a message property. */
function fixedText(field: string): string {
  const input = $(field)
  return input.typedInput('type') === 'str' ? input.typedInput('value').trim() : ''
}

/** Below the value of a dialog: fields for an object of values, of the path above or by path. */
export function payloadRow(place: string, kind: () => PayloadKeys['kind'] | undefined): void {
  const editor = new PayloadEditor(place, {
    value: '#node-input-value',
    server: () => {
      const id = String($(SERVER).val() ?? '')
      return id === '' || id === '_ADD_' ? '-' : id
    },
    endpoint: () => fixedText(DEVICE),
    keys: () => {
      const wanted = kind()
      if (wanted !== 'resources') return wanted === undefined ? undefined : { kind: wanted }
      const path = fixedText(PATH)
      return (pathIds(path)?.length ?? 3) > 2 ? undefined : { kind: wanted, path }
    },
  })
  $(PATH).on('change', () => void editor.refresh())
  $(`#node-input-what, ${SERVER}`).on('change', () => void editor.refresh())
}
