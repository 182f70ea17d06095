import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type FlowNode, NodeRed, newUserDir, requireRuntime, runtimes } from '../support/node-red'
import { freeUdpPort } from '../support/ports'
import { optionsOf } from '../server/support/registered-device'
import { Opt } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { requireTool } from '../support/tools'
import { Broker } from './support/broker'
import { COLUMNS, flowOf, JSON_TEXTS, ROWS, WRAP, WRAPPED } from './support/value-table'

const TLV = 11542

const SERVER = (port: number): FlowNode => ({
  id: 'server',
  type: 'lwm2m-server',
  port: String(port),
  host: '127.0.0.1',
  coap: true,
  storage: 'memory',
})

for (const runtime of runtimes()) {
  describe(`values in core nodes and context stores of ${runtime.name}`, function () {
    this.timeout(120_000)
    let red: NodeRed
    let device: ScriptedPeer
    let userDir = ''
    let serverPort: number
    let flows: FlowNode[]

    before(async function () {
      requireRuntime(this, runtime)
      serverPort = await freeUdpPort()
      userDir = newUserDir()
      flows = [
        SERVER(serverPort),
        ...Object.entries(COLUMNS).flatMap(([name, column]) => flowOf(name, column)),
      ]
      red = await NodeRed.start({
        runtime,
        userDir,
        settings: {
          contextStorage: {
            default: { module: 'memory' },
            file: { module: 'localfilesystem', config: { flushInterval: 1 } },
          },
        },
        flows,
      })
      device = (await ScriptedPeer.open()).connect(serverPort)
      await device.request({
        code: 2,
        options: optionsOf({ path: 'rd', format: 40, query: ['ep=dev+#1', 'lwm2m=1.0', 'lt=300'] }),
        payload: '</1/0>,</3/0>,</3303/0>',
      })
      void answerReads(device)
    })

    after(async () => {
      await red?.stop()
      await device?.close()
      if (userDir !== '') rmSync(userDir, { recursive: true, force: true })
    })

    const ask = async (name: string, path: string): Promise<string> => {
      const response = await fetch(`${red.url}/${encodeURIComponent(name)}?path=${path}`)
      return response.text()
    }

    for (const [name, { found }] of Object.entries(COLUMNS)) {
      it(name, async () => {
        const said: string[] = []
        for (const { path } of ROWS) said.push(await ask(name, path))
        const table = (texts: readonly string[]): string[] =>
          texts.map((text, at) => `${ROWS[at]?.what}: ${text}`)
        // A message of another program: its beginning and what it says.
        const like = (text: string, at: number): string =>
          found[at]?.startsWith('^') === true && new RegExp(found[at]).test(text) ? found[at] : text
        assert.deepEqual(table(said.map(like)), table(found))
      })
    }

    it('files have JSON, one line a value', () => {
      const lines = readFileSync(join(userDir, 'out.txt'), 'utf8').trimEnd().split('\n')
      assert.deepEqual(lines, WRAPPED)
    })

    it('mqtt out sends JSON of an object, under a topic that it takes', async function () {
      const broker = await Broker.start(requireTool(this, 'mosquitto'))
      const all = await broker.listen('#')
      try {
        const mqtt = { broker: '127.0.0.1', port: String(broker.port), protocolVersion: '4' }
        const flow = flowOf('mqtt', {
          nodes: [WRAP, { type: 'mqtt out', topic: '', qos: '0', broker: 'broker' }],
          found: [],
        })
        await red.deploy(
          [
            ...flows,
            { id: 'broker', type: 'mqtt-broker', clientid: '', keepalive: '60', ...mqtt },
            ...flow,
          ],
          'nodes',
        )
        await red.status('mqtt-4', (text) => text.includes('connected'))
        for (const { path } of ROWS) void ask('mqtt', path)
        for (const [at, { path, what }] of ROWS.entries()) {
          const heard = await all.until(({ topic }) => topic === `dev%2B%231${path}`)
          assert.deepEqual(heard.message, JSON.parse(WRAPPED[at] as string), what)
        }
      } finally {
        await all.close()
        await broker.stop()
      }
    })

    it('the context store on disk has them all, and Node-RED goes on', async () => {
      assert.equal(red.running, true)
      await red.stop()
      const folder = join(userDir, 'context')
      const kept = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('flow.json'))
        .map(
          (name) =>
            JSON.parse(readFileSync(join(folder, name), 'utf8')) as { [key: string]: unknown },
        )
      const stored = kept.find((one) => 'v_3_0_0' in one) ?? {}
      for (const [at, { path, what }] of ROWS.entries()) {
        const text = JSON_TEXTS[at]
        const expected: unknown = text === undefined ? {} : { v: JSON.parse(text) }
        assert.deepEqual(stored[`v${path.replace(/\W/g, '_')}`], expected, what)
      }
    })
  })
}

async function answerReads(device: ScriptedPeer): Promise<void> {
  for (;;) {
    let request
    try {
      request = await device.message()
    } catch {
      return
    }
    const path =
      '/' +
      request.options
        .filter(([number]) => number === Opt.URI_PATH)
        .map(([, value]) => value.toString())
        .join('/')
    const row = ROWS.find((one) => one.path === path)
    await device.send({
      type: 2,
      code: 0x45,
      mid: request.mid,
      token: request.token,
      options: [[Opt.CONTENT_FORMAT, TLV]],
      payload: Buffer.from(row?.bytes ?? '', 'hex'),
    })
  }
}
