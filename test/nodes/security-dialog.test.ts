import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { Editor } from '../editor/support/editor'
import { launchBrowser } from '../support/browser'
import { freeUdpPort } from '../support/ports'
import { NodeRed } from '../support/node-red'

const KEY_A = '0011223344556677'
const KEY_B = '8899aabbccddeeff'

/** Registers a device with a pre-shared key; fails when it is not let in. */
async function register(port: number, endpoint: string, key: string): Promise<void> {
  const client = new Lwm2mClient({
    endpoint,
    server: `coaps://127.0.0.1:${port}`,
    security: { psk: { identity: endpoint, key: Buffer.from(key, 'hex') } },
  })
  const registered = new Promise((resolve, reject) => {
    client.once('registered', resolve)
    client.on('warning', ({ message }) => reject(new Error(message)))
  })
  await client.start()
  try {
    await registered
  } finally {
    await client.stop({ timeout: 500 })
  }
}

describe('keys in the dialog of the server', function () {
  this.timeout(120_000)
  let browser: Browser
  let red: NodeRed
  let editor: Editor
  let coapsPort: number

  before(async function () {
    browser = await launchBrowser(this)
    red = await NodeRed.start()
    coapsPort = await freeUdpPort()
    const port = await freeUdpPort()
    await red.deploy([
      { id: 'tab', type: 'tab', label: 'keys' },
      {
        id: 'server',
        type: 'lwm2m-server',
        coap: true,
        port: String(port),
        coaps: true,
        coapsPort: String(coapsPort),
        storage: 'memory',
        version: 1,
      },
      {
        id: 'events',
        type: 'lwm2m-events',
        z: 'tab',
        x: 200,
        y: 100,
        server: 'server',
        endpoint: '*',
        events: ['registered'],
        version: 1,
        wires: [[]],
      },
    ])
    editor = await Editor.open(browser, red.url)
  })

  after(async () => {
    await editor?.close()
    await browser?.close()
    await red?.stop()
  })

  async function openSecurity(): Promise<void> {
    await editor.edit('events')
    await editor.page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
    await editor.page.waitForSelector('#node-config-dialog-ok')
    await editor.page.click('#lwm2m-server-tabs a[href="#lwm2m-tab-security"]')
  }

  async function saveAndDeploy(): Promise<void> {
    await editor.page.click('#node-config-dialog-ok')
    await editor.page.waitForSelector('#node-config-dialog-ok', { state: 'detached' })
    await editor.done()
    const started = red.printed('Started ')
    await editor.page.click('#red-ui-header-button-deploy')
    await started
  }

  const rows = () => editor.page.locator('#lwm2m-devices > li')

  async function addDevice(endpoint: string, key: string): Promise<void> {
    const { page } = editor
    await page.click('#lwm2m-tab-security .red-ui-editableList-addButton')
    const row = rows().last()
    await row.locator('input[type="text"]').first().fill(endpoint)
    await row.locator('input[type="password"]').fill(key)
    await row.locator('input[type="password"]').press('Tab')
  }

  const stored = (file: string): string => readFileSync(join(red.userDir, file), 'utf8')

  it('go to the credentials and never to the flow file, and let the device in', async () => {
    await openSecurity()
    await addDevice('dev-a', KEY_A)
    await saveAndDeploy()
    assert.ok(stored('flows.json').includes('dev-a'))
    assert.ok(!stored('flows.json').includes(KEY_A))
    assert.ok(!stored('flows_cred.json').includes(KEY_A))
    await register(coapsPort, 'dev-a', KEY_A)
  })

  it('stay when another one is added later, and are not handed back to the editor', async () => {
    await openSecurity()
    const first = rows().first().locator('input[type="password"]')
    assert.equal(await first.inputValue(), '')
    assert.equal(await first.getAttribute('placeholder'), 'unchanged')
    await addDevice('dev-b', KEY_B)
    await saveAndDeploy()
    await register(coapsPort, 'dev-a', KEY_A)
    await register(coapsPort, 'dev-b', KEY_B)
  })

  it('are changed by typing a new one', async () => {
    await openSecurity()
    const field = rows().first().locator('input[type="password"]')
    await field.fill(KEY_B)
    await field.press('Tab')
    await saveAndDeploy()
    await register(coapsPort, 'dev-a', KEY_B)
    await register(coapsPort, 'dev-b', KEY_B)
  })

  it('makes a key pair with a certificate by a button', async () => {
    await openSecurity()
    const { page } = editor
    await page.click('#lwm2m-generate-key')
    const publicKey = page.locator('#node-config-input-publicKey')
    await page.waitForFunction(() =>
      (globalThis as unknown as { $(selector: string): { val(): string } })
        .$('#node-config-input-publicKey')
        .val()
        .includes('BEGIN PUBLIC KEY'),
    )
    assert.match(await publicKey.inputValue(), /BEGIN PUBLIC KEY/)
    await saveAndDeploy()
    assert.ok(stored('flows.json').includes('BEGIN CERTIFICATE'))
    assert.ok(!stored('flows.json').includes('PRIVATE KEY'))
    await register(coapsPort, 'dev-b', KEY_B)
  })
})
