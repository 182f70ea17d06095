import type { DeviceInfo } from '../../admin/contract'
import { ago, span, t } from '../texts'

/**
 * A device in the list: state, endpoint, and what an operator asks first. Its elements stay while it is
 * updated: a click that is half done or the focus is not lost to a redraw.
 */
export class DeviceRow {
  readonly element = $('<li class="lwm2m-device" tabindex="0" role="button">')
  private readonly dot = $('<span>').appendTo(this.element)
  private readonly lock: JQuery
  private readonly badge: JQuery
  private readonly seen: JQuery
  private readonly facts: JQuery

  constructor(endpoint: string, open: () => void) {
    this.element.attr('data-endpoint', endpoint)
    $('<span class="lwm2m-endpoint">').text(endpoint).attr('title', endpoint).appendTo(this.element)
    this.lock = $('<i class="fa fa-lock lwm2m-lock">').appendTo(this.element)
    this.badge = $('<span class="lwm2m-badge">').appendTo(this.element)
    this.seen = $('<span class="lwm2m-seen">')
      .attr('title', t('sidebar.last-seen'))
      .appendTo(this.element)
    this.facts = $('<span class="lwm2m-detail lwm2m-device-facts">').appendTo(this.element)
    this.element.on('click', open)
    this.element.on('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return
      event.preventDefault()
      // The row leaves the page: Node-RED's keyboard handler must not climb from it.
      event.stopPropagation()
      open()
    })
  }

  update(device: DeviceInfo): void {
    const state = t(`state.${device.state}`)
    this.dot.attr({ class: `lwm2m-dot lwm2m-${device.state}`, title: state })
    const secure = device.security !== 'none'
    this.lock.attr('title', device.security.toUpperCase()).toggle(secure)
    this.badge
      .text(device.queued)
      .attr('title', t('sidebar.queued', { n: device.queued }))
      .toggle(device.queued > 0)
    this.seen.text(ago(device.lastSeen))
    const left = t('sidebar.lifetime-left', { span: span(device.expiresAt - Date.now()) })
    this.facts.text([state, t(`security.${device.security}`), left].join(' · '))
  }
}
