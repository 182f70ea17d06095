import type { RequestBody, ResourceInfo, ValueInfo } from '../../admin/contract'
import { api, mayAsk } from '../api'
import { AttributeEditor, readAttributes } from '../attribute-editor'
import { ago, t } from '../texts'
import { instancesField } from '../instances-field'
import { valueField } from '../value-field'

/** Whose resource it is. */
export interface RowDevice {
  /** Config node id. */
  readonly server: string
  readonly endpoint: string
  /** LwM2M version. */
  readonly version: string
}

/** One resource: its value, and what can be done with it. Draggable onto the canvas. */
export class ResourceRow {
  readonly element = $('<div class="lwm2m-resource">')
  private readonly value = $('<span class="lwm2m-current">')
  private readonly editor = $('<div class="lwm2m-edit">').hide()
  private readonly attributes = $('<div class="lwm2m-attributes">').hide()
  private readonly note = $('<div class="lwm2m-list-note" role="status">').hide()
  private readonly current = new Map<string, ValueInfo>()
  private attributesText = ''
  /** The button that gets the focus back when the editor closes. */
  private opener: JQuery | undefined

  /** @param onWatch the observe button was pressed */
  constructor(
    private readonly device: RowDevice,
    readonly path: string,
    private readonly resource: ResourceInfo,
    private readonly onWatch: (path: string, on: boolean) => void,
  ) {
    this.element.attr('data-path', path)
    const line = $('<div class="lwm2m-line" draggable="true">').appendTo(this.element)
    const details = [path, resource.type, resource.operations, resource.range]
    $('<span class="lwm2m-name">')
      .text(resource.name)
      .attr('title', details.filter(Boolean).join(' · '))
      .appendTo(line)
    this.value.appendTo(line)
    if (mayAsk()) this.buttons().appendTo(line)
    this.element.append(this.attributes, this.editor, this.note)
    line.on('dragstart', (event) => this.drag(event))
  }

  /** A value arrived; of a multiple resource each instance has its own. */
  show(value: ValueInfo): void {
    this.note.hide()
    this.current.set(value.path, value)
    const texts = [...this.current.values()].map(({ path, value: shown }) => {
      const instance = path === this.path ? '' : `${path.slice(this.path.length + 1)}: `
      return instance + String(shown ?? '')
    })
    const units = this.resource.units
    const text = texts.join(', ') + (units === undefined ? '' : ` ${units}`)
    this.value.text(text).attr('title', `${text} · ${ago(value.time)}`)
    this.value.removeClass('lwm2m-fresh')
    // Reading a layout property lets the animation begin anew.
    void this.value[0]?.offsetWidth
    this.value.addClass('lwm2m-fresh')
  }

  /** A readable resource that has no value: many devices lack those that are optional. */
  get mayBeAbsent(): boolean {
    return this.current.size === 0 && !this.resource.mandatory
  }

  /** Attributes as the device lists them, such as `pmin=10 pmax=60`; empty for none. */
  showAttributes(text: string): void {
    this.attributesText = text
    this.attributes.text(text).toggle(text !== '')
  }

  fail(message: string): void {
    this.note.text(message).show()
  }

  private buttons(): JQuery {
    const { operations } = this.resource
    const group = $('<span class="lwm2m-actions">')
    const button = (icon: string, key: string, action: (button: JQuery) => void): void => {
      const element = $('<button type="button">')
        .attr({
          title: t(key),
          'aria-label': `${t(key)} ${this.resource.name}`,
          'data-action': key.replace('action.', ''),
        })
        .append($('<i class="fa">').addClass(icon))
      element.on('click', () => {
        this.opener = element
        action(element)
      })
      element.appendTo(group)
    }
    if (operations.includes('R')) {
      button(
        'fa-refresh',
        'action.read',
        () => void this.request({ operation: 'read', path: this.path }),
      )
      button('fa-eye', 'action.observe', (element) => {
        const on = element.attr('aria-pressed') !== 'true'
        element.attr('aria-pressed', String(on))
        this.onWatch(this.path, on)
      })
    }
    if (operations.includes('W')) button('fa-pencil', 'action.write', () => this.edit())
    if (operations.includes('R')) {
      button('fa-sliders', 'action.attributes', () => this.editAttributes())
    }
    if (operations === 'E') button('fa-play', 'action.execute', () => this.askArguments())
    return group
  }

  private async request(body: RequestBody): Promise<void> {
    this.note.hide()
    this.element.addClass('lwm2m-busy')
    try {
      const outcome = await api.request(this.device.server, this.device.endpoint, body)
      this.editor.hide()
      if (body.operation === 'read') this.current.clear()
      for (const value of outcome.values) this.show(value)
      if (body.operation === 'write-attributes') await this.discover()
      if (body.operation !== 'read') {
        this.note.text(t('sidebar.done', { code: outcome.code, ms: outcome.duration })).show()
      }
      if (body.operation === 'write' && this.resource.operations.includes('R')) {
        await this.request({ operation: 'read', path: this.path })
      }
    } catch (error) {
      this.fail((error as Error).message)
    } finally {
      this.element.removeClass('lwm2m-busy')
    }
  }

  /** What the device says of its attributes now. */
  private async discover(): Promise<void> {
    const { server, endpoint } = this.device
    const { links = [] } = await api.request(server, endpoint, {
      operation: 'discover',
      path: this.path,
    })
    this.showAttributes(links.find(({ path }) => path === this.path)?.attributes ?? '')
  }

  private editAttributes(): void {
    const before = readAttributes(this.attributesText)
    const editor = new AttributeEditor(this.resource, this.device.version, before)
    this.openEditor(editor.element, t('attributes.set'), () => {
      const value = editor.read()
      if (Object.keys(value).length === 0) throw new Error(t('attributes.unchanged'))
      return { operation: 'write-attributes', path: this.path, value }
    })
  }

  private edit(): void {
    const field = this.resource.multiple
      ? instancesField(this.resource, this.instances())
      : valueField(this.resource, this.current.get(this.path)?.value)
    this.openEditor(field.element, t('action.write'), () => ({
      operation: 'write',
      path: this.path,
      value: field.read(),
    }))
  }

  /** The values of a multiple resource by instance id. */
  private instances(): { readonly [id: string]: unknown } {
    const values = [...this.current.values()].filter(({ path }) => path !== this.path)
    return Object.fromEntries(
      values.map(({ path, value }) => [path.slice(this.path.length + 1), value]),
    )
  }

  private askArguments(): void {
    const input = $('<input type="text" class="lwm2m-value">').attr(
      'placeholder',
      t('sidebar.arguments'),
    )
    this.openEditor(input, t('action.execute'), () => ({
      operation: 'execute',
      path: this.path,
      value: input.val(),
    }))
  }

  private openEditor(field: JQuery, label: string, body: () => RequestBody): void {
    const submit = (): void => {
      try {
        void this.request(body())
      } catch (error) {
        this.fail((error as Error).message)
      }
    }
    const confirm = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(label)
      .on('click', submit)
    const cancel = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(t('cancel'))
      .on('click', () => this.closeEditor())
    this.note.hide()
    this.editor.empty().append(field, confirm, cancel).show()
    field.on('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== 'Escape') return
      // Node-RED's own keys would close a dialog or act on the canvas.
      event.preventDefault()
      event.stopPropagation()
      if (event.key === 'Enter') submit()
      else this.closeEditor()
    })
    const inner = field.find('input, select').addBack('input, select').first()
    inner.trigger('focus')
  }

  private closeEditor(): void {
    this.editor.hide()
    this.note.hide()
    this.opener?.trigger('focus')
  }

  /** The workspace imports dropped JSON: an observe, read, write or execute node, configured. */
  private drag(event: JQuery.DragStartEvent): void {
    const { operations } = this.resource
    const readable = event.altKey ? 'read' : 'observe'
    const type = operations === 'E' ? 'execute' : operations === 'W' ? 'write' : readable
    const node = configuredNode(`lwm2m-${type}`, {
      server: this.device.server,
      endpoint: this.device.endpoint,
      endpointType: 'str',
      path: this.path,
      pathType: 'str',
    })
    event.originalEvent?.dataTransfer?.setData('text/plain', JSON.stringify([node]))
  }
}

/** A node as an export has it: with the defaults of its type where nothing else is said. */
function configuredNode(type: string, properties: object): object {
  const defaults = Object.entries(RED.nodes.getType(type)?.defaults ?? {})
  return {
    id: RED.nodes.id(),
    type,
    ...Object.fromEntries(defaults.map(([name, { value }]) => [name, value])),
    ...properties,
    x: 0,
    y: 0,
    wires: [[]],
  }
}
