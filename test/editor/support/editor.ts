import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchBrowser } from '../../support/browser'
import { freeUdpPort } from '../../support/ports'
import { type FlowNode, NodeRed, type Runtime, requireRuntime } from '../../support/node-red'
import { demoFlow } from './flow'

/** Node-RED's tree fills long lists in portions, also after it was closed. */
const OF_NODE_RED = /^cannot call methods on editableList prior to initialization;.*'addItem'$/

/** Node-RED's editor in Chromium. Errors that a page throws fail {@link Editor.close}. */
export class Editor {
  private readonly errors: string[] = []

  private constructor(
    readonly page: Page,
    private readonly context: { close(): Promise<void> },
  ) {}

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<Editor> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    const editor = new Editor(page, context)
    page.on('pageerror', (error) => {
      if (!OF_NODE_RED.test(error.message)) editor.errors.push(error.stack ?? error.message)
    })
    await page.goto(url)
    await page.waitForSelector('#red-ui-workspace-chart .red-ui-flow-node')
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
    return editor
  }

  async close(): Promise<void> {
    await this.context.close()
    if (this.errors.length > 0) throw new Error(`the page threw:\n${this.errors.join('\n')}`)
  }

  /** Opens the dialog of a node on the canvas. */
  async edit(id: string): Promise<void> {
    await this.page.dblclick(`[id="${id}"] .red-ui-flow-node`)
    await this.page.waitForSelector('#node-dialog-ok')
    // When the dialog has come in, Node-RED puts the focus on its first field: keys typed earlier
    // would go there.
    await this.page.waitForSelector('.red-ui-tray :focus')
  }

  async done(): Promise<void> {
    await this.page.click('#node-dialog-ok')
    await this.page.waitForSelector('#node-dialog-ok', { state: 'detached' })
  }

  /** Drags a node from the palette onto the canvas, and answers its id. */
  async place(type: string, position: { x: number; y: number }): Promise<string> {
    const { page } = this
    const known = await page.$$eval('.red-ui-flow-node-group[id]', (all) => all.map(({ id }) => id))
    const entry = page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`)
    await page.fill('#red-ui-palette-search input', type)
    await entry.scrollIntoViewIfNeeded()
    const box = await entry.boundingBox()
    if (box === null) throw new Error(`${type} is not in the palette`)
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
    await page.mouse.down()
    await page.mouse.move(position.x, position.y, { steps: 10 })
    await page.mouse.up()
    const isNew = `.red-ui-flow-node-group[id]${known.map((id) => `:not([id="${id}"])`).join('')}`
    const id = await page.locator(isNew).first().getAttribute('id')
    if (id === null) throw new Error(`no ${type} was placed`)
    return id
  }

  /** The text part of a typedInput of the open dialog. */
  typed(property: string) {
    return this.page.locator(`.form-row:has(#node-input-${property}) input.red-ui-typedInput-input`)
  }

  async deploy(): Promise<void> {
    await this.page.click('#red-ui-header-button-deploy')
    await this.page.waitForSelector('#red-ui-header-button-deploy.disabled')
  }

  async openSidebar(): Promise<void> {
    await this.page.evaluate("RED.actions.invoke('lwm2m:show-devices')")
    await this.page.waitForSelector('.lwm2m-sidebar')
  }

  async openDevice(endpoint: string): Promise<void> {
    await this.openSidebar()
    await this.page.click(`.lwm2m-device[data-endpoint="${endpoint}"]`)
  }

  /** Opens an instance in the sidebar; its rows stand still when the device's Discover has come. */
  async openInstance(path: string): Promise<void> {
    const discovered = this.page.waitForResponse((response) => {
      const asked = response.request().postData() ?? ''
      return asked.includes('"discover"') && asked.includes(`"${path}"`)
    })
    await this.page.click(`.lwm2m-instance[data-path="${path}"] > summary`)
    await (await discovered).finished()
  }
}

/** A Node-RED with the demo flow and its devices registered, and a browser. */
export interface Bench {
  readonly red: NodeRed
  readonly browser: Browser
}

/** @param more nodes beside those of the demo flow, for the port of its server */
export async function startBench(
  test: { skip(): void },
  runtime: Runtime,
  more: (port: number) => readonly FlowNode[] = () => [],
): Promise<Bench> {
  requireRuntime(test, runtime)
  const browser = await launchBrowser(test)
  const port = await freeUdpPort()
  const flows = [...demoFlow(port), ...more(port)]
  const red = await NodeRed.start({ runtime, flows })
  await untilRegistered(red, flows.filter(({ type }) => type === 'lwm2m-device').length)
  return { red, browser }
}

/** Resolves when a number of devices is registered with the server of the demo flow. */
async function untilRegistered(red: NodeRed, devices: number): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const response = await fetch(`${red.url}/lwm2m/server/devices`)
    if (response.ok && ((await response.json()) as { total: number }).total >= devices) return
    if (Date.now() > deadline) throw new Error(`devices did not register:\n${red.output}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
