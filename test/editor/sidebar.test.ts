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
      await page.waitForSelector('.lwm2m-list-note:has-text("No matching devices.")')
    })

    it('lists the devices of every server, with what an operator asks first', async () => {
      const { page } = editor
      const other = { id: 'cellar', name: 'Cellar', state: 'running', devices: 1, addresses: [] }
      await page.route('**/lwm2m/servers', async (route) => {
        const servers = (await (await route.fetch()).json()) as object[]
        await route.fulfill({ json: [...servers, other] })
      })
      const now = Date.now()
      const meter = {
        endpoint: 'meter-1',
        state: 'asleep',
        lastSeen: now - 300_000,
        expiresAt: now + 3 * 3_600_000,
        version: '1.1',
        security: 'psk',
        address: 'coaps://127.0.0.1:5684',
        queued: 2,
      }
      await page.route('**/lwm2m/cellar/devices?*', (route) =>
        route.fulfill({ json: { devices: [meter], matching: 1, total: 1 } }),
      )
      await editor.openSidebar()
      await page.waitForSelector('.lwm2m-section-title:has-text("Cellar")')
      const row = page.locator('.lwm2m-device[data-endpoint="meter-1"]')
      await row.waitFor()
      const facts = await row.locator('.lwm2m-device-facts').textContent()
      assert.equal(facts, 'asleep · pre-shared key · 3 h left')
      assert.equal(await row.locator('.lwm2m-badge').textContent(), '2')
      assert.equal(await row.locator('.lwm2m-seen').textContent(), '5 min ago')
      await page.locator('.lwm2m-device').nth(2).waitFor()
      await page.waitForSelector('.lwm2m-list-header :text("3 / 3")')
    })

    it('moves between the pages of a device by arrows, and back to where it was', async () => {
      const { page } = editor
      await editor.openDevice('room-2')
      await page.focus('[data-page=resources]')
      await page.keyboard.press('ArrowRight')
      await page.waitForSelector('[data-page=traffic][aria-selected=true]:focus')
      await page.keyboard.press('ArrowRight')
      await page.waitForSelector('.lwm2m-about th:has-text("Lifetime")')
      await page.focus('.lwm2m-device-header button')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.lwm2m-device[data-endpoint="room-2"]:focus')
    })

    it('lists the requests that wait for a sleeping device', async () => {
      const { page } = editor
      const now = Date.now()
      await page.route('**/lwm2m/server/devices/~room-1', async (route) => {
        const device = (await (await route.fetch()).json()) as object
        const pending = [
          { operation: 'write', path: '/3311/0/5851', queuedAt: now - 5_000, expiresAt: now + 6e6 },
          { operation: 'read', path: '/3/0/9', queuedAt: now, expiresAt: now + 6e6 },
        ]
        await route.fulfill({ json: { ...device, state: 'asleep', queued: 2, pending } })
      })
      await editor.openDevice('room-1')
      await page.waitForSelector('.lwm2m-device-state:has-text("asleep")')
      await page.click('[data-page=about]')
      const rows = page.locator('.lwm2m-pending tr')
      await rows.nth(1).waitFor()
      assert.match(
        (await rows.nth(0).textContent()) ?? '',
        /^write\/3311\/0\/5851queued .* ago, .* left$/,
      )
      assert.match((await rows.nth(1).textContent()) ?? '', /^read\/3\/0\/9/)
    })

    it('writes the instances of a multiple resource', async () => {
      const { page } = editor
      await editor.openDevice('room-1')
      await editor.openInstance('/2048/0')
      const links = page.locator('.lwm2m-resource[data-path="/2048/0/2"]')
      await links.locator('.lwm2m-current:has-text("0: 3:0, 4: 3303:1")').waitFor()
      await links.locator('[data-action=write]').click()
      assert.equal(await links.locator('.lwm2m-instance-id').nth(1).inputValue(), '4')
      await links.locator('.lwm2m-instance-row input.lwm2m-value').nth(1).fill('nonsense')
      await links.locator('.lwm2m-edit > button').first().click()
      await links.locator('.lwm2m-list-note:has-text("Enter an object link")').waitFor()
      await links.locator('.lwm2m-instance-row input.lwm2m-value').nth(1).fill('3311:0')
      await links.locator('.lwm2m-edit > button').first().click()
      await links.locator('.lwm2m-current:has-text("0: 3:0, 4: 3311:0")').waitFor()
    })

    it('shows a user who may only look that much, and why not more', async () => {
      const { page } = editor
      await page.evaluate("RED.user.hasPermission = (permission) => !permission.endsWith('.write')")
      await editor.openSidebar()
      await page.click('.lwm2m-device[data-endpoint="room-1"]')
      await page.click('.lwm2m-instance[data-path="/3311/0"] > summary')
      await page.waitForSelector('.lwm2m-list-note:has-text("permission lwm2m-server.write")')
      await page.waitForSelector('.lwm2m-name:has-text("Dimmer")')
      assert.equal(await page.locator('.lwm2m-actions').count(), 0)
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
      await dimmer.locator('.lwm2m-list-note:has-text("Enter a number from 0 to 100")').waitFor()
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
      await note.filter({ hasText: 'No changes.' }).waitFor()
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
      // Recording begins with the first look, which may have been that of an earlier test.
      const recording = page.waitForResponse((response) => response.url().includes('/traffic'))
      await page.click('[data-page=traffic]')
      await recording
      const ask = (path: string) =>
        fetch(`${bench?.red.url}/lwm2m/server/devices/room-1/request`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ operation: 'read', path }),
        })
      await ask('/3303/1/5700')
      await page.locator('.lwm2m-messages li', { hasText: /CON\s*GET\s*\/3303\/1\/5700/ }).waitFor()
      const answer = page
        .locator('.lwm2m-messages li', { hasText: '2.05 Content' })
        .filter({ hasText: '19.25' })
        .last()
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
      await page.locator('.lwm2m-messages li', { hasText: /CON\s*GET\s*\/3303\/1\/5701/ }).waitFor()
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
