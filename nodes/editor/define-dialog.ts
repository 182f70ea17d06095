import type { EditedNode } from './defaults'
import { openDialog } from './dialog'
import type { Validator } from './validator'
import { numberWithin } from './validators'

/** A property of a node as the flow file keeps it. */
export interface Property {
  readonly value: unknown
  readonly validate?: Validator
  readonly required?: boolean
  /** Of a config node. */
  readonly type?: string
}

export interface Properties {
  readonly [name: string]: Property
}

/** What a node type has of its own in the editor. */
export interface DialogDefinition {
  /** Properties beside `name`, `server` and `version`. */
  readonly defaults: Properties
  readonly credentials?: { readonly [name: string]: { readonly type: 'password' | 'text' } }
  readonly inputs: 0 | 1
  readonly outputs: 1 | 2
  /** False for a node that uses no server. Default true. */
  readonly server?: boolean
  /** What a node without a name is called; where that is empty: as in the palette. */
  label?(node: EditorNode): unknown
  /** The text key of an output, below that of the type. */
  outputLabel?(index: number): string
  /** The dialog has been opened: fills what is not a plain field. */
  open?(node: EditedNode): void
  /** OK was pressed. */
  save?(node: EditorNode): void
}

/** The second argument of `RED.nodes.registerType`. */
export interface EditorDefinition {
  readonly defaults: Properties
  [property: string]: unknown
}

/** A node type for Node-RED's palette, with what all of them have in common. */
export function defineDialog(type: string, own: DialogDefinition): EditorDefinition {
  const palette = (node: EditorNode): string => node._(`${type}.palette`)
  const { outputLabel } = own
  return {
    category: 'LwM2M',
    color: '#9DB9C9',
    defaults: {
      name: { value: '' },
      ...(own.server === false
        ? {}
        : { server: { value: '', type: 'lwm2m-server', required: true } }),
      ...own.defaults,
      version: { value: 1 },
    },
    ...(own.credentials === undefined ? {} : { credentials: own.credentials }),
    inputs: own.inputs,
    outputs: own.outputs,
    icon: `${type}.svg`,
    paletteLabel(this: EditorNode) {
      return palette(this)
    },
    label(this: EditorNode) {
      return this['name'] || own.label?.(this) || palette(this)
    },
    labelStyle(this: EditorNode) {
      return this['name'] ? 'node_label_italic' : ''
    },
    ...(outputLabel === undefined
      ? {}
      : {
          outputLabels(this: EditorNode, index: number) {
            return this._(`${type}.${outputLabel(index)}`)
          },
        }),
    oneditprepare(this: EditedNode) {
      openDialog(this)
      own.open?.(this)
    },
    oneditsave(this: EditorNode) {
      own.save?.(this)
    },
  }
}

/** A typedInput of the rows `device` or `path`. */
export function typedProperty(name: string, property: Property): Properties {
  return { [name]: property, [`${name}Type`]: { value: 'str' } }
}

const seconds: Property = { value: '', validate: numberWithin({ min: 0 }) }

/** The properties of the row `waiting`. */
export const WAITING: Properties = { timeout: seconds, asleep: { value: 'wait' }, ttl: seconds }

/** The label of a node whose path is fixed. */
export function fixedPath(node: EditorNode): unknown {
  return node['pathType'] === 'str' && node['path']
}
