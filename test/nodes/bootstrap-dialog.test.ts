import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import { decode } from '../../src/lwm2m/formats'
import { builtinModel } from '../../src/lwm2m/model/object-model'
import { Path } from '../../src/lwm2m/path'
import type { Value } from '../../src/lwm2m/value'
import { UdpTransport } from '../../src/transport/udp'
import { Editor } from '../editor/support/editor'
import { NodeRed } from '../support/node-red'
import { launchBrowser } from '../support/browser'
import { freeUdpPort } from '../support/ports'

/** Bootstraps a device that takes everything; answers what it was written, by path. */
async function bootstrap(port: number, endpoint: string): Promise<ReadonlyMap<string, Value>> {
  const model = builtinModel()
  const written = new Map<string, Value>()
  const coap = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
  await coap.start()
  try {
    const finished = new Promise<void>((resolve) => {
      coap.onRequest = (request) => {
        if (request.code === 0x01) return { code: 0x84 }
        if (request.code === 0x04) return { code: 0x42 }
        if (request.code === 0x02) return { code: 0x44, onSent: resolve }
        const records = decode(request.contentFormat, request.payload, {
          base: Path.parse(`/${request.path.join('/')}`),
          resource: ({ object = 0, resource = 0 }) => model.object(object)?.resources.get(resource),
        })
        for (const { path, value } of records) {
          if (value !== undefined) written.set(path.toString(), value)
        }
        return { code: 0x44 }
      }
    })
    const peer = await coap.transport.connect('127.0.0.1', port)
    const { code } = await coap.request(peer, {
      code: 0x02,
      path: ['bs'],
      query: [`ep=${endpoint}`],
    })
    assert.equal(code, 0x44)
    await finished
    return written
  } finally {
    await coap.stop()
  }
}

describe('the Bootstrap tab of the server', function () {
  this.timeout(90_000)
  let browser: Browser
  let red: NodeRed
  let editor: Editor
  let port: number
  const server = generateServerKey({ commonName: 'server' })
  const device = generateServerKey({ commonName: 'dev-x' })
  const own = loadServerKey({
    privateKey: server.privateKeyPem,
    certificateChain: server.certificatePem,
  })
  const its = loadServerKey({
    privateKey: device.privateKeyPem,
    certificateChain: device.certificatePem,
  })
  const privateKey = its.privateKey.export({ format: 'der', type: 'pkcs8' })

  before(async function () {
    browser = await launchBrowser(this)
    red = await NodeRed.start()
    port = await freeUdpPort()
    await red.deploy([
      { id: 'tab', type: 'tab', label: 'bootstrap' },
      {
        id: 'server',
        type: 'lwm2m-server',
        coap: false,
        coaps: true,
        coapsPort: String(await freeUdpPort()),
        certificate: server.certificatePem,
        credentials: { serverKey: server.privateKeyPem },
        bootstrap: true,
        bootstrapPort: String(port),
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

  const rows = () => editor.page.locator('#lwm2m-bootstraps > li')
  const stored = (file: string): string => readFileSync(join(red.userDir, file), 'utf8')

  async function openTab(): Promise<void> {
    await editor.edit('events')
    await editor.page.click('.form-row:has(#node-input-server) .red-ui-button >> nth=0')
    await editor.page.waitForSelector('#node-config-dialog-ok')
    await editor.page.click('#lwm2m-server-tabs a[href="#lwm2m-tab-bootstrap"]')
  }

  async function saveAndDeploy(): Promise<void> {
    await editor.page.click('#node-config-dialog-ok')
    await editor.page.waitForSelector('#node-config-dialog-ok', { state: 'detached' })
    await editor.done()
    const started = red.printed('Started ')
    const listening = red.printed('coaps://')
    await editor.page.click('#red-ui-header-button-deploy')
    await started
    await listening
  }

  /** The visible field of an entry with a label. */
  function input(row: ReturnType<typeof rows>, label: string) {
    const named = editor.page.locator('label', { hasText: new RegExp(`^\\s*${label}\\s*$`) })
    return row.locator('.form-row:visible', { has: named }).locator('input, textarea, select')
  }

  async function add(endpoint: string, security: string, fields: { [label: string]: string }) {
    await editor.page.click('#lwm2m-tab-bootstrap .red-ui-editableList-addButton')
    const row = rows().last()
    await input(row, 'Device').fill(endpoint)
    await input(row, 'Security').selectOption(security)
    for (const [label, text] of Object.entries(fields)) {
      await input(row, label).fill(text)
      await input(row, label).press('Tab')
    }
    return row
  }

  it('gives a device raw public keys, with the server’s own where none is named', async () => {
    await openTab()
    await add('dev-r', 'rpk', {
      Server: 'coaps://127.0.0.1',
      'Device public key': device.publicKeyPem,
      'Device private key': device.privateKeyPem,
    })
    await add('dev-x', 'x509', {
      Server: 'coaps://127.0.0.1',
      'Device certificate': device.certificatePem,
      'Device private key': device.privateKeyPem,
    })
    await saveAndDeploy()
    const written = await bootstrap(port, 'dev-r')
    assert.equal(written.get('/0/1/2'), 1)
    assert.deepEqual(written.get('/0/1/3'), Buffer.from(its.publicKey))
    assert.deepEqual(written.get('/0/1/4'), Buffer.from(own.publicKey))
    assert.deepEqual(written.get('/0/1/5'), privateKey)
  })

  it('gives a device a certificate, with the server’s own where none is named', async () => {
    const written = await bootstrap(port, 'dev-x')
    assert.equal(written.get('/0/1/2'), 2)
    assert.deepEqual(written.get('/0/1/3'), its.certificateChain?.[0]?.raw)
    assert.deepEqual(written.get('/0/1/4'), own.certificateChain?.[0]?.raw)
    assert.deepEqual(written.get('/0/1/5'), privateKey)
  })

  it('keeps private keys out of the flow file, and does not show them again', async () => {
    assert.ok(stored('flows.json').includes('dev-x'))
    assert.ok(!stored('flows.json').includes('PRIVATE KEY'))
    await openTab()
    const field = input(rows().first(), 'Device private key')
    assert.equal(await field.inputValue(), '')
    assert.equal(await field.getAttribute('placeholder'), 'unchanged')
    await editor.page.click('#node-config-dialog-cancel')
    await editor.done()
  })

  it('says below an entry what is wrong with it, and marks the tab', async () => {
    await openTab()
    const row = await add('dev-s', 'rpk', { Server: 'coap://127.0.0.1' })
    const note = row.locator('.lwm2m-field-error')
    const tab = editor.page.locator('#lwm2m-server-tabs li.lwm2m-tab-error')
    const says = async (text: RegExp): Promise<void> => {
      assert.match((await note.textContent()) ?? '', text)
      assert.equal(await tab.count(), 1)
    }
    await says(/Enter an address, e\.g\. coaps:\/\/192\.0\.2\.1/)
    await input(row, 'Server').fill('coaps://127.0.0.1')
    await says(/Enter PEM text: -----BEGIN PUBLIC KEY-----/)
    await input(row, 'Device public key').fill(device.publicKeyPem)
    await input(row, 'Lifetime').fill('soon')
    await says(/Enter a lifetime in whole seconds/)
    await input(row, 'Lifetime').fill('60')
    await input(row, 'Additional values').fill('{')
    await says(/Enter a JSON object by path/)
    await input(row, 'Additional values').fill('')
    assert.equal(await note.textContent(), '')
    assert.equal(await tab.count(), 0)
    await editor.page.click('#node-config-dialog-cancel')
    await editor.done()
  })
})
