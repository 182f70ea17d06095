import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import type { ServerInfo, StoreOutcome } from '../../nodes/admin/contract'
import { encodePlain } from '../../src/storage/plain-cbor'
import { DiskStore } from '../../src/storage'
import { type FlowNode, newUserDir, NodeRed, requireRuntime, runtimes } from '../support/node-red'
import { launchBrowser } from '../support/browser'
import { freeUdpPort } from '../support/ports'

import { Editor } from './support/editor'
import { serverNode } from './support/flow'

const REGISTRATIONS = 3

/** A store with records, of which the file `CURRENT` was lost. */
async function damagedStore(userDir: string): Promise<string> {
  const folder = join(userDir, 'lwm2m', 'server')
  const store = new DiskStore(folder)
  await store.open()
  for (let n = 1; n <= REGISTRATIONS; n++) await store.put(`profile:${n}`, Buffer.from('</3/0>'))
  await store.put('credential:1', encodePlain({ key: 'a secret' }))
  await store.close()
  rmSync(join(folder, 'CURRENT'))
  return folder
}

async function flow(): Promise<FlowNode[]> {
  return [
    { id: 'tab', type: 'tab', label: 'Rooms' },
    serverNode(await freeUdpPort(), { storage: 'disk' }),
    {
      ...{ id: 'read', z: 'tab', type: 'lwm2m-read', server: 'server', x: 300, y: 100 },
      ...{ endpoint: 'room-1', endpointType: 'str', path: '/3/0/9', pathType: 'str', wires: [[]] },
    },
  ]
}

describe('a damaged store', function () {
  this.timeout(120_000)
  let red: NodeRed | undefined
  let userDir: string
  let folder: string

  async function start(runtime = runtimes()[0]): Promise<NodeRed> {
    userDir = newUserDir()
    folder = await damagedStore(userDir)
    red = await NodeRed.start({ ...(runtime && { runtime }), userDir, flows: await flow() })
    return red
  }

  async function server(): Promise<ServerInfo> {
    const response = await fetch(`${red?.url}/lwm2m/servers`)
    const [info] = (await response.json()) as ServerInfo[]
    assert.ok(info)
    return info
  }

  function post(action: string): Promise<Response> {
    return fetch(`${red?.url}/lwm2m/server/store/${action}`, { method: 'POST' })
  }

  function aside(): string[] {
    return readdirSync(join(userDir, 'lwm2m')).filter((name) => name !== 'server')
  }

  afterEach(async () => {
    await red?.stop()
    red = undefined
    rmSync(userDir, { recursive: true, force: true })
  })

  it('is named at the node and in the list of servers, with what can be done', async () => {
    const one = await start()
    await one.status('read', (text) => text === 'store is damaged')
    const { state, error, storeActions } = await server()
    assert.equal(state, 'failed')
    assert.match(error ?? '', /CURRENT is missing/)
    assert.deepEqual(storeActions, ['repair', 'empty', 'export'])
  })

  it('is exported without secrets, and stays as it is', async () => {
    const one = await start()
    await one.status('read', (text) => text === 'store is damaged')
    const response = await post('export')
    assert.equal(response.status, 200)
    const body = await response.text()
    assert.ok(!body.includes('a secret') && !body.includes(Buffer.from('a secret').toString('hex')))
    const entries = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    assert.deepEqual(entries[0], { key: 'credential:1', withheld: true })
    assert.deepEqual(entries[1], {
      key: 'profile:1',
      base64: Buffer.from('</3/0>').toString('base64'),
    })
    assert.equal(entries.length, 1 + REGISTRATIONS)
    assert.equal((await server()).state, 'failed')
    assert.deepEqual(aside(), [])
  })

  it('makes room for an empty one, and the old folder is kept', async () => {
    const one = await start()
    await one.status('read', (text) => text === 'store is damaged')
    const response = await post('empty')
    const { aside: kept } = (await response.json()) as StoreOutcome
    assert.deepEqual(
      aside().map((name) => join(userDir, 'lwm2m', name)),
      [kept],
    )
    await one.status('read', (text) => !['store is damaged', 'starting'].includes(text))
    assert.equal((await server()).state, 'running')
    const again = await post('empty')
    assert.deepEqual([again.status, aside().length], [409, 1])
    assert.equal((await post('export')).status, 409)
  })

  for (const runtime of runtimes()) {
    describe(`in the editor of ${runtime.name}`, () => {
      let browser: Browser | undefined

      afterEach(() => browser?.close())

      it('is exported from the dialog and repaired in the sidebar', async function () {
        requireRuntime(this, runtime)
        browser = await launchBrowser(this)
        const one = await start(runtime)
        await one.status('read', (text) => text === 'store is damaged')
        const editor = await Editor.open(browser, one.url)
        const { page } = editor
        await editor.edit('read')
        await page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
        await page.waitForSelector('#lwm2m-store-rescue :text("CURRENT is missing")')
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.click('#lwm2m-store-rescue [data-store=export]'),
        ])
        assert.equal(download.suggestedFilename(), 'lwm2m-server-store.jsonl')
        const text = readFileSync(await download.path(), 'utf8')
        assert.equal(text.trim().split('\n').length, 1 + REGISTRATIONS)
        await page.waitForSelector('#lwm2m-store-rescue :text("Exported: 4 entries.")')
        await page.click('#node-config-dialog-cancel')
        await page.waitForSelector('#node-config-dialog-cancel', { state: 'detached' })
        await page.click('#node-dialog-cancel')
        await page.waitForSelector('#node-dialog-cancel', { state: 'detached' })

        await editor.openSidebar()
        await page.click('.lwm2m-section [data-store=repair]')
        await page.waitForSelector('.lwm2m-section :text("Repaired: 4 entries kept, 0 corrupt.")')
        await page.waitForSelector('.lwm2m-list-note:has-text("No device has registered yet")')
        await page.waitForSelector('.lwm2m-section [data-store]', { state: 'detached' })
        await editor.close()
        assert.equal(aside().length, 1)
        // The server holds it, and has what was read.
        await red?.stop()
        red = undefined
        const store = new DiskStore(folder)
        await store.open()
        assert.ok(await store.get('credential:1'))
        await store.close()
      })
    })
  }
})
