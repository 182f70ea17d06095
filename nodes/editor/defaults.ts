import type { Validator } from './validator'

/** A node in its dialog, as far as it says what its properties are when nothing was saved. */
export interface EditedNode extends EditorNode {
  readonly _def: {
    readonly category: string
    readonly defaults: {
      readonly [property: string]: { readonly value?: unknown; readonly validate?: Validator }
    }
  }
}

/**
 * Shows the default of each property that the flow does not have: flows are also written by hand and
 * by older packages. Without this, opening and closing a dialog would empty fields and clear boxes
 * whose default is not empty.
 */
export function fillDefaults(node: EditedNode): void {
  const { category, defaults } = node._def
  const prefix = category === 'config' ? '#node-config-input-' : '#node-input-'
  for (const [property, { value }] of Object.entries(defaults)) {
    if (node[property] !== undefined || value === undefined) continue
    const input = $(prefix + property)
    if (input.length === 0) node[property] = structuredClone(value)
    else if (input.is(':checkbox')) input.prop('checked', value === true)
    else input.val(String(value ?? ''))
  }
}
