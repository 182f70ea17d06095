/**
 * Makes the README's pictures from the built package: `node scripts/screenshots.mjs`.
 * Node-RED runs the first-steps example in a user directory of its own; Chromium takes the pictures.
 */
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/cjs/api'

register()
const require = createRequire(import.meta.url)
const { NodeRed, runtimes } = require('../test/support/node-red.ts')
const { findBrowser } = require('../test/support/browser.ts')

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const images = join(root, 'docs', 'images')
const MAX_SIZE = 200_000

const browser = await findBrowser()
if (browser === undefined) {
  console.error('Chromium is not installed')
  process.exit(1)
}
mkdirSync(images, { recursive: true })

const flows = JSON.parse(readFileSync(join(root, 'examples', 'first-steps.json'), 'utf8'))
const red = await NodeRed.start({ runtime: runtimes()[0], flows })

async function picture(page, name, options = {}) {
  const path = join(images, `${name}.png`)
  await page.screenshot({ path, ...options })
  const { size } = statSync(path)
  console.log(`${path}: ${size} bytes`)
  if (size > MAX_SIZE) throw new Error(`${name}.png is larger than ${MAX_SIZE} bytes`)
}

try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 760 } })
  page.setDefaultTimeout(15_000)
  await page.goto(red.url)
  await page.waitForSelector('#red-ui-workspace-chart .red-ui-flow-node')
  await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' })
  await page.evaluate("RED.actions.invoke('lwm2m:show-devices')")
  await page.locator('.lwm2m-device').first().click()

  const open = async (name) => {
    const instance = page.locator('.lwm2m-instance', { hasText: name }).first()
    await instance.locator('summary').click()
    await instance.locator('.lwm2m-current:not(:empty)').first().waitFor()
    return instance
  }
  await open('Light Control').catch(() => undefined)
  const temperature = await open('Temperature')
  await temperature.locator('[data-action=observe]').first().click()
  await page.waitForResponse((response) => response.url().includes('/values'))
  await page.locator('.lwm2m-fresh').first().waitFor()
  await picture(page, 'editor')

  await page.click('[data-page=traffic]')
  // Recording begins with the first look.
  await page.waitForResponse((response) => response.url().includes('/traffic'))
  await page.click('[data-page=resources]')
  await temperature.locator('[data-action=read]').first().click()
  await page.click('[data-page=traffic]')
  await page.locator('.lwm2m-messages li').nth(4).waitFor({ timeout: 60_000 })
  await page.locator('.lwm2m-messages li:has(pre) summary').last().click()
  const sidebar = await page.locator('.lwm2m-sidebar').boundingBox()
  await picture(page, 'traffic', { clip: { ...sidebar, height: Math.min(sidebar.height, 480) } })

  const reader = await page.evaluate("RED.nodes.filterNodes({ type: 'lwm2m-read' })[0].id")
  await page.dblclick(`[id="${reader}"] .red-ui-flow-node`)
  await page.waitForSelector('#node-dialog-ok')
  await page.click('.form-row:has(#node-input-path) .red-ui-typedInput-option-expand')
  const tree = page.locator('.lwm2m-picker-tree')
  await tree.locator('.red-ui-treeList-label', { hasText: 'Device' }).first().click()
  await tree.locator('.red-ui-treeList-label:visible', { hasText: /^0$/ }).first().click()
  await tree.locator('.lwm2m-name', { hasText: 'Battery Level' }).waitFor()
  await picture(page, 'path-picker')
} finally {
  await browser.close()
  await red.stop()
}
