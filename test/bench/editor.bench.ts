/** The editor with many devices: what a dialog costs to open, and what the completion costs. */
import type { Page } from 'playwright-core'
import { findBrowser } from '../support/browser'
import { NodeRed } from '../support/node-red'
import { freeUdpPort } from '../support/ports'
import { demoFlow } from '../editor/support/flow'
import { register } from './datagrams'
import { closeDevices, exchanges, type LoadDevice, openDevice } from './load'
import { atMost, type BenchRow, median } from './report'

const DEVICES = 5_000
const token = Buffer.from([1, 2, 3])

/** Registers in waves, so that sockets do not run out. */
async function registerDevices(port: number): Promise<void> {
  for (let first = 0; first < DEVICES; first += 500) {
    const devices: LoadDevice[] = []
    for (let i = first; i < first + 500; i++) {
      devices.push(await openDevice(`device-${String(i).padStart(4, '0')}`, port))
    }
    await exchanges(devices, devices.length, 64, (device) =>
      register(device.endpoint, (device.messageId = (device.messageId + 1) & 0xffff), token),
    )
    closeDevices(devices)
  }
}

/** ms from the call that a double click makes until the dialog's last field has been painted. */
const OPEN_DIALOG = `new Promise((resolve) => {
  const start = performance.now()
  RED.editor.edit(RED.nodes.node('read'))
  const look = () => {
    const button = document.querySelector('#lwm2m-try button')
    const timeout = document.querySelector('#node-input-timeout')
    if (button?.offsetParent && timeout?.offsetParent) resolve(performance.now() - start)
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})`

/** ms from the question to the parsed answer, as the device field asks it. */
function complete(text: string): string {
  return `new Promise((resolve, reject) => {
    const start = performance.now()
    $.getJSON('lwm2m/server/devices', { q: '${text}', limit: 20 }).then(
      (list) => resolve({ ms: performance.now() - start, matching: list.matching }),
      () => reject(new Error('no answer')),
    )
  })`
}

async function openDialog(page: Page): Promise<number> {
  const ms = await page.evaluate<number>(OPEN_DIALOG)
  await page.click('#node-dialog-cancel')
  await page.waitForSelector('#node-dialog-cancel', { state: 'detached' })
  return ms
}

async function measure(page: Page, rounds: number): Promise<BenchRow[]> {
  const dialogs: number[] = []
  const answers: number[] = []
  for (let round = 0; round < Math.max(rounds, 5); round++) {
    dialogs.push(await openDialog(page))
    for (const text of ['', 'dev', '4999', 'nothing like it']) {
      const { ms } = await page.evaluate<{ ms: number; matching: number }>(complete(text))
      answers.push(ms)
    }
  }
  const [first = NaN] = dialogs
  return [
    atMost('a dialog opens for the first time (5,000 devices)', first, 'ms', 300),
    atMost('a dialog opens (median)', median(dialogs), 'ms', 300),
    atMost('the completion answers (median)', median(answers), 'ms', 100),
    atMost('the completion answers (slowest)', Math.max(...answers), 'ms', 100),
  ]
}

/** @param rounds dialogs opened; at least 5 */
export async function editorBench(rounds: number): Promise<BenchRow[]> {
  const browser = await findBrowser()
  if (browser === undefined) {
    console.log('  skipped: Chromium is not installed')
    return []
  }
  const port = await freeUdpPort()
  const red = await NodeRed.start({ flows: demoFlow(port) })
  try {
    await registerDevices(port)
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(red.url)
    await page.waitForSelector('#red-ui-workspace-chart .red-ui-flow-node')
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
    const { matching } = await page.evaluate<{ matching: number }>(complete('device-'))
    if (matching !== DEVICES) throw new Error(`${matching} devices of ${DEVICES} registered`)
    return await measure(page, rounds)
  } finally {
    await browser.close()
    await red.stop()
  }
}
