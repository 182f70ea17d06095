import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import { nodeTypes } from '../support/node-files'
import { type FlowNode, NodeRed, requireRuntime, runtimes } from '../support/node-red'
import { findTool } from '../support/tools'
import { Broker } from './support/broker'
import { exampleNames, moveExample, nodeOf, readExample } from './support/examples'

const TOKEN = 'a token of the test'
const NUMBER = /^-?\d+(\.\d+)?$/

/** What a running example shows of itself. */
interface Proof {
  /** Debug nodes by name, and what they show soon after the deploy. */
  readonly shows?: { readonly [debug: string]: RegExp }
  /** Buttons pressed one after the other: what is pressed, who then shows what. */
  readonly press?: readonly (readonly [button: string, debug: string, text: RegExp])[]
  /** Properties by node type, as for {@link moveExample}. */
  readonly changes?: { readonly [type: string]: object }
  /** Anything else. */
  check?(red: NodeRed): Promise<void>
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })
  assert.equal(response.status, 200, url)
  return response.json()
}

/** Opens the page of live values and waits until all devices are on it. */
async function watchLiveValues(red: NodeRed): Promise<void> {
  const page = await (await fetch(`${red.url}/lwm2m/live`)).text()
  assert.match(page, /<title>Live values<\/title>/)
  const socket = new WebSocket(`${red.url.replace('http', 'ws')}/ws/lwm2m-live`)
  const rooms = new Set<string>()
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => socket.send('all'))
    socket.on('message', (data) => {
      const cards = JSON.parse(String(data)) as { endpoint: string; name: string; value: number }[]
      for (const { endpoint, name, value } of cards) {
        assert.equal(name, 'Sensor Value')
        assert.equal(typeof value, 'number')
        rooms.add(endpoint)
      }
      if (rooms.size === 2) resolve()
    })
  })
  assert.deepEqual([...rooms].sort(), ['room-1', 'room-2'])
  socket.terminate()
}

const PROOFS: { readonly [name: string]: Proof } = {
  'bridge-to-lwm2m': { shows: { 'seen by the server': NUMBER } },
  credentials: {
    shows: { 'registrations and warnings': /"security":"psk"/ },
    press: [['list', 'credentials, without keys', /sensor-1/]],
  },
  'first-steps': {
    shows: {
      temperature: NUMBER,
      device: /LwM2M Flows/,
      written: /^2\.04$/,
      'light is on': /^true$/,
    },
  },
  'history-to-file': {
    shows: {
      line: /^\d{4}-\d\d-\d\dT[\d:.]+Z,logger-1,\/3303\/0\/5700,Sensor Value,[\d.]+,Cel$/m,
    },
    press: [['send now', 'line', /,logger-1,/]],
    async check({ userDir }) {
      const lines = readFileSync(join(userDir, 'lwm2m-history.csv'), 'utf8').split('\n')
      assert.ok(lines.length > 1 && lines.at(-1) === '')
      for (const line of lines.slice(0, -1)) {
        assert.match(line, /^[^,]+,logger-1,\/3303\/0\/5700,Sensor Value,[^,]+,Cel$/)
      }
    },
  },
  'live-values-page': { check: watchLiveValues },
  'mqtt-gateway': {},
  operations: {
    press: [
      ['read the battery', 'answers', NUMBER],
      ['discover', 'links', /"path":"\/3303\/1"/],
    ],
  },
  'provision-from-http': {
    shows: { registrations: /known-1/, results: /"event":"refused"/ },
  },
  'rest-gateway': {
    async check({ url }) {
      let found: unknown
      do found = await getJson(`${url}/api/clients`)
      while (JSON.stringify(found) === '[]')
      assert.equal((found as { endpoint: string }[])[0]?.endpoint, 'rest-1')
    },
  },
  'sleeping-devices': {
    // Half a second awake every three, so that a test need not wait for the usual ten and thirty.
    changes: {
      'lwm2m-server': { awakeWindow: '0.5' },
      'lwm2m-device': { awakeWindow: '0.5', wakeEvery: '3' },
    },
    press: [
      ['another name', 'waits', /queued/],
      ['another name', 'written', /2\.04/],
    ],
  },
  'thresholds-and-alerts': {
    shows: { alert: /back to normal, 22/ },
    press: [
      ['26 °C', 'alert', /thermostat-1: too hot, 26 °C/],
      ['18 °C', 'alert', /thermostat-1: too cold, 18 °C/],
      ['22 °C', 'alert', /thermostat-1: back to normal, 22 °C/],
    ],
  },
  webhooks: {
    async check({ url }) {
      assert.deepEqual(await getJson(`${url}/webhooks`), [])
    },
  },
  'zero-touch-provisioning': { shows: { 'temperature, read securely': NUMBER } },
}

/** The tab of an example, with the environment that its user would set. */
function withEnvironment(flow: readonly FlowNode[], env: { [name: string]: string }): FlowNode[] {
  const entries = Object.entries(env).map(([name, value]) => ({ name, value, type: 'str' }))
  return flow.map((node) => (node.type === 'tab' ? { ...node, env: entries } : node))
}

describe('example flows', () => {
  it('have a proof each', () => {
    assert.deepEqual(Object.keys(PROOFS).sort(), exampleNames())
  })

  it('show every node of the package', () => {
    const used = new Set(
      exampleNames()
        .flatMap(readExample)
        .map(({ type }) => type),
    )
    const types = nodeTypes
    assert.ok(types.length >= 12)
    assert.deepEqual(
      types.filter((type) => !used.has(type)),
      [],
    )
  })

  for (const name of exampleNames()) {
    it(`${name}: one tab that says what it is, a comment, wires that lead somewhere`, () => {
      const flow = readExample(name)
      const ids = new Set(flow.map(({ id }) => id))
      assert.equal(ids.size, flow.length)
      const tabs = flow.filter(({ type }) => type === 'tab')
      assert.equal(tabs.length, 1)
      assert.notEqual(tabs[0]?.['info'] ?? '', '')
      assert.ok(flow.some(({ type, info }) => type === 'comment' && info !== ''))
      for (const node of flow) {
        const wires = (node['wires'] ?? []) as string[][]
        for (const id of wires.flat()) assert.ok(ids.has(id), `${String(node['name'])} → ${id}`)
        const server = node['server']
        if (typeof server === 'string' && server !== '') assert.ok(ids.has(server))
      }
    })
  }

  const ids = exampleNames().flatMap((name) => readExample(name).map(({ id }) => id))
  it('can be imported together', () => {
    assert.equal(new Set(ids).size, ids.length)
  })
})

for (const runtime of runtimes()) {
  describe(`example flows on ${runtime.name}`, function () {
    this.timeout(120_000)
    let red: NodeRed
    let broker: Broker | undefined

    before(async function () {
      requireRuntime(this, runtime)
      const mosquitto = findTool('mosquitto')
      if (mosquitto !== undefined) broker = await Broker.start(mosquitto)
      red = await NodeRed.start({ runtime })
    })

    after(async () => {
      await red?.stop()
      await broker?.stop()
    })

    for (const [name, { shows = {}, press = [], changes, check }] of Object.entries(PROOFS)) {
      it(name, async () => {
        const { flow } = await moveExample(name, {
          'mqtt-broker': { broker: '127.0.0.1', port: String(broker?.port ?? 1) },
          ...changes,
        })
        const ready = withEnvironment(flow, {
          LWM2M_API_TOKEN: TOKEN,
          PROVISIONING_URL: `${red.url}/lwm2m-provisioning`,
        })
        const shown = Object.entries(shows).map(([debug, text]) => {
          const { id } = nodeOf(flow, 'debug', debug)
          return red.debugged((message) => message.id === id && text.test(message.msg))
        })
        const heard = name === 'mqtt-gateway' ? await broker?.listen('lwm2m/#') : undefined
        const registered = flow.some(({ type }) => type === 'lwm2m-device')
        assert.ok(registered, 'there is a virtual device to try it with')
        await red.deploy(ready)
        await Promise.all(shown)
        for (const [button, debug, text] of press) await pressUntil(flow, button, debug, text)
        await check?.(red)
        if (heard !== undefined) {
          const answered = (text: string): Promise<unknown> =>
            heard.until(
              ({ topic, message }) =>
                topic === 'lwm2m/bridge-1/up/resp' && JSON.stringify(message).includes(text),
            )
          await answered('"register"')
          const command = { reqID: 1, msgType: 'read', data: { path: '/3/0/0' } }
          await heard.client.publishAsync('lwm2m/bridge-1/dn/cmd', JSON.stringify(command))
          await answered('"2.05"')
          await heard.close()
        }
        assert.doesNotMatch(red.output, /\[error\]|missing types|TypeError|ReferenceError/)
      })
    }

    /** Presses a button, again each second while its device is not registered yet. */
    async function pressUntil(
      flow: readonly FlowNode[],
      button: string,
      debug: string,
      text: RegExp,
    ): Promise<void> {
      const source = nodeOf(flow, 'inject', button).id
      const { id } = nodeOf(flow, 'debug', debug)
      let seen = false
      const shown = red
        .debugged((message) => message.id === id && text.test(message.msg))
        .finally(() => (seen = true))
      await red.inject(source)
      const again = setInterval(() => {
        if (!seen) void red.inject(source)
      }, 1000)
      await shown.finally(() => clearInterval(again))
    }
  })
}
