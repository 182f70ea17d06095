import assert from 'node:assert/strict'
import { type FlowNode, runtimes } from '../support/node-red'
import { type Bench, Editor, startBench } from './support/editor'
import { roomNode } from './support/flow'

const DEVICE = 'lab'

/** Whose button makes a node work. */
function injectNode(target: string): FlowNode {
  const never = { repeat: '', crontab: '', once: false, onceDelay: 0.1 }
  const place = { z: 'tab', x: 240, y: target === 'write' ? 300 : 360 }
  return { id: `go-${target}`, type: 'inject', props: [], ...never, ...place, wires: [[target]] }
}

/** A device with a resource of each type that has an editor of its own, and a write to it. */
function labFlow(port: number): FlowNode[] {
  const objects = {
    3: { 0: { 0: 'LwM2M Flows', 13: 1_767_225_600, 15: 'Europe/Paris', 16: 'U' } },
    9: { 0: { 13: '3:0' } },
    10: { 0: { 8: '' } },
    2048: { 0: { 0: 'policy', 2: { 0: '3:0', 4: '9:0' } } },
    3311: { 0: { 5850: true, 5851: 50 } },
    3387: { 0: { 801: 1 } },
  }
  return [
    { ...roomNode(port, DEVICE), y: 180, objects: JSON.stringify(objects) },
    injectNode('write'),
    injectNode('create'),
    {
      id: 'create',
      z: 'tab',
      type: 'lwm2m-create',
      server: 'server',
      endpoint: '',
      endpointType: 'str',
      path: '/3303',
      pathType: 'str',
      value: 'payload',
      valueType: 'msg',
      x: 420,
      y: 240,
      wires: [['debug']],
    },
  ]
}

for (const runtime of runtimes()) {
  describe(`typed values in ${runtime.name}`, function () {
    this.timeout(60_000)
    let bench: Bench
    let editor: Editor

    before(async function () {
      bench = await startBench(this, runtime, labFlow)
    })
    after(async () => {
      await bench?.browser.close()
      await bench?.red.stop()
    })
    beforeEach(async () => {
      if (bench === undefined) return
      editor = await Editor.open(bench.browser, bench.red.url, { timezoneId: 'Europe/Berlin' })
    })
    afterEach(() => editor?.close())

    /** What the device has: by path, as the admin API says it. */
    async function values(path: string): Promise<{ [path: string]: unknown }> {
      const response = await fetch(`${bench.red.url}/lwm2m/server/devices/${DEVICE}/request`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ operation: 'read', path }),
      })
      const { values: found = [] } = (await response.json()) as {
        values?: { path: string; value: unknown }[]
      }
      return Object.fromEntries(found.map(({ path: own, value }) => [own, value]))
    }

    async function choose(node: string, path: string): Promise<void> {
      await editor.edit(node)
      await editor.typed('endpoint').fill(DEVICE)
      await editor.typed('path').fill(path)
      await editor.typed('path').blur()
    }

    /** Deploys, and resolves when the node has done its work. */
    async function run(node: string): Promise<void> {
      await editor.done()
      // The devices go on: only the node that was edited starts anew.
      await editor.page.evaluate("RED.actions.invoke('core:set-deploy-type-to-modified-nodes')")
      const started = bench.red.printed('Started modified nodes')
      await editor.deploy()
      await started
      const answered = bench.red.debugged(() => true)
      await bench.red.inject(`go-${node}`)
      await answered
    }

    const single: readonly (readonly [
      type: string,
      path: string,
      name: string,
      enter: (editor: Editor) => Promise<void>,
      value: unknown,
    ])[] = [
      [
        'a time by clock',
        '/3/0/13',
        'Current Time',
        ({ page }) => page.fill('.lwm2m-value-editor .lwm2m-value', '2026-01-31T13:00:00'),
        '2026-01-31T12:00:00.000Z',
      ],
      [
        'bytes as hex',
        '/10/0/8',
        'eDRX parameters for WB-S1 mode',
        ({ page }) => page.fill('.lwm2m-value-editor .lwm2m-bytes input', '0A ff'),
        '0aff',
      ],
      [
        'bytes as base64',
        '/10/0/8',
        'eDRX parameters for WB-S1 mode',
        async ({ page }) => {
          // The write node has the bytes of the test before.
          await page.selectOption('.lwm2m-value-editor .lwm2m-bytes select', 'base64')
          await page.fill('.lwm2m-value-editor .lwm2m-bytes input', 'AAEC')
        },
        '000102',
      ],
      [
        'one of the values of an enumeration, by its meaning',
        '/3387/0/801',
        'Control Object Mode',
        async ({ page }) => {
          await page.selectOption('.lwm2m-value-editor select', { label: '2 · remote' })
        },
        2,
      ],
      [
        'an object link',
        '/9/0/13',
        'Package Settings',
        async ({ typed }) => {
          await typed.call(editor, 'value').fill('9:0')
        },
        '9:0',
      ],
    ]
    for (const [what, path, name, enter, value] of single) {
      it(`writes ${what}`, async () => {
        const { page } = editor
        await choose('write', path)
        await page.waitForSelector(`.lwm2m-value-hint:has-text("${name}")`)
        const fix = page.locator('.lwm2m-value-editor button', { hasText: 'Set a fixed value' })
        const own = page.locator('.lwm2m-value-editor .lwm2m-value, .lwm2m-value-editor button')
        if (path !== '/9/0/13') await own.first().waitFor()
        if ((await fix.count()) > 0) await fix.click()
        await enter(editor)
        assert.equal(await page.locator('.lwm2m-value-help .lwm2m-field-error').textContent(), '')
        await run('write')
        assert.deepEqual(await values(path), { [path]: value })
      })
    }

    it('says what is not an object link and what are not bytes, before the deploy', async () => {
      const { page } = editor
      await choose('write', '/9/0/13')
      await page.waitForSelector('.lwm2m-value-hint:has-text("Package Settings")')
      const problem = page.locator('.lwm2m-value-help .lwm2m-field-error')
      await editor.typed('value').fill('9:0:1')
      await problem.filter({ hasText: 'Enter an object link' }).waitFor()
      await editor.done()
      assert.equal(await page.evaluate("RED.nodes.node('write').valid"), false)
    })

    it('builds an instance from fields of the types of its resources, and creates it', async () => {
      const { page } = editor
      await choose('create', '/2048/5')
      await page.click('.lwm2m-payload button:has-text("Set fixed values")')
      const row = (index: number) => page.locator('.lwm2m-payload-row').nth(index)
      await row(0).locator('.lwm2m-payload-key').waitFor()
      const count = await page.locator('.lwm2m-payload-row').count()
      // The list begins with what is mandatory: each has to have a value.
      for (let index = 0; index < count; index++) {
        const field = row(index).locator('input.lwm2m-value')
        if ((await field.count()) > 0) await field.first().fill('3:0')
      }
      const rules = page.locator('.lwm2m-payload-row:has(option[value="2"]:checked)')
      const instances = rules.locator('.lwm2m-instances')
      await instances.locator('.lwm2m-add').click()
      await instances.locator('.lwm2m-value').nth(1).fill('x')
      const problem = page.locator('.lwm2m-payload-problem')
      await problem.filter({ hasText: 'LimiRules: Enter an object link' }).waitFor()
      await instances.locator('.lwm2m-value').nth(1).fill('9:0')
      await problem.filter({ hasText: /^$/ }).waitFor({ state: 'attached' })
      await editor.done()
      const json = await page.evaluate<string>("RED.nodes.node('create').value")
      assert.deepEqual((JSON.parse(json) as { 2: object })[2], { 0: '3:0', 1: '9:0' })
      await editor.edit('create')
      await page.waitForSelector('.lwm2m-payload-row')
      await run('create')
      const created = await values('/2048/5/2')
      assert.deepEqual(created, { '/2048/5/2/0': '3:0', '/2048/5/2/1': '9:0' })
    })

    it('builds a composite write by path, with the picker, and writes it', async () => {
      const { page } = editor
      await choose('write', '')
      await page.selectOption('#node-input-what', 'composite')
      await page.click('#lwm2m-write-payload button:has-text("Set fixed values")')
      await page.click('.lwm2m-payload button:has-text("Add a value")')
      const row = (index: number) => page.locator('.lwm2m-payload-row').nth(index)
      await row(0).locator('.lwm2m-payload-key').fill('/3311/0/5851')
      await row(0).locator('.lwm2m-payload-key').blur()
      await row(0).locator('.lwm2m-detail:has-text("0..100")').waitFor()
      await row(0).locator('.lwm2m-value').fill('120')
      const problem = page.locator('.lwm2m-payload-problem')
      await problem.filter({ hasText: 'Enter a number from 0 to 100' }).waitFor()
      await row(0).locator('.lwm2m-value').fill('77')
      await page.click('.lwm2m-payload button:has-text("Add a value")')
      await row(1).locator('.lwm2m-pick').click()
      await page.waitForSelector('#lwm2m-picker-search:focus')
      await page.keyboard.type('3/0/15')
      await page.click('.lwm2m-picker-tree .red-ui-treeList-label:has-text("/3/0/15")')
      await page.click('#lwm2m-picker-ok')
      await page.waitForSelector('.lwm2m-picker', { state: 'detached' })
      await row(1).locator('.lwm2m-detail:has-text("String")').waitFor()
      await row(1).locator('.lwm2m-value').fill('Asia/Tokyo')
      // JSON has neither bytes nor times: they go as text.
      for (const [index, path, input, value] of [
        [2, '/10/0/8', '.lwm2m-bytes input', '0bff'],
        [3, '/3/0/13', '.lwm2m-value', '2026-02-01T01:00:00'],
      ] as const) {
        await page.click('.lwm2m-payload button:has-text("Add a value")')
        await row(index).locator('.lwm2m-payload-key').fill(path)
        await row(index).locator('.lwm2m-payload-key').blur()
        await row(index).locator(input).fill(value)
      }
      await run('write')
      assert.deepEqual(await values('/10/0/8'), { '/10/0/8': '0bff' })
      assert.deepEqual(await values('/3/0/13'), { '/3/0/13': '2026-02-01T00:00:00.000Z' })
      assert.deepEqual(await values('/3/0/15'), { '/3/0/15': 'Asia/Tokyo' })
      assert.deepEqual(await values('/3311/0/5851'), { '/3311/0/5851': 77 })
    })
  })
}
