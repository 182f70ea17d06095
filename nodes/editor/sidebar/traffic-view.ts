import type { TrafficEntry } from '../../admin/contract'
import { api } from '../api'
import { download } from '../download'
import { Poller } from '../poller'
import { clockTime, t } from '../texts'

const MAX_ROWS = 500
/** Characters of a payload in the summary. */
const MAX_PREVIEW = 60

/** A device's CoAP messages as they come and go. */
export class TrafficView {
  readonly element = $('<div class="lwm2m-traffic">')
  private readonly rows = $('<ol class="lwm2m-messages">')
  private readonly status = $('<div class="lwm2m-list-note" role="status">')
  private readonly pause = $('<button type="button" class="red-ui-button red-ui-button-small">')
  private readonly entries: TrafficEntry[] = []
  private readonly poller = new Poller(() => this.refresh(), 1_000)
  private cursor = 0
  private paused = false

  constructor(
    private readonly server: string,
    private readonly endpoint: string,
  ) {
    const toolbar = $('<div class="lwm2m-toolbar">').appendTo(this.element)
    this.pause.on('click', () => this.togglePause()).appendTo(toolbar)
    $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(t('traffic.clear'))
      .on('click', () => this.clear())
      .appendTo(toolbar)
    $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(t('traffic.export'))
      .on('click', () => this.export())
      .appendTo(toolbar)
    this.element.append(this.status, this.rows)
    this.pause.text(t('traffic.pause')).attr('aria-pressed', 'false')
    this.status.text(t('traffic.waiting'))
  }

  start(): void {
    if (!this.paused) this.poller.start()
  }

  stop(): void {
    this.poller.stop()
  }

  private togglePause(): void {
    this.paused = !this.paused
    this.pause
      .text(t(this.paused ? 'traffic.resume' : 'traffic.pause'))
      .attr('aria-pressed', String(this.paused))
    if (this.paused) this.poller.stop()
    else this.poller.start()
  }

  private clear(): void {
    this.entries.length = 0
    this.rows.empty()
    this.status.text(t('traffic.waiting')).show()
  }

  private export(): void {
    const json = JSON.stringify(this.entries, null, 2)
    download(`${this.endpoint}-traffic.json`, 'application/json', json)
  }

  private async refresh(): Promise<void> {
    try {
      const page = await api.traffic(this.server, this.cursor, this.endpoint)
      this.cursor = page.cursor
      if (page.lost > 0)
        this.rows.append($('<li class="lwm2m-note">').text(t('traffic.lost', { n: page.lost })))
      for (const entry of page.entries) this.add(entry)
      if (this.entries.length > 0) this.status.hide()
    } catch (error) {
      this.status.text((error as Error).message).show()
    }
  }

  private add(entry: TrafficEntry): void {
    const atEnd = this.isAtEnd()
    this.entries.push(entry)
    this.rows.append(messageRow(entry))
    while (this.entries.length > MAX_ROWS) {
      this.entries.shift()
      this.rows.children().first().remove()
    }
    if (atEnd) this.rows.scrollTop(this.rows[0]?.scrollHeight ?? 0)
  }

  /** New lines scroll into view only for who was looking at the newest. */
  private isAtEnd(): boolean {
    const list = this.rows[0]
    return list === undefined || list.scrollTop + list.clientHeight >= list.scrollHeight - 8
  }
}

/** Summary on the first line, the decoded payload on click. */
function messageRow(entry: TrafficEntry): JQuery {
  const row = $('<li>').toggleClass('lwm2m-repeated', entry.repeated)
  const details = $('<details>').appendTo(row)
  const summary = $('<summary>').appendTo(details)
  $('<i class="fa">')
    .addClass(entry.direction === 'in' ? 'fa-arrow-left lwm2m-in' : 'fa-arrow-right lwm2m-out')
    .attr('title', t(`traffic.${entry.direction}`))
    .appendTo(summary)
  $('<span class="lwm2m-time">').text(clockTime(entry.time)).appendTo(summary)
  $('<span class="lwm2m-type">').text(entry.type).appendTo(summary)
  const isError = /^[45]\./.test(entry.code)
  $('<span class="lwm2m-code">')
    .text(entry.code)
    .toggleClass('lwm2m-error', isError)
    .appendTo(summary)
  const path = (entry.path ?? '') + (entry.query === undefined ? '' : `?${entry.query}`)
  // An answer has no path of its own: the beginning of its payload says what it is about.
  const about = path === '' ? (entry.payload ?? '').split('\n', 1)[0] : path
  const second = $('<span class="lwm2m-second">').appendTo(summary)
  $('<span class="lwm2m-path">')
    .text(about?.slice(0, MAX_PREVIEW) ?? '')
    .appendTo(second)
  const facts = [
    entry.format,
    entry.observe === undefined ? undefined : t('traffic.observe', { n: entry.observe }),
    entry.block === undefined ? undefined : t('traffic.block', { block: entry.block }),
    t('traffic.bytes', { n: entry.size }),
    entry.repeated ? t('traffic.repeated') : undefined,
  ]
  $('<span class="lwm2m-facts">').text(facts.filter(Boolean).join(' · ')).appendTo(second)
  $('<div class="lwm2m-peer">').text(entry.peer).appendTo(details)
  if (entry.payload !== undefined) $('<pre>').text(entry.payload).appendTo(details)
  return row
}
