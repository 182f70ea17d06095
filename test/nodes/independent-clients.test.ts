import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { Socket } from 'node:dgram'
import { promisify } from 'node:util'
import { Agent, createServer, type IncomingMessage, type OutgoingMessage, type Server } from 'coap'
import { type DebugMessage, type FlowNode, NodeRed } from '../support/node-red'
import { requireTool } from '../support/tools'
import { freeUdpPort } from '../support/ports'

const run = promisify(execFile)

function flow(port: number): FlowNode[] {
  const place = { z: 'tab', x: 100, y: 100 }
  const debug = (id: string): FlowNode => ({
    id,
    type: 'debug',
    ...place,
    active: true,
    tosidebar: true,
    complete: 'true',
    targetType: 'full',
    wires: [],
  })
  return [
    { id: 'tab', type: 'tab', label: 'clients' },
    { id: 'server', type: 'lwm2m-server', port: String(port), storage: 'memory', version: 1 },
    {
      id: 'events',
      type: 'lwm2m-events',
      ...place,
      server: 'server',
      events: ['registered', 'updated', 'deregistered'],
      wires: [['seen']],
    },
    debug('seen'),
    {
      id: 'press',
      type: 'inject',
      ...place,
      props: [],
      repeat: '',
      once: false,
      wires: [['read']],
    },
    {
      id: 'read',
      type: 'lwm2m-read',
      ...place,
      server: 'server',
      endpoint: 'npm-coap',
      path: '/3/0/0',
      wires: [['answer']],
    },
    debug('answer'),
    {
      id: 'observe',
      type: 'lwm2m-observe',
      ...place,
      server: 'server',
      endpoint: 'npm-coap',
      path: '/3303/0/5700',
      wires: [['value']],
    },
    debug('value'),
    { id: 'catch', type: 'catch', ...place, scope: null, wires: [['error']] },
    debug('error'),
  ]
}

interface Packet {
  readonly options: readonly { readonly name: string; readonly value: Buffer }[]
}

interface Seen {
  readonly event: string
  readonly endpoint: string
  readonly payload: unknown
}

describe('independent clients at a real Node-RED', function () {
  this.timeout(120_000)
  let red: NodeRed
  let port: number

  before(async () => {
    red = await NodeRed.start()
    port = await freeUdpPort()
    await red.deploy(flow(port))
  })

  after(() => red?.stop())

  const debugged = async (id: string, fits: (message: Seen) => boolean = () => true) => {
    const parse = ({ msg }: DebugMessage): Seen => JSON.parse(msg) as Seen
    const found = await red.debugged((one) => one.id === id && fits(parse(one)))
    return parse(found)
  }

  describe('coap-client of libcoap', () => {
    const uri = (rest: string): string => `coap://127.0.0.1:${port}/${rest}`

    it('registers block-wise, updates and de-registers', async function () {
      const client = requireTool(this, 'coap-client-notls')
      const links = ['</1/0>', '</3/0>']
      for (let i = 0; i < 60; i++) links.push(`</3303/${i}>`)
      const registered = debugged('seen', ({ event }) => event === 'registered')
      // Verbose: the Location-Path is only there.
      const { stdout, stderr } = await run(client, [
        ...['-m', 'post', '-t', '40', '-b', '64', '-v', '7', '-e', links.join('%2C')],
        uri('rd?ep=libcoap&lt=300&lwm2m=1.1&b=U'),
      ])
      const { endpoint, payload } = await registered
      assert.equal(endpoint, 'libcoap')
      const { objects } = payload as { objects: { id: number; instances: number[] }[] }
      assert.equal(objects.find(({ id }) => id === 3303)?.instances.length, 60)
      const location = /Location-Path:rd, Location-Path:([\w-]+)/.exec(stdout + stderr)
      assert.ok(location !== null, `no location in:\n${stdout}\n${stderr}`)

      const path = `rd/${location[1]}`
      const updated = debugged('seen', ({ event }) => event === 'updated')
      await run(client, ['-m', 'post', uri(`${path}?lt=120`)])
      assert.equal(((await updated).payload as { lifetime: number }).lifetime, 120)

      const gone = debugged('seen', ({ event }) => event === 'deregistered')
      await run(client, ['-m', 'delete', uri(path)])
      assert.equal((await gone).endpoint, 'libcoap')
    })
  })

  describe('the npm package coap', () => {
    let device: Server
    let agent: Agent
    let observer: OutgoingMessage | undefined

    before(async () => {
      device = createServer({ type: 'udp4' }, (request: IncomingMessage, response) => {
        if (request.url === '/3/0/0') {
          response.setOption('Content-Format', Buffer.alloc(0))
          response.end('made by coap')
        } else if (request.url === '/3303/0/5700') {
          observer = response
          response.setOption('Content-Format', Buffer.alloc(0))
          if (request.headers['Observe'] === 0) response.write('20.5')
          else response.end('20.5')
        } else {
          response.code = '4.04'
          response.end()
        }
      })
      await new Promise<void>((resolve) => device.listen(0, '127.0.0.1', () => resolve()))
      const { _sock: socket } = device as unknown as { _sock: Socket }
      // Requests leave from the port that the device is asked at.
      agent = new Agent({ type: 'udp4', socket } as never)
    })

    after(async () => {
      await new Promise<void>((resolve) => device.close(() => resolve()))
    })

    const request = (method: 'POST' | 'DELETE', pathname: string, query = '', payload = '') =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const sent = agent.request({
          hostname: '127.0.0.1',
          port,
          method,
          pathname,
          query,
        } as never)
        if (payload !== '') sent.setOption('Content-Format', Buffer.from([40]))
        sent.on('response', resolve)
        sent.on('error', reject)
        sent.end(payload)
      })

    it('registers, is read and observed, updates and de-registers', async () => {
      const first = debugged('value')
      const query = 'ep=npm-coap&lt=300&lwm2m=1.0&b=U'
      const created = await request('POST', '/rd', query, '</3/0>,</3303/0>')
      assert.equal(created.code, '2.01')
      const { options } = (created as unknown as { _packet: Packet })._packet
      const segments = options.filter(({ name }) => name === 'Location-Path')
      const location = '/' + segments.map(({ value }) => String(value)).join('/')
      assert.equal((await first).payload, 20.5)

      const next = debugged('value')
      observer?.write('21')
      assert.equal((await next).payload, 21)

      const answer = debugged('answer')
      await red.inject('press')
      assert.equal((await answer).payload, 'made by coap')

      const updated = debugged('seen', ({ event }) => event === 'updated')
      assert.equal((await request('POST', location)).code, '2.04')
      assert.equal((await updated).endpoint, 'npm-coap')

      const gone = debugged('seen', ({ event }) => event === 'deregistered')
      assert.equal((await request('DELETE', location)).code, '2.02')
      assert.equal((await gone).endpoint, 'npm-coap')
    })
  })
})
