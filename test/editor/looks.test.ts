import assert from 'node:assert/strict'
import { textsOf } from '../support/node-files'
import { runtimes } from '../support/node-red'
import { type Bench, Editor, startBench } from './support/editor'

/** WCAG contrast of an element's text to what lies behind it; run in the page. */
const CONTRAST = `(selector) => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  }
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const element = document.querySelector(selector)
  const [a, b] = [numbers(getComputedStyle(element).color), behind(element)].map(luminance)
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}`

for (const runtime of runtimes()) {
  describe(`looks in ${runtime.name}`, function () {
    this.timeout(120_000)
    let bench: Bench | undefined

    before(async function () {
      bench = await startBench(this, runtime)
    })
    after(async () => {
      await bench?.browser.close()
      await bench?.red.stop()
    })

    // Only 5 ships a dark theme.
    for (const theme of runtime.name === 'Node-RED 5' ? ['light', 'dark'] : ['light']) {
      it(`can be read in the ${theme} theme`, async () => {
        assert.ok(bench)
        const editor = await Editor.open(bench.browser, bench.red.url)
        await editor.page.evaluate(
          `document.documentElement.classList.toggle('nr-theme-dark', ${theme === 'dark'})`,
        )
        await editor.openDevice('room-1')
        await editor.openInstance('/3311/0')
        await editor.page.waitForSelector('.lwm2m-current:has-text("true")')
        for (const selector of [
          '.lwm2m-device-header .lwm2m-endpoint',
          '.lwm2m-device-state',
          '.lwm2m-pages button',
          '.lwm2m-line .lwm2m-name',
          '.lwm2m-current',
        ]) {
          const contrast = await editor.page.evaluate<number>(`(${CONTRAST})('${selector}')`)
          assert.ok(contrast >= 4.5, `${selector}: ${contrast.toFixed(1)}`)
        }
        await editor.close()
      })
    }

    for (const language of ['en-US', 'de', 'zh-CN']) {
      it(`speaks ${language}, with no text missing`, async () => {
        assert.ok(bench)
        const texts = textsOf(language, 'lwm2m-editor') as unknown as {
          sidebar: { [key: string]: string }
          try: { [key: string]: string }
        }
        const editor = await Editor.open(bench.browser, bench.red.url, { locale: language })
        const { page } = editor
        await editor.openDevice('room-1')
        const tab = page.locator('[data-page=resources]')
        assert.equal(await tab.textContent(), texts.sidebar['page-resources'])
        await editor.edit('read')
        assert.equal(await page.locator('#lwm2m-try button').textContent(), texts.try['read'])
        await page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
        await page.waitForSelector('#node-config-input-port')
        const shown = await page.evaluate<string>('document.body.innerText')
        // i18next shows the key where it has no text.
        assert.doesNotMatch(shown, /lwm2m-(editor|server|read)[.:]|(sidebar|common|dialog)\.\w/)
        await editor.close()
      })
    }
  })
}
