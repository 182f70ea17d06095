/** The notification attributes of a path, to be set or unset in place (Write-Attributes). */
import {
  ATTRIBUTE_NAMES,
  attributeRule,
  type AttributeName,
  type AttributeSet,
  checkAttributes,
  isAttributeName,
} from '../../src/lwm2m/attributes'
import { compareVersions } from '../../src/lwm2m/versions'
import type { ResourceInfo } from '../admin/contract'
import { observeText, t } from './texts'
import { isNumeric } from './value-field'

/** `pmin=10 pmax=60`, as Discover's answer is told; other attributes are left out. */
export function readAttributes(text: string): AttributeSet {
  const attributes: { [N in AttributeName]?: number } = {}
  for (const part of text.split(' ')) {
    const [name = '', value = ''] = part.split('=')
    const number = Number(value)
    if (isAttributeName(name) && value !== '' && Number.isFinite(number)) attributes[name] = number
  }
  return attributes
}

/** Those that a device of this version knows and that say something of this resource. */
export function usableAttributes(resource: ResourceInfo, version: string): AttributeName[] {
  return ATTRIBUTE_NAMES.filter((name) => {
    if (compareVersions(version, attributeRule(name).since) < 0) return false
    if (name === 'edge') return resource.type === 'Boolean'
    if (name === 'gt' || name === 'lt' || name === 'st') return isNumeric(resource.type)
    return true
  })
}

/** What is to be sent: the attributes that differ, `null` for those that are unset. */
export function changedAttributes(before: AttributeSet, after: AttributeSet): AttributeSet {
  const changed: { [N in AttributeName]?: number | null } = {}
  for (const name of ATTRIBUTE_NAMES) {
    if (after[name] !== before[name]) changed[name] = after[name] ?? null
  }
  return changed
}

/** Fields for the attributes of one resource; an empty field unsets its attribute. */
export class AttributeEditor {
  readonly element = $('<div class="lwm2m-attribute-fields">')
  private readonly fields = new Map<AttributeName, JQuery>()

  constructor(
    resource: ResourceInfo,
    private readonly version: string,
    private readonly before: AttributeSet,
  ) {
    for (const name of usableAttributes(resource, version)) {
      const field = this.field(name)
      const value = before[name]
      field.val(value === undefined ? '' : String(value)).attr('data-attribute', name)
      $('<label>')
        .append($('<code>').text(name))
        .append($('<span class="lwm2m-detail">').text(observeText(name).replace(/ \(.*\)$/, '')))
        .append(field)
        .appendTo(this.element)
      this.fields.set(name, field)
    }
  }

  /**
   * What changed.
   * @throws Error that says what is wrong with a field, or with two together
   */
  read(): AttributeSet {
    const after: { [N in AttributeName]?: number } = {}
    for (const [name, field] of this.fields) {
      // A number field answers no text for what is no number.
      const bad = (field[0] as HTMLInputElement).validity.badInput
      if (bad) throw new Error(`${name}: ${t('value.number-wanted')}`)
      const text = String(field.val() ?? '').trim()
      if (text !== '') after[name] = Number(text)
    }
    checkAttributes(after, { version: this.version })
    return changedAttributes(this.before, after)
  }

  private field(name: AttributeName): JQuery {
    const { kind } = attributeRule(name)
    if (kind !== 'flag') {
      const field = $('<input type="number" step="any">')
      return kind === 'seconds' ? field.attr('placeholder', t('attributes.seconds')) : field
    }
    const texts = name === 'edge' ? ['edge-falling', 'edge-rising'] : [`${name}-0`, `${name}-1`]
    const select = $('<select>').append($('<option value="">').text(observeText('unset')))
    texts.forEach((key, value) =>
      $('<option>').val(String(value)).text(observeText(key)).appendTo(select),
    )
    return select
  }
}
