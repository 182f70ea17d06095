import type { DeviceInfo, ServerInfo } from '../../admin/contract'
import { api } from '../api'
import { Poller } from '../poller'
import { ago, span, t } from '../texts'

const PAGE = 100

/** One line: state, endpoint, and what an operator asks first. */
function deviceRow(device: DeviceInfo, open: () => void): JQuery {
  const row = $('<li class="lwm2m-device" tabindex="0" role="button">').attr(
    'data-endpoint',
    device.endpoint,
  )
  $('<span class="lwm2m-dot">')
    .addClass(`lwm2m-${device.state}`)
    .attr('title', t(`state.${device.state}`))
    .appendTo(row)
  $('<span class="lwm2m-endpoint">').text(device.endpoint).appendTo(row)
  if (device.security !== 'none') {
    $('<i class="fa fa-lock lwm2m-lock">')
      .attr('title', device.security.toUpperCase())
      .appendTo(row)
  }
  if (device.queued > 0) {
    $('<span class="lwm2m-badge">')
      .text(device.queued)
      .attr('title', t('sidebar.queued', { n: device.queued }))
      .appendTo(row)
  }
  const left = device.expiresAt - Date.now()
  $('<span class="lwm2m-seen">')
    .text(ago(device.lastSeen))
    .attr('title', t('sidebar.lifetime-left', { span: span(left) }))
    .appendTo(row)
  row.on('click', open)
  row.on('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      // The row leaves the page: Node-RED's keyboard handler must not climb from it.
      event.stopPropagation()
      open()
    }
  })
  return row
}

/** The devices of all deployed servers, kept up to date. */
export class DeviceListView {
  readonly element = $('<div class="lwm2m-list">')
  private readonly server = $('<select class="lwm2m-server">')
  private readonly search = $('<input type="text">')
  private readonly status = $('<div class="lwm2m-list-note" role="status">')
  private readonly rows = $('<ul class="lwm2m-devices">')
  private readonly poller = new Poller(() => this.refresh(), 2_000)
  private shown = ''

  constructor(private readonly open: (server: string, endpoint: string) => void) {
    const header = $('<div class="lwm2m-list-header">').appendTo(this.element)
    this.server.attr('aria-label', t('sidebar.server')).appendTo(header)
    this.search.attr('placeholder', t('sidebar.search')).appendTo($('<div>').appendTo(header))
    this.search.searchBox({ delay: 200, change: () => void this.refresh() })
    this.server.on('change', () => void this.refresh())
    this.element.append(this.status, this.rows)
    this.status.text(t('sidebar.loading'))
  }

  start(): void {
    this.poller.start()
  }

  stop(): void {
    this.poller.stop()
  }

  private async refresh(): Promise<void> {
    try {
      const servers = await api.servers()
      this.showServers(servers)
      const server = servers.find(({ id }) => id === this.server.val())
      if (server === undefined) {
        this.showDevices('', [])
        this.status.text(t('sidebar.no-server')).show()
        return
      }
      const list = await api.devices(server.id, (this.search.val() as string).trim(), PAGE)
      this.search.searchBox('count', `${list.matching} / ${list.total}`)
      this.showDevices(server.id, list.devices)
      const note = this.note(server, list.total, list.matching, list.devices.length)
      this.status.text(note).toggle(note !== '')
    } catch (error) {
      this.status.text((error as Error).message).show()
    }
  }

  /** Why the list is empty or not whole. */
  private note(server: ServerInfo, total: number, matching: number, listed: number): string {
    if (server.state === 'failed') return t('sidebar.server-failed', { error: server.error })
    if (server.state === 'starting') return t('sidebar.server-starting')
    if (total === 0) return t('sidebar.no-devices', { addresses: server.addresses.join(', ') })
    if (matching === 0) return t('sidebar.no-match')
    if (listed < matching) return t('sidebar.more', { n: matching - listed })
    return ''
  }

  private showServers(servers: readonly ServerInfo[]): void {
    const key = JSON.stringify(servers.map(({ id, name }) => [id, name]))
    if (key === this.server.data('key')) return
    const chosen = this.server.val()
    this.server.data('key', key).empty()
    for (const { id, name } of servers) $('<option>').val(id).text(name).appendTo(this.server)
    if (servers.some(({ id }) => id === chosen)) this.server.val(chosen as string)
    this.server.toggle(servers.length > 1)
  }

  private showDevices(server: string, devices: readonly DeviceInfo[]): void {
    // A redraw would take the keyboard's place away: only where something changed.
    const key = JSON.stringify([server, devices, Math.floor(Date.now() / 5_000)])
    if (key === this.shown) return
    this.shown = key
    const focused = $(document.activeElement as Element).attr('data-endpoint')
    this.rows.empty()
    for (const device of devices) {
      const row = deviceRow(device, () => this.open(server, device.endpoint))
      this.rows.append(row)
      if (device.endpoint === focused) row.trigger('focus')
    }
  }
}
