import type { DeviceInfo, DeviceList, ServerInfo } from '../../admin/contract'
import { api } from '../api'
import { Poller } from '../poller'
import { StoreRescue } from '../store-rescue'
import { t } from '../texts'
import { DeviceRow } from './device-row'

const PAGE = 100

/** The devices of one server; a line that says why there are none. */
class ServerSection {
  readonly element = $('<section class="lwm2m-section">')
  private readonly title = $('<h5 class="lwm2m-section-title">').appendTo(this.element)
  private readonly status = $('<div class="lwm2m-list-note" role="status">').appendTo(this.element)
  private readonly rescue = new StoreRescue()
  private readonly rows = $('<ul class="lwm2m-devices">').appendTo(this.element)
  private readonly shown = new Map<string, DeviceRow>()

  constructor(
    private readonly id: string,
    private readonly open: (server: string, endpoint: string) => void,
  ) {
    this.rescue.element.insertBefore(this.rows)
  }

  /** @param titled there are other servers, too */
  async refresh(server: ServerInfo, search: string, titled: boolean): Promise<DeviceList> {
    this.title.text(server.name).toggle(titled)
    const list = await api.devices(this.id, search, PAGE)
    this.showDevices(list.devices)
    const note = this.note(server, list)
    this.status.text(note).toggle(note !== '')
    this.rescue.update(server)
    return list
  }

  /** Why the list is empty or not whole. */
  private note(server: ServerInfo, { devices, matching, total }: DeviceList): string {
    if (server.state === 'failed') return t('sidebar.server-failed', { error: server.error })
    if (server.state === 'starting') return t('sidebar.server-starting')
    if (total === 0) return t('sidebar.no-devices', { addresses: server.addresses.join(', ') })
    if (matching === 0) return t('sidebar.no-match')
    return devices.length < matching ? t('sidebar.more', { n: matching - devices.length }) : ''
  }

  private showDevices(devices: readonly DeviceInfo[]): void {
    const listed = new Set(devices.map(({ endpoint }) => endpoint))
    for (const [endpoint, { element }] of this.shown) {
      if (listed.has(endpoint)) continue
      element.remove()
      this.shown.delete(endpoint)
    }
    const focused = this.rows.find(':focus')
    devices.forEach((device, index) => {
      const row = this.row(device.endpoint)
      row.update(device)
      const there = this.rows.children()[index]
      const [element] = row.element
      if (element !== there) this.rows[0]?.insertBefore(element as HTMLElement, there ?? null)
    })
    // An element that was moved has lost the focus.
    if (!focused.is(':focus')) focused.trigger('focus')
  }

  private row(endpoint: string): DeviceRow {
    const row =
      this.shown.get(endpoint) ?? new DeviceRow(endpoint, () => this.open(this.id, endpoint))
    this.shown.set(endpoint, row)
    return row
  }
}

/** The devices of all deployed servers, kept up to date. */
export class DeviceListView {
  readonly element = $('<div class="lwm2m-list">')
  private readonly search = $('<input type="text">')
  private readonly status = $('<div class="lwm2m-list-note" role="status">')
  private readonly body = $('<div class="lwm2m-sections">')
  private readonly sections = new Map<string, ServerSection>()
  private readonly poller = new Poller(() => this.refresh(), 2_000)

  constructor(private readonly open: (server: string, endpoint: string) => void) {
    const header = $('<div class="lwm2m-list-header">').appendTo(this.element)
    this.search.attr('placeholder', t('sidebar.search')).appendTo($('<div>').appendTo(header))
    this.search.searchBox({ delay: 200, change: () => void this.refresh() })
    this.element.append(this.status, this.body)
    this.status.text(t('sidebar.loading'))
  }

  start(): void {
    this.poller.start()
  }

  stop(): void {
    this.poller.stop()
  }

  /** The device that was open gets the focus back. */
  focus(endpoint: string): void {
    this.body
      .find('.lwm2m-device')
      .filter((_index, row) => $(row).attr('data-endpoint') === endpoint)
      .first()
      .trigger('focus')
  }

  private async refresh(): Promise<void> {
    try {
      const servers = await api.servers()
      this.setServers(servers)
      const search = (this.search.val() as string).trim()
      const lists = await Promise.all(
        servers.map((server) =>
          this.sections.get(server.id)?.refresh(server, search, servers.length > 1),
        ),
      )
      const sum = (of: (list: DeviceList) => number): number =>
        lists.reduce((all, list) => all + (list === undefined ? 0 : of(list)), 0)
      this.search.searchBox('count', `${sum((list) => list.matching)} / ${sum((l) => l.total)}`)
      this.status.text(t('sidebar.no-server')).toggle(servers.length === 0)
    } catch (error) {
      this.status.text((error as Error).message).show()
    }
  }

  private setServers(servers: readonly ServerInfo[]): void {
    for (const [id, section] of this.sections) {
      if (servers.some((server) => server.id === id)) continue
      section.element.remove()
      this.sections.delete(id)
    }
    for (const { id } of servers) {
      if (this.sections.has(id)) continue
      const section = new ServerSection(id, this.open)
      this.sections.set(id, section)
      this.body.append(section.element)
    }
  }
}
