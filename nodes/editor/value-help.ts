/** Below the value of a write dialog: what its resource takes, and an editor of that type. */
import { parseRange } from '../../src/lwm2m/model/range'
import type { ResourceInfo } from '../admin/contract'
import { objectDefinition, pathIds } from './path-names'
import { t } from './texts'
import type { RememberedResource } from './validators'
import { hexOfBase64, isNumeric, valueField, valueProblem } from './value-field'

/** Where the help finds what is written. */
export interface ValueHelpOptions {
  /** The select of the config node. */
  readonly server: string
  /** The typedInput of the path. */
  readonly path: string
  /** The typedInput of the value. */
  readonly value: string
  /** A select; values are written where it says `values`. */
  readonly what: string
}

const FIXED = ['str', 'num', 'bool']

/** What typedInput calls a value of a resource's type; the node's runtime knows nothing else. */
function inputType(resource: ResourceInfo): string {
  switch (resource.type) {
    case 'Boolean':
      return 'bool'
    case 'Opaque':
      return 'bin'
    case 'Integer':
    case 'Unsigned Integer':
    case 'Float':
    case 'Time':
      return 'num'
    default:
      return 'str'
  }
}

/** Bytes as typedInput keeps them: a JSON array. */
function jsonBytes(text: string): string {
  const hex = /^0x/.test(text) ? text.slice(2) : hexOfBase64(text)
  return JSON.stringify((hex.match(/../g) ?? []).map((byte) => parseInt(byte, 16)))
}

/** A value as its field says it, for typedInput. */
function inputValue(resource: ResourceInfo, value: unknown): string {
  if (resource.type === 'Opaque') return jsonBytes(String(value))
  if (resource.type === 'Time') return String(Math.floor(Date.parse(String(value)) / 1000))
  return String(value)
}

function currentValue(resource: ResourceInfo, text: string): unknown {
  if (resource.type !== 'Opaque') return text
  try {
    const bytes = JSON.parse(text) as number[]
    return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  } catch {
    return ''
  }
}

/** typedInput itself is the best editor of these. */
function needsEditor(resource: ResourceInfo): boolean {
  return (
    resource.type === 'Time' ||
    resource.type === 'Opaque' ||
    (isNumeric(resource.type) && parseRange(resource.range)?.values !== undefined)
  )
}

/** Answers what the node shall remember of its resource; undefined where that is not known. */
export function valueHelp(
  place: string,
  options: ValueHelpOptions,
): () => RememberedResource | undefined {
  const element = $(place).addClass('lwm2m-value-help')
  const path = $(options.path)
  const value = $(options.value)
  const hint = $('<div class="lwm2m-value-hint">').appendTo(element)
  const editor = $('<div class="lwm2m-value-editor">').appendTo(element)
  const problem = $('<div class="lwm2m-field-error" role="alert">').appendTo(element)
  let resource: ResourceInfo | undefined
  let remembered: RememberedResource | undefined
  let turn = 0

  const check = (): void => {
    const fixed = FIXED.includes(value.typedInput('type'))
    const found =
      resource === undefined || !fixed
        ? undefined
        : valueProblem(value.typedInput('value'), resource.type, parseRange(resource.range))
    problem.text(found ?? '')
  }
  const showEditor = (): void => {
    editor.empty()
    if (resource === undefined) return
    const { name } = resource
    const known = resource
    const type = inputType(known)
    if (value.typedInput('type') !== type) {
      $('<button type="button" class="red-ui-button red-ui-button-small">')
        .text(t('value.fixed', { name }))
        .on('click', () => {
          const field = valueField(known, undefined)
          const start = needsEditor(known) || type === 'bool' ? inputValue(known, field.read()) : ''
          value.typedInput('type', type).typedInput('value', start)
          showEditor()
          check()
        })
        .appendTo(editor)
    } else if (needsEditor(known)) {
      const field = valueField(known, currentValue(known, value.typedInput('value')))
      field.element.attr('aria-label', name).appendTo(editor)
      field.element.on('change input', () => {
        try {
          value.typedInput('value', inputValue(known, field.read()))
          problem.text('')
        } catch (error) {
          problem.text((error as Error).message)
        }
      })
    }
  }
  const find = async (): Promise<ResourceInfo | undefined> => {
    if ($(options.what).val() !== 'values' || path.typedInput('type') !== 'str') return undefined
    const [object, , id] = pathIds(path.typedInput('value')) ?? []
    if (object === undefined || id === undefined) return undefined
    const server = String($(options.server).val() ?? '')
    const found = await objectDefinition(server === '' || server === '_ADD_' ? '-' : server, object)
    return found.resources.find((one) => one.id === id)
  }
  const refresh = async (): Promise<void> => {
    const mine = ++turn
    const text = path.typedInput('value')
    const found = await find().catch(() => undefined)
    if (mine !== turn) return
    resource = found
    remembered = undefined
    if (found === undefined) {
      hint.text('')
    } else {
      const { type, range } = found
      remembered = { path: text, type, ...(range === undefined ? {} : { range }) }
      hint.text([found.name, type, range, found.units].filter(Boolean).join(' · '))
    }
    showEditor()
    check()
  }
  let lastType = value.typedInput('type')
  value.on('change', () => {
    const type = value.typedInput('type')
    if (type !== lastType) showEditor()
    lastType = type
    check()
  })
  // typedInput says `change` only when the field is left; a mistake is shown while it is made.
  value.closest('.form-row').on('input', 'input', check)
  path.on('change', () => void refresh())
  $(`${options.what}, ${options.server}`).on('change', () => void refresh())
  void refresh()
  return () => remembered
}
