import { t } from '../texts'
import { DeviceListView } from './device-list'
import { DeviceView } from './device-view'

const TAB = 'lwm2m'

/** The sidebar tab: a list of devices, and one device when it is opened. */
class Sidebar {
  readonly content = $('<div class="lwm2m-sidebar">')
  private readonly list = new DeviceListView((server, endpoint) => this.open(server, endpoint))
  private device: DeviceView | undefined
  private shown = false

  constructor() {
    this.content.append(this.list.element)
  }

  /** Polls only while somebody can see it. */
  show(): void {
    if (this.shown) return
    this.shown = true
    if (this.device === undefined) this.list.start()
    else this.device.start()
  }

  hide(): void {
    this.shown = false
    this.list.stop()
    this.device?.stop()
  }

  private open(server: string, endpoint: string): void {
    this.list.stop()
    this.list.element.detach()
    this.device = new DeviceView(server, endpoint, () => this.close())
    this.content.append(this.device.element)
    this.device.start()
  }

  private close(): void {
    if (this.device === undefined) return
    const { endpoint } = this.device
    this.device.stop()
    this.device.element.remove()
    this.device = undefined
    this.content.append(this.list.element)
    this.list.start()
    this.list.focus(endpoint)
  }
}

/** Adds the tab and the action that shows it. */
export function addSidebar(): void {
  const sidebar = new Sidebar()
  RED.actions.add('lwm2m:show-devices', () => RED.sidebar.show(TAB))
  RED.sidebar.addTab({
    id: TAB,
    label: t('sidebar.label'),
    name: t('sidebar.name'),
    content: sidebar.content,
    iconClass: 'fa fa-microchip',
    action: 'lwm2m:show-devices',
    enableOnEdit: true,
    onchange: () => sidebar.show(),
    onremove: () => sidebar.hide(),
  })
  // Neither callback tells that another tab was chosen or the sidebar closed: look.
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) sidebar.show()
    else sidebar.hide()
  })
  watch.observe(sidebar.content[0] as HTMLElement)
}
