import type { DeviceDetail } from '../../admin/contract'
import { api, ApiFailure } from '../api'
import { Poller } from '../poller'
import { ago, span, t } from '../texts'
import { ResourceView } from './resource-view'
import { TrafficView } from './traffic-view'

const PAGES = ['resources', 'traffic', 'about'] as const
type Page = (typeof PAGES)[number]

/** One device: its objects with live values, its traffic, what it registered. */
export class DeviceView {
  readonly element = $('<div class="lwm2m-device-view">')
  private readonly state = $('<div class="lwm2m-device-state" role="status">')
  private readonly body = $('<div class="lwm2m-device-body">')
  private readonly about = $('<div>')
  private readonly resources: ResourceView
  private readonly traffic: TrafficView
  private readonly poller = new Poller(() => this.refresh(), 2_000)
  private page: Page = 'resources'
  private started = false

  constructor(
    private readonly server: string,
    readonly endpoint: string,
    close: () => void,
  ) {
    this.resources = new ResourceView(server, endpoint)
    this.traffic = new TrafficView(server, endpoint)
    const header = $('<div class="lwm2m-device-header">').appendTo(this.element)
    $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: t('sidebar.back'), 'aria-label': t('sidebar.back') })
      .append($('<i class="fa fa-chevron-left">'))
      .on('click', close)
      .appendTo(header)
    $('<span class="lwm2m-endpoint">').text(endpoint).attr('title', endpoint).appendTo(header)
    this.element.append(this.state, this.tabs(), this.body)
    this.show('resources')
  }

  start(): void {
    this.started = true
    this.poller.start()
    this.startPage()
  }

  stop(): void {
    this.started = false
    this.poller.stop()
    this.resources.stop()
    this.traffic.stop()
  }

  private tabs(): JQuery {
    const tabs = $('<div class="lwm2m-pages" role="tablist">')
    for (const page of PAGES) {
      $('<button type="button" role="tab">')
        .attr('data-page', page)
        .text(t(`sidebar.page-${page}`))
        .on('click', () => this.show(page))
        .appendTo(tabs)
    }
    // As a tab list is used by keyboard: one stop, and arrows between its tabs.
    tabs.on('keydown', (event) => {
      const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
      if (step === 0) return
      event.preventDefault()
      event.stopPropagation()
      const next = PAGES[(PAGES.indexOf(this.page) + step + PAGES.length) % PAGES.length]
      if (next === undefined) return
      this.show(next)
      tabs.find(`[data-page=${next}]`).trigger('focus')
    })
    return tabs
  }

  private show(page: Page): void {
    this.page = page
    this.element.find('[role=tab]').each((_i, tab) => {
      const selected = $(tab).attr('data-page') === page
      $(tab).attr({ 'aria-selected': String(selected), tabindex: selected ? 0 : -1 })
    })
    this.resources.stop()
    this.traffic.stop()
    this.body.children().detach()
    const pages = {
      resources: this.resources.element,
      traffic: this.traffic.element,
      about: this.about,
    }
    this.body.append(pages[page])
    if (this.started) this.startPage()
  }

  private startPage(): void {
    if (this.page === 'resources') this.resources.start()
    if (this.page === 'traffic') this.traffic.start()
  }

  private async refresh(): Promise<void> {
    try {
      const device = await api.device(this.server, this.endpoint)
      const parts = [t(`state.${device.state}`), ago(device.lastSeen)]
      if (device.queued > 0) parts.push(t('sidebar.queued', { n: device.queued }))
      this.state.text(parts.join(' · ')).attr('data-state', device.state)
      this.resources.setDevice(device)
      this.showAbout(device)
    } catch (error) {
      const gone = error instanceof ApiFailure && error.code === 'unknown-endpoint'
      this.state.text(gone ? t('state.gone') : (error as Error).message).attr('data-state', 'gone')
    }
  }

  private showAbout(device: DeviceDetail): void {
    const lines: [string, string][] = [
      ['address', device.address],
      ['security', t(`security.${device.security}`)],
      ['version', `LwM2M ${device.version}`],
      ['binding', device.queueMode ? `${device.binding} Q` : device.binding],
      [
        'lifetime',
        t('about.lifetime-value', {
          lifetime: span(device.lifetime * 1000),
          left: span(device.expiresAt - Date.now()),
        }),
      ],
      ['registered', new Date(device.registeredAt).toLocaleString()],
      ['updated', new Date(device.updatedAt).toLocaleString()],
      ['queued', String(device.queued)],
    ]
    const table = $('<table class="lwm2m-about">')
    for (const [key, value] of lines) {
      $('<tr>')
        .append($('<th scope="row">').text(t(`about.${key}`)), $('<td>').text(value))
        .appendTo(table)
    }
    this.about.empty().append(table)
    if (device.pending.length > 0) this.about.append(pendingTable(device))
  }
}

/** The requests that wait, oldest first. */
function pendingTable(device: DeviceDetail): JQuery {
  const table = $('<table class="lwm2m-about lwm2m-pending">')
  $('<caption>').text(t('about.pending')).appendTo(table)
  for (const { operation, path, queuedAt, expiresAt } of device.pending) {
    const times = t('about.pending-times', {
      since: ago(queuedAt),
      left: span(expiresAt - Date.now()),
    })
    $('<tr>')
      .append($('<th scope="row">').text(operation))
      .append($('<td>').text(path).append($('<div class="lwm2m-detail">').text(times)))
      .appendTo(table)
  }
  return table
}
