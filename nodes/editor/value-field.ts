/** How a value is entered: by the type and range of its resource. */
import { isMilliseconds } from '../../src/lwm2m/milliseconds'
import { parseRange, type ValueRange } from '../../src/lwm2m/model/range'
import type { ResourceInfo } from '../admin/contract'
import { t } from './texts'

/** An input for one value; `read` answers the JSON value or throws what is wrong with it. */
export interface ValueField {
  readonly element: JQuery
  read(): unknown
}

/** Why a text is no value of a type and range; undefined when it is one. */
export function valueProblem(text: string, type: string, range?: ValueRange): string | undefined {
  switch (type) {
    case 'Integer':
    case 'Unsigned Integer': {
      if (!/^\s*-?\d+\s*$/.test(text)) return t('value.integer-wanted')
      if (type === 'Unsigned Integer' && text.trim().startsWith('-')) return t('value.not-negative')
      return rangeProblem(Number(text), range)
    }
    case 'Float':
      if (text.trim() === '' || !Number.isFinite(Number(text))) return t('value.number-wanted')
      return rangeProblem(Number(text), range)
    case 'Boolean':
      return /^(true|false|0|1)$/.test(text.trim()) ? undefined : t('value.boolean-wanted')
    case 'Time':
      return isTime(text) ? undefined : t('value.time-wanted')
    case 'Objlnk':
      return isLink(text) ? undefined : t('value.link-wanted')
    case 'Opaque':
      // As the engine reads it: hex begins with 0x.
      return (/^\s*0x/i.test(text) ? isHex(text) : isBase64(text))
        ? undefined
        : t('value.bytes-wanted')
    default:
      return undefined
  }
}

function rangeProblem(value: number, range: ValueRange | undefined): string | undefined {
  if (range === undefined) return undefined
  const { min, max, values } = range
  if (values !== undefined && !values.includes(value)) {
    return t('value.one-of', { values: values.join(', ') })
  }
  if (min !== undefined && max !== undefined && (value < min || value > max)) {
    return t('value.between', { min, max })
  }
  return undefined
}

function isTime(text: string): boolean {
  return /^-?\d+$/.test(text.trim()) || !Number.isNaN(Date.parse(text))
}

/** Core appendix C: two 16-bit numbers. */
function isLink(text: string): boolean {
  const ids = /^(\d{1,5}):(\d{1,5})$/.exec(text.trim())
  return ids !== null && Number(ids[1]) <= 65_535 && Number(ids[2]) <= 65_535
}

function compact(text: string): string {
  return text.replace(/\s+/g, '')
}

function isHex(text: string): boolean {
  return /^(0x)?([\da-f]{2})*$/i.test(compact(text))
}

function isBase64(text: string): boolean {
  const base64 = compact(text)
  return /^[\w+/-]*={0,2}$/.test(base64) && base64.replace(/=/g, '').length % 4 !== 1
}

/** Whether a range of numbers says something of a type. */
export function isNumeric(type: string): boolean {
  return type === 'Integer' || type === 'Unsigned Integer' || type === 'Float'
}

/**
 * `'AAEC'` -> `'000102'`.
 * @throws DOMException where it is no base64
 */
export function hexOfBase64(text: string): string {
  const bytes = atob(text.trim().replace(/-/g, '+').replace(/_/g, '/'))
  return [...bytes].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}

/** A list of choices, a date, bytes, a number or a text, as the resource wants it. */
export function valueField(resource: ResourceInfo | undefined, current: unknown): ValueField {
  const type = resource?.type ?? 'String'
  const range = parseRange(resource?.range)
  if (type === 'Boolean') return booleanField(current)
  if (range?.values !== undefined && isNumeric(type)) return choiceField(range, current)
  if (type === 'Time') return timeField(current)
  if (type === 'Opaque') return bytesField(current)
  return textField(type, range, resource?.range, current)
}

function booleanField(current: unknown): ValueField {
  const element = $('<select class="lwm2m-value">')
  for (const value of ['true', 'false']) $('<option>').val(value).text(value).appendTo(element)
  element.val(String(current === true || current === 'true'))
  return { element, read: () => element.val() === 'true' }
}

/** An enumeration: what its values mean, where the registry says it. */
function choiceField({ values = [], labels = {} }: ValueRange, current: unknown): ValueField {
  const element = $('<select class="lwm2m-value">')
  for (const value of values) {
    const label = labels[value]
    const text = label === undefined || label === '' ? String(value) : `${value} · ${label}`
    $('<option>').val(String(value)).text(text).appendTo(element)
  }
  if (values.includes(Number(current))) element.val(String(current))
  return { element, read: () => Number(element.val()) }
}

/** Unix seconds or ISO 8601 as the local time that the browser's input wants. */
function localTime(current: unknown): string {
  const text = String(current ?? '').trim()
  const given = /^-?\d+$/.test(text)
    ? new Date(Number(text) * (isMilliseconds(text) ? 1 : 1000))
    : new Date(text)
  const date = Number.isNaN(given.getTime()) ? new Date() : given
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function timeField(current: unknown): ValueField {
  const element = $('<input type="datetime-local" step="1" class="lwm2m-value">')
  element.val(localTime(current))
  return {
    element,
    read: () => {
      const chosen = new Date(element.val() as string)
      if (Number.isNaN(chosen.getTime())) throw new Error(t('value.time-wanted'))
      return chosen.toISOString()
    },
  }
}

/** Bytes as the API takes them: `0x…`, or base64. */
function bytesField(current: unknown): ValueField {
  const element = $('<span class="lwm2m-value lwm2m-bytes">')
  const input = $('<input type="text">').val(String(current ?? ''))
  const encoding = $('<select>').attr('aria-label', t('value.encoding'))
  for (const name of ['hex', 'base64']) $('<option>').val(name).text(name).appendTo(encoding)
  element.append(input, encoding)
  const check = (): string | undefined => {
    const text = input.val() as string
    const fits = encoding.val() === 'hex' ? isHex(text) : isBase64(text)
    const problem = fits ? undefined : t(`value.${encoding.val() as string}-wanted`)
    input.toggleClass('input-error', !fits).attr('title', problem ?? '')
    return problem
  }
  input.on('input', check)
  encoding.on('change', check)
  return {
    element,
    read: () => {
      const problem = check()
      if (problem !== undefined) throw new Error(problem)
      const text = compact(input.val() as string)
      return encoding.val() === 'hex' ? `0x${text.replace(/^0x/i, '')}` : text
    },
  }
}

function textField(
  type: string,
  range: ValueRange | undefined,
  hint: string | undefined,
  current: unknown,
): ValueField {
  const element = $('<input type="text" class="lwm2m-value">')
  if (current !== undefined && current !== null) element.val(String(current))
  element.attr('placeholder', [type, hint].filter(Boolean).join(' · '))
  const check = (): string | undefined => {
    const problem = valueProblem(element.val() as string, type, range)
    element.toggleClass('input-error', problem !== undefined).attr('title', problem ?? '')
    return problem
  }
  element.on('input', check)
  return {
    element,
    read: () => {
      const problem = check()
      if (problem !== undefined) throw new Error(problem)
      return element.val() as string
    },
  }
}
