/** The values of a multiple resource: one field for each of its instances. */
import type { ResourceInfo } from '../admin/contract'
import { t } from './texts'
import { valueField, type ValueField } from './value-field'

const MAX_ID = 65_534

/** An object by instance id, as JSON has it; anything else has no instances. */
function entriesOf(current: unknown): [string, unknown][] {
  if (typeof current !== 'object' || current === null) return []
  return Object.entries(current)
}

/**
 * Fields for the instances that there are, and for more. `read` answers an object by instance id.
 * @param current an object by instance id
 */
export function instancesField(resource: ResourceInfo, current: unknown): ValueField {
  const element = $('<span class="lwm2m-value lwm2m-instances">')
  const list = $('<span class="lwm2m-instance-list">').appendTo(element)
  const rows = new Set<{ readonly id: JQuery; readonly field: ValueField }>()

  const add = (id: string, value: unknown): void => {
    const line = $('<span class="lwm2m-instance-row">').appendTo(list)
    const input = $('<input type="number" min="0" class="lwm2m-instance-id">')
      .val(id)
      .attr('aria-label', t('value.instance'))
    const row = { id: input, field: valueField(resource, value) }
    rows.add(row)
    const remove = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: t('value.remove'), 'aria-label': `${t('value.remove')} ${id}` })
      .append($('<i class="fa fa-times">'))
      .on('click', () => {
        rows.delete(row)
        line.remove()
        element.trigger('input')
      })
    line.append(input, row.field.element, remove)
  }
  for (const [id, value] of entriesOf(current)) add(id, value)
  if (rows.size === 0) add('0', undefined)
  $('<button type="button" class="red-ui-button red-ui-button-small lwm2m-add">')
    .append($('<i class="fa fa-plus">'), document.createTextNode(` ${t('value.add-instance')}`))
    .on('click', () => {
      const ids = [...rows].map(({ id }) => Number(id.val()))
      add(String(Math.max(-1, ...ids) + 1), undefined)
      element.trigger('input')
    })
    .appendTo(element)

  return {
    element,
    read: () => {
      const values: { [id: string]: unknown } = {}
      for (const { id, field } of rows) {
        const text = String(id.val())
        if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_ID || text in values) {
          throw new Error(t('value.instance-wanted'))
        }
        values[text] = field.read()
      }
      return values
    },
  }
}
