import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { runtimes } from '../support/node-red'
import { type Bench, Editor, startBench } from './support/editor'

for (const runtime of runtimes()) {
  describe(`sidebar in ${runtime.name}`, function () {
    this.timeout(120_000)
    let bench: Bench | undefined
    let editor: Editor

    before(async function () {
      bench = await startBench(this, runtime)
    })
    after(async () => {
      await bench?.browser.close()
      await bench?.red.stop()
    })
    beforeEach(async () => {
      if (bench !== undefined) editor = await Editor.open(bench.browser, bench.red.url)
    })
    afterEach(() => editor?.close())

    it('lists devices with their state and finds them by name', async () => {
      const { page } = editor
      await editor.openSidebar()
      const endpoints = page.locator('.lwm2m-device .lwm2m-endpoint')
      await endpoints.nth(1).waitFor()
      assert.deepEqual((await endpoints.allTextContents()).sort(), ['room-1', 'room-2'])
      await page.waitForSelector('.lwm2m-device .lwm2m-dot.lwm2m-online')
      await page.locator('.lwm2m-list-header input').pressSequentially('om-2')
      await page.waitForSelector('[data-endpoint="room-1"]', { state: 'detached' })
      await page.locator('.lwm2m-list-header input').pressSequentially('x')
      await page.waitForSelector('.lwm2m-list-note:has-text("No device has this in its name.")')
    })

    it('opens a device by keyboard; reads, writes and observes in place', async () => {
      const { page } = editor
      await editor.openSidebar()
      await page.focus('.lwm2m-device[data-endpoint="room-1"]')
      await page.keyboard.press('Enter')
      await editor.openInstance('/3311/0')
      const dimmer = page.locator('.lwm2m-resource[data-path="/3311/0/5851"]')
      await dimmer.locator('.lwm2m-current:has-text("50 /100")').waitFor()

      await dimmer.locator('[data-action=write]').click()
      await dimmer.locator('.lwm2m-value').fill('101')
      await dimmer.locator('.lwm2m-edit button').first().click()
      await dimmer.locator('.lwm2m-list-note:has-text("a number from 0 to 100")').waitFor()
      await dimmer.locator('.lwm2m-value').fill('75')
      await page.keyboard.press('Enter')
      await dimmer.locator('.lwm2m-current:has-text("75 /100")').waitFor()

      await dimmer.locator('[data-action=observe]').click()
      // Somebody else writes: the value comes by notification.
      const written = await fetch(`${bench?.red.url}/lwm2m/server/devices/room-1/request`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ operation: 'write', path: '/3311/0/5851', value: 33 }),
      })
      assert.equal(written.status, 200)
      await dimmer.locator('.lwm2m-current:has-text("33 /100")').waitFor()
    })

    it('sets and unsets attributes in place, and says what is wrong with them', async () => {
      const { page } = editor
      await editor.openDevice('room-2')
      await editor.openInstance('/3303/0')
      const value = page.locator('.lwm2m-resource[data-path="/3303/0/5700"]')
      await value.locator('[data-action=attributes]').click()
      const field = (name: string) => value.locator(`[data-attribute=${name}]`)
      await page.waitForSelector('[data-attribute=pmin]:focus')
      // This device speaks 1.1, and its value is a number.
      assert.deepEqual(
        await value
          .locator('[data-attribute]')
          .evaluateAll((all) => all.map((one) => one.getAttribute('data-attribute'))),
        ['pmin', 'pmax', 'gt', 'lt', 'st', 'epmin', 'epmax'],
      )
      await field('pmin').fill('60')
      await field('pmax').fill('10')
      await page.keyboard.press('Enter')
      const note = value.locator('.lwm2m-list-note')
      await note.filter({ hasText: 'pmax (10) is less than pmin (60)' }).waitFor()
      await field('pmin').fill('5')
      await field('gt').fill('25.5')
      await page.keyboard.press('Enter')
      const shown = value.locator('.lwm2m-attributes')
      await shown.filter({ hasText: 'pmin=5 pmax=10 gt=25.5' }).waitFor()
      await note.filter({ hasText: /^2\.04/ }).waitFor()

      await value.locator('[data-action=attributes]').click()
      assert.equal(await field('gt').inputValue(), '25.5')
      await value.locator('.lwm2m-edit button').first().click()
      await note.filter({ hasText: 'Nothing was changed.' }).waitFor()
      await field('gt').fill('')
      await field('pmax').fill('')
      await value.locator('.lwm2m-edit button').first().click()
      await shown.filter({ hasText: /^pmin=5$/ }).waitFor()
      // Escape gives the focus back to where the editor was opened.
      await value.locator('[data-action=attributes]').click()
      await page.waitForSelector('[data-attribute=pmin]:focus')
      await page.keyboard.press('Escape')
      await page.waitForSelector('[data-path="/3303/0/5700"] [data-action=attributes]:focus')
    })

    it('executes with arguments and shows the answer', async () => {
      const { page } = editor
      await editor.openDevice('room-1')
      await editor.openInstance('/3303/1')
      const reset = page.locator('.lwm2m-resource[data-path="/3303/1/5605"]')
      await reset.locator('[data-action=execute]').click()
      await page.keyboard.press('Enter')
      await reset
        .locator('.lwm2m-list-note')
        .filter({ hasText: /^[24]\.0\d|4\.0\d/ })
        .waitFor()
    })

    it('logs the traffic, shows payloads, pauses and exports', async () => {
      const { page } = editor
      await editor.openDevice('room-1')
      await page.click('[data-page=traffic]')
      await page.waitForSelector('.lwm2m-list-note:has-text("Messages appear here")')
      const ask = (path: string) =>
        fetch(`${bench?.red.url}/lwm2m/server/devices/room-1/request`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ operation: 'read', path }),
        })
      // Recording begins with the first look.
      await page.waitForResponse((response) => response.url().includes('/traffic'))
      await ask('/3303/1/5700')
      const request = page.locator('.lwm2m-messages li', { hasText: '/3303/1/5700' })
      await request.first().waitFor()
      assert.match((await request.first().textContent()) ?? '', /CON\s*GET/)
      const answer = page.locator('.lwm2m-messages li', { hasText: '2.05 Content' }).last()
      await answer.locator('summary').click()
      await answer.locator('pre:has-text("19.25")').waitFor()

      await page.click('.lwm2m-toolbar button >> nth=0')
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click('.lwm2m-toolbar button >> nth=2'),
      ])
      assert.equal(download.suggestedFilename(), 'room-1-traffic.json')
      const entries = JSON.parse(readFileSync(await download.path(), 'utf8')) as object[]
      assert.ok(entries.some((entry) => 'path' in entry && entry.path === '/3303/1/5700'))
      const before = await page.locator('.lwm2m-messages li').count()
      await ask('/3303/1/5701')
      await page.click('.lwm2m-toolbar button >> nth=0')
      await page.waitForSelector('.lwm2m-messages li:has-text("/3303/1/5701")')
      assert.ok((await page.locator('.lwm2m-messages li').count()) > before)
    })

    it('turns a dragged resource into a configured node', async () => {
      const { page } = editor
      await editor.openDevice('room-1')
      await editor.openInstance('/3303/0')
      const resource = page.locator('.lwm2m-resource[data-path="/3303/0/5700"]')
      // With the values, resources that the device lacks fold away: what is below them moves up.
      await resource.locator('.lwm2m-current:has-text("21.5")').waitFor()
      const box = await resource.locator('.lwm2m-name').boundingBox()
      assert.ok(box)
      await page.mouse.move(box.x + 10, box.y + 8)
      await page.mouse.down()
      await page.mouse.move(600, 500, { steps: 8 })
      await page.waitForSelector('#red-ui-drop-target', { state: 'visible' })
      await page.mouse.move(602, 502)
      await page.mouse.up()
      await page.mouse.move(560, 480, { steps: 4 })
      await page.mouse.click(560, 480)
      const found = await page.evaluate(
        "RED.nodes.filterNodes({type: 'lwm2m-observe'}).map(({endpoint, path, server, valid}) => ({endpoint, path, server, valid}))",
      )
      assert.deepEqual(found, [
        { endpoint: 'room-1', path: '/3303/0/5700', server: 'server', valid: true },
      ])
    })

    it('says why there is nothing to see', async () => {
      assert.ok(bench)
      await editor.page.route('**/lwm2m/servers', (route) => route.fulfill({ json: [] }))
      await editor.openSidebar()
      await editor.page.waitForSelector('.lwm2m-list-note:has-text("No LwM2M server is deployed.")')
    })
  })
}
