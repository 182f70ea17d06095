import type { DeviceDetail, DeviceObject, ResourceInfo } from '../../admin/contract'
import { api, mayAsk } from '../api'
import { objectDefinition } from '../path-names'
import { Poller } from '../poller'
import { t } from '../texts'
import { ResourceRow } from './resource-row'

/** The objects of a device by name, their resources with values, in place operations. */
export class ResourceView {
  readonly element = $('<div class="lwm2m-resources">')
  private readonly watcher = `sidebar-${Math.random().toString(36).slice(2)}`
  private readonly rows = new Map<string, ResourceRow>()
  private readonly watched = new Set<string>()
  private readonly poller = new Poller(() => this.poll(), 1_000)
  private cursor = 0
  private shown = ''
  private version = ''

  constructor(
    private readonly server: string,
    private readonly endpoint: string,
  ) {
    this.element.append($('<div class="lwm2m-list-note" role="status">').text(t('sidebar.loading')))
  }

  start(): void {
    if (this.watched.size > 0) void this.watch()
    this.poller.start()
  }

  /** Nobody looks: the observations end. */
  stop(): void {
    this.poller.stop()
    if (this.watched.size === 0) return
    const body = { watcher: this.watcher, paths: [] }
    api.watch(this.server, this.endpoint, body).catch(() => {
      // The watch lapses by itself.
    })
  }

  /** Draws the objects; a device that registered others is drawn anew. */
  setDevice(device: DeviceDetail): void {
    this.version = device.version
    const key = JSON.stringify(device.objects)
    if (key === this.shown) return
    this.shown = key
    this.rows.clear()
    this.element.empty()
    if (device.objects.length === 0) {
      $('<div class="lwm2m-list-note">').text(t('picker.no-objects')).appendTo(this.element)
    }
    for (const object of device.objects) {
      for (const instance of object.instances) this.addInstance(object, instance)
      if (object.instances.length === 0) {
        const name = `${object.name ?? t('picker.unknown-object')} (${object.id})`
        $('<div class="lwm2m-list-note">')
          .text(`${name}: ${t('picker.no-instances')}`)
          .appendTo(this.element)
      }
    }
  }

  private addInstance(object: DeviceObject, instance: number): void {
    const prefix = object.prefix === '' ? '' : `/${object.prefix}`
    const path = `${prefix}/${object.id}/${instance}`
    const details = $('<details class="lwm2m-instance">').attr('data-path', path)
    const summary = $('<summary>').appendTo(details)
    $('<span class="lwm2m-name">')
      .text(object.name ?? t('picker.unknown-object'))
      .appendTo(summary)
    $('<span class="lwm2m-id">').text(path).appendTo(summary)
    const body = $('<div>').appendTo(details)
    details.one('toggle', () => void this.fill(body, object, path))
    this.element.append(details)
  }

  /** The resources by the model, then the values by one read of the instance. */
  private async fill(body: JQuery, object: DeviceObject, path: string): Promise<void> {
    const note = $('<div class="lwm2m-list-note" role="status">')
      .text(t('sidebar.reading'))
      .appendTo(body)
    try {
      for (const resource of await this.resources(object)) this.addRow(body, path, resource)
    } catch {
      // Without a definition the values show what there is.
    }
    if (!mayAsk()) {
      note.text(t('forbidden'))
      return
    }
    try {
      const { values } = await api.request(this.server, this.endpoint, { operation: 'read', path })
      for (const value of values) {
        const resourcePath = value.path
          .split('/')
          .slice(0, path.split('/').length + 1)
          .join('/')
        const row =
          this.rows.get(resourcePath) ??
          this.addRow(body, path, unknownResource(resourcePath, value.type))
        row.show(value)
      }
      note.remove()
      this.foldAbsent(body)
      await this.showAttributes(path)
    } catch (error) {
      note.text((error as Error).message)
    }
  }

  /** The model names more than a device has: what it did not answer goes behind a button. */
  private foldAbsent(body: JQuery): void {
    const absent = [...this.rows.values()].filter(
      (row) => body.has(row.element[0] as Element).length > 0 && row.mayBeAbsent,
    )
    if (absent.length === 0) return
    const elements = $(absent.map((row) => row.element[0] as HTMLElement)).hide()
    const more = $('<button type="button" class="lwm2m-more">')
      .text(t('sidebar.more-resources', { n: absent.length }))
      .on('click', () => {
        more.remove()
        elements.show()
      })
    body.append(more)
  }

  /** What Discover says of the instance: attributes, and what is there but has no value. */
  private async showAttributes(path: string): Promise<void> {
    try {
      const body = { operation: 'discover' as const, path }
      const { links = [] } = await api.request(this.server, this.endpoint, body)
      for (const link of links) {
        const row = this.rows.get(link.path)
        row?.element.show()
        row?.showAttributes(link.attributes)
      }
    } catch {
      // Discover is a luxury here: the values are there.
    }
  }

  private async resources(object: DeviceObject): Promise<readonly ResourceInfo[]> {
    const { resources } =
      object.version === undefined
        ? await objectDefinition(this.server, object.id)
        : await api.object(this.server, object.id, object.version)
    return resources
  }

  private addRow(body: JQuery, instance: string, resource: ResourceInfo): ResourceRow {
    const row = new ResourceRow(
      { server: this.server, endpoint: this.endpoint, version: this.version },
      `${instance}/${resource.id}`,
      resource,
      (path, on) => this.setWatched(path, on),
    )
    this.rows.set(row.path, row)
    body.append(row.element)
    return row
  }

  private setWatched(path: string, on: boolean): void {
    if (on) this.watched.add(path)
    else this.watched.delete(path)
    void this.watch()
  }

  private async watch(): Promise<void> {
    try {
      const body = { watcher: this.watcher, paths: [...this.watched] }
      await api.watch(this.server, this.endpoint, body)
    } catch (error) {
      for (const path of this.watched) this.rows.get(path)?.fail((error as Error).message)
    }
  }

  private async poll(): Promise<void> {
    if (this.watched.size === 0) return
    try {
      const updates = await api.values(this.server, this.endpoint, this.watcher, this.cursor)
      this.cursor = updates.cursor
      for (const value of updates.values) {
        const own = this.rows.get(value.path) ?? this.rows.get(value.path.replace(/\/\d+$/, ''))
        own?.show(value)
      }
      for (const [path, message] of Object.entries(updates.errors))
        this.rows.get(path)?.fail(message)
    } catch {
      // The server was deployed anew or the watch lapsed: ask again.
      this.cursor = 0
      await this.watch()
    }
  }
}

function unknownResource(path: string, type: string | undefined): ResourceInfo {
  const id = Number(path.slice(path.lastIndexOf('/') + 1))
  const name = t('picker.unknown-resource', { id })
  return { id, name, type: type ?? '', operations: 'RW', multiple: false, mandatory: false }
}
