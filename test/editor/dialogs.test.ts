import assert from 'node:assert/strict'
import { runtimes } from '../support/node-red'
import { type Bench, Editor, startBench } from './support/editor'

for (const runtime of runtimes()) {
  describe(`dialogs in ${runtime.name}`, function () {
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

    it('takes device and path by mouse, observes now, and shows the value after the deploy', async () => {
      const { page } = editor
      const id = await editor.place('lwm2m-observe', { x: 500, y: 500 })
      await editor.edit(id)
      // There is only one.
      assert.equal(await page.inputValue('#node-input-server'), 'server')
      // What is typed takes the place of the pattern of every device.
      assert.equal(await editor.typed('endpoint').inputValue(), '*')
      await editor.typed('endpoint').click()
      await editor.typed('endpoint').pressSequentially('room')
      await page
        .locator('.red-ui-autoComplete-container .lwm2m-name', { hasText: 'room-1' })
        .click()
      assert.equal(await editor.typed('endpoint').inputValue(), 'room-1')

      await page.click('.form-row:has(#node-input-path) .red-ui-typedInput-option-expand')
      const tree = page.locator('.lwm2m-picker-tree')
      await tree.locator('.red-ui-treeList-label', { hasText: 'Temperature' }).click()
      await tree.locator('.red-ui-treeList-label:visible', { hasText: /^0$/ }).click()
      const row = tree.locator('.red-ui-treeList-label', { hasText: 'Sensor Value' })
      assert.match((await row.textContent()) ?? '', /Sensor Value\(5700\)Float · (Cel · )?R$/)
      await row.click()
      assert.equal(await page.locator('.lwm2m-picker-choice').textContent(), '/3303/0/5700')
      await page.click('#lwm2m-picker-ok')
      await page.waitForSelector('.lwm2m-picker', { state: 'detached' })
      assert.equal(await editor.typed('path').inputValue(), '/3303/0/5700')
      await page.waitForSelector('.lwm2m-path-name:has-text("Temperature › 0 › Sensor Value")')

      await page.click('#lwm2m-try button')
      await page.waitForSelector('.lwm2m-try-value:has-text("21.5")')
      await page.click('#lwm2m-try button')
      await editor.done()
      await editor.deploy()
      await page.waitForSelector(`[id="${id}"] .red-ui-flow-node-status-label:has-text("21.5")`)
    })

    it('takes device and path by keyboard and reads now', async () => {
      const { page } = editor
      await editor.edit('read')
      await editor.typed('endpoint').focus()
      await page.keyboard.press('Control+A')
      await page.keyboard.insertText('room-')
      // One key, one question: Node-RED's list must not show an earlier answer.
      await page.keyboard.press('2')
      const listed = (name: string) =>
        `.red-ui-autoComplete-container .lwm2m-name:text-is("${name}")`
      await page.waitForSelector(listed('room-2'))
      await page.waitForSelector(listed('room-1'), { state: 'detached' })
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      assert.equal(await editor.typed('endpoint').inputValue(), 'room-2')
      await page.focus('.form-row:has(#node-input-path) .red-ui-typedInput-option-expand')
      await page.keyboard.press('Enter')
      await page.waitForSelector('#lwm2m-picker-search:focus')
      await page.waitForSelector('.lwm2m-picker-tree :text("Device")')
      await page.keyboard.type('battery level')
      const label = '.lwm2m-picker-tree .red-ui-treeList-label:has-text("/3/0/9")'
      await page.waitForSelector(label)
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Space')
      await page.waitForSelector('.lwm2m-picker-choice:has-text("/3/0/9")')
      await page.keyboard.press('Control+Enter')
      await page.waitForSelector('.lwm2m-picker', { state: 'detached' })
      await page.focus('#lwm2m-try button')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.lwm2m-try-value:has-text("Battery Level")')
      assert.equal(await page.locator('.lwm2m-try-value strong').textContent(), '87 %')
    })

    it("shows the device's error where it cannot be read", async () => {
      const { page } = editor
      await editor.edit('read')
      await editor.typed('path').fill('/3/0/4')
      await page.click('#lwm2m-try button')
      await page.waitForSelector('.lwm2m-try-answer .lwm2m-error:has-text("4.05")')
    })

    it('leaves out of the picker what the operation cannot use', async () => {
      const { page } = editor
      await editor.edit('write')
      await page.click('.form-row:has(#node-input-path) .red-ui-typedInput-option-expand')
      const tree = page.locator('.lwm2m-picker-tree')
      await tree.locator('.red-ui-treeList-label', { hasText: 'Light Control' }).click()
      await tree.locator('.red-ui-treeList-label:visible', { hasText: /^0$/ }).click()
      await tree.locator('.lwm2m-name', { hasText: 'Dimmer' }).waitFor()
      assert.equal(await tree.locator('.lwm2m-name', { hasText: 'Cumulative active' }).count(), 0)
    })

    it('checks a written value against the type and range of its resource', async () => {
      const { page } = editor
      await editor.edit('write')
      await page.waitForSelector('.lwm2m-value-hint:has-text("Dimmer · Integer · 0..100")')
      await editor.typed('value').fill('140')
      const problem = page.locator('.lwm2m-value-help .lwm2m-field-error')
      await problem.filter({ hasText: 'Enter a number from 0 to 100' }).waitFor()
      await editor.done()
      await page.waitForSelector('#write .red-ui-flow-node-error:not(.hide)')
      assert.equal(await page.evaluate("RED.nodes.node('write').valid"), false)
      await editor.edit('write')
      await editor.typed('value').fill('60')
      await editor.done()
      assert.equal(await page.evaluate("RED.nodes.node('write').valid"), true)
    })

    it('keeps an unknown device and an unknown path as they are', async () => {
      const { page } = editor
      await editor.edit('read')
      await editor.typed('endpoint').fill('not-registered')
      await editor.typed('path').fill('/31999/7/3')
      await editor.done()
      await editor.edit('read')
      assert.equal(await editor.typed('endpoint').inputValue(), 'not-registered')
      assert.equal(await editor.typed('path').inputValue(), '/31999/7/3')
      await page.click('.form-row:has(#node-input-path) .red-ui-typedInput-option-expand')
      await page.waitForSelector(
        `.lwm2m-picker-note:has-text('"not-registered" is not registered')`,
      )
      assert.equal(await page.locator('.lwm2m-picker-choice').textContent(), '/31999/7/3')
      await page.click('#lwm2m-picker-ok')
      await page.waitForSelector('.lwm2m-picker', { state: 'detached' })
      assert.equal(await editor.typed('path').inputValue(), '/31999/7/3')
    })

    it('sets a content format by device pattern', async () => {
      const { page } = editor
      await editor.edit('read')
      await page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
      await page.waitForSelector('#node-config-input-port')
      await page.click('a[href="#lwm2m-tab-devices"]')
      const list = '.red-ui-editableList:has(#lwm2m-formats)'
      await page.click(`${list} .red-ui-editableList-addButton`)
      await page.fill(`${list} input[type=text]`, 'meter-*')
      await page.selectOption(`${list} select`, { label: 'TLV' })
      await page.click('#node-config-dialog-ok')
      await page.waitForSelector('#node-config-input-port', { state: 'detached' })
      const formats = await page.evaluate(
        () =>
          (
            globalThis as unknown as { RED: { nodes: { node(id: string): { formats: unknown } } } }
          ).RED.nodes.node('server').formats,
      )
      assert.deepEqual(formats, [{ pattern: 'meter-*', format: 'tlv' }])
    })

    it('shows what the security mode of a virtual device needs', async () => {
      const { page } = editor
      await editor.edit('room-1')
      await page.click('a[href="#lwm2m-tab-security"]')
      const shown = (): Promise<string[]> =>
        page.$$eval('#lwm2m-tab-security [id^=node-input-]', (all) =>
          all
            .filter((one) => (one as HTMLElement).offsetParent !== null)
            .map((one) => one.id.slice('node-input-'.length))
            .filter((name) => !name.startsWith('bootstrap')),
        )
      const always = ['keyExchange', 'connectionId', 'maxFragmentLength', 'keepAccounts']
      assert.deepEqual(await shown(), [
        ...['securityMode', 'pskIdentity', 'pskKey', 'pskKeyFormat'],
        ...always,
      ])
      await page.selectOption('#node-input-securityMode', 'rpk')
      assert.deepEqual(await shown(), ['securityMode', 'privateKey', 'serverPublicKey', ...always])
      await page.fill('#node-input-serverPublicKey', 'none')
      await page.waitForSelector('.lwm2m-field-error:has-text("-----BEGIN PUBLIC KEY-----")')
      await page.selectOption('#node-input-securityMode', 'x509')
      assert.deepEqual(await shown(), [
        ...['securityMode', 'certificate', 'privateKey', 'certificateUsage', 'serverCertificate'],
        ...always,
      ])
    })

    it('says in the config dialog what is wrong, and on which tab', async () => {
      const { page } = editor
      await editor.edit('read')
      await page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
      await page.waitForSelector('#node-config-input-port')
      await page.fill('#node-config-input-port', '99999')
      await page.waitForSelector('.lwm2m-field-error:has-text("Enter a number from 0 to 65535")')
      const tab = (name: string) => page.locator(`li:has(> a[href="#lwm2m-tab-${name}"])`)
      await page.waitForSelector('li.lwm2m-tab-error > a[href="#lwm2m-tab-server"]')
      assert.doesNotMatch((await tab('advanced').getAttribute('class')) ?? '', /lwm2m-tab-error/)
      await page.fill('#node-config-input-port', '5683')
      assert.doesNotMatch((await tab('server').getAttribute('class')) ?? '', /lwm2m-tab-error/)
    })
  })
}
