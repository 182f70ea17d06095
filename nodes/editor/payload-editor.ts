/** Below the value of a dialog: an object of values, each with a field of its type. */
import type { ResourceInfo } from '../admin/contract'
import { objectDefinition, pathIds } from './path-names'
import { openPathPicker } from './path-picker'
import { PayloadRow } from './payload-row'
import { t } from './texts'

/** What the keys of the object are: resources of one object, or whole paths. */
export type PayloadKeys =
  { readonly kind: 'resources'; readonly path: string } | { readonly kind: 'paths' }

/** Where the editor finds what it needs. */
export interface PayloadEditorOptions {
  /** The typedInput of the value. */
  readonly value: string
  readonly server: () => string
  /** Endpoint name, or nothing where the dialog names no single device. */
  readonly endpoint: () => string
  /** Undefined where an object of values is not what is wanted. */
  readonly keys: () => PayloadKeys | undefined
}

/** The object that a JSON text is; undefined where it is something else. */
function objectOf(text: string): { readonly [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as { [key: string]: unknown }) : undefined
  } catch {
    return undefined
  }
}

/** Keeps the JSON of a typedInput and a list of typed fields the same. */
export class PayloadEditor {
  private readonly value: JQuery
  private readonly list = $('<div class="lwm2m-payload-rows">')
  private readonly actions = $('<div>')
  private readonly problem = $('<div class="lwm2m-payload-problem" role="alert">')
  private rows: PayloadRow[] = []
  private resources: readonly ResourceInfo[] = []
  private turn = 0
  /** The JSON as the fields say it: what differs came from the typedInput. */
  private written: string | undefined

  constructor(
    place: string,
    private readonly options: PayloadEditorOptions,
  ) {
    this.value = $(options.value)
    $(place).addClass('lwm2m-payload').append(this.list, this.actions, this.problem)
    this.value.on('change', () => {
      if (this.text() !== this.written) void this.refresh()
    })
    void this.refresh()
  }

  /**
   * Call when the keys may have become others.
   * @returns whether what is shown is still wanted
   */
  async refresh(): Promise<boolean> {
    const turn = ++this.turn
    const keys = this.options.keys()
    // At once: what is there belongs to the keys before, and would be pressed for these.
    this.rows = []
    this.list.empty()
    this.actions.empty()
    this.problem.text('')
    this.written = undefined
    const resources = keys?.kind === 'resources' ? await this.resourcesOf(keys.path) : []
    if (turn !== this.turn) return false
    this.resources = resources
    if (keys === undefined || (keys.kind === 'resources' && resources.length === 0)) {
      return true
    }
    if (this.value.typedInput('type') !== 'json') {
      this.button('payload.fixed', 'fa-pencil', () => this.begin())
      return true
    }
    const text = this.value.typedInput('value').trim()
    const object = text === '' ? {} : objectOf(text)
    if (object === undefined) {
      this.problem.text(t('payload.no-object'))
      return true
    }
    for (const [key, value] of Object.entries(object)) this.add(keys, key, value)
    this.button('payload.add', 'fa-plus', () => {
      this.add(keys, '', undefined).focus()
    })
    this.written = this.text()
    await Promise.all(this.rows.map(({ ready }) => ready))
    return turn === this.turn
  }

  private text(): string {
    return `${this.value.typedInput('type')} ${this.value.typedInput('value')}`
  }

  private async resourcesOf(path: string): Promise<readonly ResourceInfo[]> {
    const [object] = pathIds(path) ?? []
    if (object === undefined) return []
    try {
      const { resources } = await objectDefinition(this.options.server(), object)
      return resources.filter(({ operations }) => operations !== 'E')
    } catch {
      return []
    }
  }

  /** Fixed values begin with those that every instance has. */
  private begin(): void {
    const wanted = this.resources.filter(
      ({ mandatory, operations }) => mandatory && operations.includes('W'),
    )
    const object = Object.fromEntries(wanted.map(({ id, multiple }) => [id, multiple ? {} : '']))
    this.value.typedInput('type', 'json').typedInput('value', JSON.stringify(object))
    void this.refresh().then((current) => {
      if (current) this.write()
    })
  }

  private add(keys: PayloadKeys, key: string, value: unknown): PayloadRow {
    const row = new PayloadRow(key, value, {
      server: this.options.server(),
      ...(keys.kind === 'resources' ? { resources: this.resources } : {}),
      pick: (path, picked) => this.pick(path, picked),
      changed: () => this.write(),
      removed: () => {
        this.rows = this.rows.filter((other) => other !== row)
        this.write()
      },
    })
    this.rows.push(row)
    this.list.append(row.element)
    return row
  }

  private pick(path: string, picked: (path: string) => void): void {
    openPathPicker({
      server: this.options.server(),
      endpoint: this.options.endpoint(),
      use: 'write',
      multiple: false,
      selected: path === '' ? [] : [path],
      onPicked: ([first]) => {
        if (first !== undefined) picked(first)
      },
    })
  }

  private write(): void {
    const object: { [key: string]: unknown } = {}
    try {
      for (const row of this.rows) {
        const { key } = row
        if (key === '') continue
        if (key in object) throw new Error(t('payload.twice', { key }))
        object[key] = row.read()
      }
    } catch (error) {
      this.problem.text((error as Error).message)
      return
    }
    this.problem.text('')
    const text = JSON.stringify(object)
    this.written = `json ${text}`
    this.value.typedInput('value', text)
  }

  private button(key: string, icon: string, action: () => void): void {
    $('<button type="button" class="red-ui-button red-ui-button-small">')
      .append($('<i class="fa">').addClass(icon), document.createTextNode(` ${t(key)}`))
      .on('click', action)
      .appendTo(this.actions)
  }
}
