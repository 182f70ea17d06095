/** Validators of the dialogs: they answer `true`, or the text that says what is wanted. */
import { parseRange } from '../../src/lwm2m/model/range'
import type { EditedNode } from './defaults'
import { validPaths } from './path-field'
import { t } from './texts'
import type { Validator } from './validator'
import { valueProblem } from './value-field'

/** `${NAME}`, which Node-RED replaces by the environment when the flow starts. */
export const FROM_ENVIRONMENT = /^\$\{[^}]+\}$/

/** A number within bounds (both included). Missing and empty values stand for the default. */
export function numberWithin(bounds: {
  readonly min?: number
  readonly max?: number
  readonly integer?: boolean
  /** An empty field is an error. */
  readonly required?: boolean
}): Validator {
  const { min, max, integer = false, required = false } = bounds
  return function (value, _options) {
    if (value === undefined || (value === '' && !required)) return true
    if (FROM_ENVIRONMENT.test(String(value))) return true
    const number = Number(value)
    if (value === '' || value === null || !Number.isFinite(number)) return t('value.number-wanted')
    if (integer && !Number.isInteger(number)) return t('value.integer-wanted')
    if (min !== undefined && max !== undefined && (number < min || number > max)) {
      return t('value.between', { min, max })
    }
    if (min !== undefined && number < min) return t('value.at-least', { min })
    return max !== undefined && number > max ? t('value.at-most', { max }) : true
  }
}

/** A UDP port; 0 lets the system choose. */
export const port: Validator = numberWithin({ min: 0, max: 65_535, integer: true, required: true })

/** PEM text of a kind, such as `CERTIFICATE`, or nothing. */
export function pem(kind: string): Validator {
  return function (value, _options) {
    if (typeof value !== 'string' || value === '') return true
    return value.includes(`-----BEGIN ${kind}-----`) ? true : t('value.pem-wanted', { kind })
  }
}

/** A path of the dialog: empty (`msg.path` decides), or one (several) that can be read. */
export function path(multiple: boolean): Validator {
  return function (value, _options) {
    if ((this['pathType'] ?? 'str') !== 'str' || value === '' || value === undefined) return true
    if (validPaths(String(value), multiple)) return true
    return t(multiple ? 'value.paths-wanted' : 'value.path-wanted')
  }
}

/** What a write node remembers of its resource, so that its value is checked before a deploy. */
export interface RememberedResource {
  readonly path: string
  readonly type: string
  readonly range?: string
}

/** The fixed value of a write node, by the type and range of the resource that it writes. */
export const writtenValue: Validator = function (value, _options) {
  const { what, path: written, pathType, valueType } = this
  const resource = this['resource'] as RememberedResource | null | undefined
  if (what !== undefined && what !== 'values') return true
  if (pathType !== 'str' || !['str', 'num', 'bool'].includes(String(valueType))) return true
  if (!resource || resource.path !== written) return true
  return valueProblem(String(value), resource.type, parseRange(resource.range)) ?? true
}

/**
 * Says below each field of an open dialog what is wrong with it, and marks the tabs that hold such
 * fields, so that an error on a hidden tab is found. A field that is made a typedInput says so itself.
 * @param prefix `node-input-` or `node-config-input-`
 */
export function explainFields(node: EditedNode, prefix: string): void {
  const checks: (() => void)[] = []
  for (const [name, { validate }] of Object.entries(node._def.defaults)) {
    const input = $(`#${prefix}${name}`)
    if (validate === undefined || input.length === 0) continue
    const note = $('<div class="lwm2m-field-error" role="alert">').insertAfter(
      input.closest('.form-row'),
    )
    const check = (): void => {
      const outcome = isTyped(input) || validate.call(node, input.val(), {})
      note.text(typeof outcome === 'string' ? outcome : '')
    }
    checks.push(check)
    input.on('input change', () => {
      check()
      markTabs()
    })
  }
  const markTabs = (): void => {
    $('.lwm2m-tab-content').each((_index, tab) => {
      const wrong = $(tab).find('.lwm2m-field-error').is(':not(:empty)')
      $(`a[href="#${tab.id}"]`).closest('li').toggleClass('lwm2m-tab-error', wrong)
    })
  }
  // The dialog goes on to build its fields and tabs: look when it has.
  window.setTimeout(() => {
    for (const check of checks) check()
    markTabs()
  })
}

function isTyped(input: JQuery): boolean {
  return input.closest('.red-ui-typedInput-container').length > 0 || input.is('[type=hidden]')
}
