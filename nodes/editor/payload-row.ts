/** One value of an object of values: which resource or path, and a field of its type. */
import type { ResourceInfo } from '../admin/contract'
import { instancesField } from './instances-field'
import { objectDefinition, pathIds } from './path-names'
import { t } from './texts'
import { hexOfBase64, isNumeric, valueField, type ValueField } from './value-field'

/** What a row needs from its list. */
export interface PayloadRowOptions {
  readonly server: string
  /** The resources to choose from; where there are none, the key is a path. */
  readonly resources?: readonly ResourceInfo[]
  readonly pick: (path: string, picked: (path: string) => void) => void
  readonly changed: () => void
  readonly removed: () => void
}

/** JSON as it stands, for what has no type: unknown resources, and `null`, which deletes. */
function jsonField(current: unknown): ValueField {
  const element = $('<input type="text" class="lwm2m-value" placeholder="JSON">')
  element.val(current === undefined ? '' : JSON.stringify(current))
  return {
    element,
    read: () => {
      try {
        return JSON.parse(element.val() as string) as unknown
      } catch {
        throw new Error(t('payload.json-wanted'))
      }
    },
  }
}

/** Bytes as the field shows them: text that does not begin with `0x` is base64 (as the engine reads it). */
function shown(resource: ResourceInfo, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([id, one]) => [id, shown(resource, one)]))
  }
  if (resource.type !== 'Opaque' || typeof value !== 'string' || /^\s*0x/i.test(value)) return value
  try {
    return hexOfBase64(value)
  } catch {
    return value
  }
}

/** Numbers as JSON has them, where it can say them exactly. */
function exact(resource: ResourceInfo, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([id, one]) => [id, exact(resource, one)]))
  }
  if (!isNumeric(resource.type) || typeof value !== 'string') return value
  const number = Number(value)
  return resource.type === 'Float' || Number.isSafeInteger(number) ? number : value.trim()
}

export class PayloadRow {
  readonly element = $('<div class="lwm2m-payload-row">')
  private readonly keyInput: JQuery
  private readonly place = $('<span class="lwm2m-payload-value">')
  private field: ValueField
  /** Resolves when the field of the first value is there. */
  readonly ready: Promise<void>
  private resource: ResourceInfo | undefined
  private turn = 0

  constructor(
    key: string,
    value: unknown,
    private readonly options: PayloadRowOptions,
  ) {
    const { resources } = options
    this.keyInput = resources === undefined ? this.pathInput(key) : resourceSelect(resources, key)
    this.keyInput.addClass('lwm2m-payload-key').attr('aria-label', t('payload.key'))
    const line = $('<div class="lwm2m-payload-line">').append(this.keyInput)
    if (resources === undefined) line.append(this.pickButton())
    const remove = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: t('value.remove'), 'aria-label': t('value.remove') })
      .append($('<i class="fa fa-times">'))
      .on('click', () => {
        this.element.remove()
        options.removed()
      })
    this.element.append(line.append(remove), this.place)
    this.field = jsonField(value)
    this.ready = this.showField(value)
    this.keyInput.on('change', () => void this.showField(undefined).then(options.changed))
    this.place.on('input change', options.changed)
  }

  /** Resource id or name, or path; empty where none is chosen yet. */
  get key(): string {
    return String(this.keyInput.val() ?? '').trim()
  }

  /** @throws Error that says what is wrong with the value */
  read(): unknown {
    try {
      const value = this.field.read()
      return this.resource === undefined ? value : exact(this.resource, value)
    } catch (error) {
      const name = this.resource?.name ?? this.key
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
    }
  }

  focus(): void {
    this.keyInput.trigger('focus')
  }

  private async showField(value: unknown): Promise<void> {
    const turn = ++this.turn
    const resource = await this.find()
    if (turn !== this.turn) return
    this.resource = value === null ? undefined : resource
    if (this.resource === undefined) this.field = jsonField(value)
    else if (isSingle(this.resource, this.key)) {
      this.field = valueField(this.resource, shown(this.resource, value))
    } else this.field = instancesField(this.resource, shown(this.resource, value))
    const facts = resource === undefined ? [] : [resource.type, resource.range, resource.units]
    const hint = $('<span class="lwm2m-detail">').text(facts.filter(Boolean).join(' · '))
    this.place.empty().append(this.field.element, hint)
  }

  private async find(): Promise<ResourceInfo | undefined> {
    const { key } = this
    const { resources, server } = this.options
    if (resources !== undefined) return findResource(resources, key)
    const [object, , id] = pathIds(key) ?? []
    if (object === undefined || id === undefined) return undefined
    try {
      const definition = await objectDefinition(server, object)
      return definition.resources.find((resource) => resource.id === id)
    } catch {
      return undefined
    }
  }

  private pathInput(path: string): JQuery {
    return $('<input type="text" placeholder="/3303/0/5700">').val(path)
  }

  private pickButton(): JQuery {
    return $('<button type="button" class="red-ui-button red-ui-button-small lwm2m-pick">')
      .attr({ title: t('picker.title'), 'aria-label': t('picker.title') })
      .append($('<i class="fa fa-sitemap">'))
      .on('click', () =>
        this.options.pick(this.key, (path) => this.keyInput.val(path).trigger('change')),
      )
  }
}

/** One value: of a single resource, or of one instance of a multiple one. */
function isSingle(resource: ResourceInfo, key: string): boolean {
  return !resource.multiple || (pathIds(key)?.length ?? 0) === 4
}

function findResource(resources: readonly ResourceInfo[], key: string): ResourceInfo | undefined {
  const name = key.toLowerCase()
  return resources.find((one) => String(one.id) === key || one.name.toLowerCase() === name)
}

/** A key that is none of the resources is kept as it is. */
function resourceSelect(resources: readonly ResourceInfo[], key: string): JQuery {
  const select = $('<select>').append($('<option value="">').text(t('payload.choose')))
  const own = findResource(resources, key)
  for (const resource of resources) {
    const value = resource === own ? key : String(resource.id)
    $('<option>').val(value).text(`${resource.name} (${resource.id})`).appendTo(select)
  }
  if (own === undefined && key !== '') $('<option>').val(key).text(key).appendTo(select)
  return select.val(key)
}
