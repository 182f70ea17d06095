import assert from 'node:assert/strict'
import {
  Agent,
  createServer,
  request as coapRequest,
  type IncomingMessage,
  type OutgoingMessage,
  type Server,
} from 'coap'
import { CoapEndpoint, Code, type CoapResponse, type ObservationHandle } from '../../src/coap'
import { UdpTransport } from '../../src/transport/udp'

/** The npm package `coap`, an independent peer in both roles. */
describe('CoAP with the coap package', () => {
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close()
  })

  const endpoint = async (): Promise<{ endpoint: CoapEndpoint; port: number }> => {
    const made = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
    const { port } = await made.start()
    open.push(() => made.stop())
    return { endpoint: made, port }
  }

  const large = Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7 + (i >> 6)) & 255))

  describe('as client', () => {
    const ask = (
      port: number,
      options: Parameters<typeof coapRequest>[0] & object,
      payload?: Buffer,
    ): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const agent = new Agent({ type: 'udp4' })
        open.push(() => agent.close())
        const request = coapRequest({ host: '127.0.0.1', port, agent, ...options })
        request.on('response', resolve)
        request.on('error', reject)
        request.end(payload)
      })

    it('receives a response', async () => {
      const { endpoint: server, port } = await endpoint()
      server.onRequest = ({ path, query, payload }) => ({
        code: Code.CREATED,
        locationPath: ['rd', '5a'],
        payload: Buffer.from(`${path.join('/')}?${query.join('&')} ${payload.toString()}`),
      })
      const answer = await ask(
        port,
        { method: 'POST', pathname: '/rd', query: 'ep=a&lt=60' },
        Buffer.from('</3/0>'),
      )
      assert.deepEqual(
        [
          answer.code,
          answer.payload.toString(),
          answer._packet.options
            ?.filter(({ name }) => name === 'Location-Path')
            .map(({ value }) => value.toString()),
        ],
        ['2.01', 'rd?ep=a&lt=60 </3/0>', ['rd', '5a']],
      )
    })

    it('fetches a large body', async () => {
      const { endpoint: server, port } = await endpoint()
      server.onRequest = () => ({ code: Code.CONTENT, payload: large })
      assert.deepEqual((await ask(port, { pathname: '/x' })).payload, large)
    })

    it('observes', async () => {
      const { endpoint: server, port } = await endpoint()
      let handle: ObservationHandle | undefined
      server.onRequest = (request) => {
        handle = request.acceptObservation()
        return { code: Code.CONTENT, payload: Buffer.from('0') }
      }
      const stream = await ask(port, { pathname: '/3', observe: true })
      const values: string[] = []
      await new Promise<void>((resolve) => {
        stream.on('data', (chunk: Buffer) => {
          values.push(chunk.toString())
          if (values.length === 3) resolve()
          else {
            void handle?.notify(
              { code: Code.CONTENT, payload: Buffer.from(String(values.length)) },
              { confirmable: values.length === 2 },
            )
          }
        })
      })
      assert.deepEqual(values, ['0', '1', '2'])
    })
  })

  describe('as server', () => {
    const serve = async (
      handler: (request: IncomingMessage, response: OutgoingMessage) => void,
    ): Promise<number> => {
      const server: Server = createServer({ type: 'udp4' }, handler)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
      open.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
      return (server as unknown as { _sock: { address(): { port: number } } })._sock.address().port
    }

    it('answers requests', async () => {
      const port = await serve((request, response) => {
        response.setOption('Content-Format', 'application/json')
        response.code = '2.04'
        response.end(`${request.method} ${request.url} ${request.payload.toString()}`)
      })
      const { endpoint: client } = await endpoint()
      const peer = await client.transport.connect('127.0.0.1', port)
      const answer = await client.request(peer, {
        code: Code.PUT,
        path: ['3', '0'],
        query: ['pmin=1'],
        payload: Buffer.from('x'),
      })
      assert.deepEqual(
        [answer.code, answer.contentFormat, answer.payload.toString()],
        [Code.CHANGED, 50, 'PUT /3/0?pmin=1 x'],
      )
    })

    it('receives and sends large bodies', async () => {
      const port = await serve((request, response) => {
        if (request.method === 'GET') response.end(large)
        else response.end(String(request.payload.equals(large)))
      })
      const { endpoint: client } = await endpoint()
      const peer = await client.transport.connect('127.0.0.1', port)
      const got = await client.request(peer, { code: Code.GET, path: ['x'] })
      assert.deepEqual(got.payload, large)
      const put = await client.request(peer, { code: Code.PUT, path: ['x'], payload: large })
      assert.equal(put.payload.toString(), 'true')
    })

    it('sends notifications', async () => {
      let write: (value: string) => void = () => {}
      const port = await serve((_request, response) => {
        write = (value) => void (response as unknown as NodeJS.WritableStream).write(value)
        write('0')
      })
      const { endpoint: client } = await endpoint()
      const peer = await client.transport.connect('127.0.0.1', port)
      const values: string[] = []
      let resolve = (): void => {}
      const relation = await client.observe(
        peer,
        { code: Code.GET, path: ['3'] },
        {
          onNotification: (response: CoapResponse) => {
            values.push(response.payload.toString())
            resolve()
          },
        },
      )
      assert.equal(relation.first?.payload.toString(), '0')
      for (const value of ['1', '2']) {
        const arrived = new Promise<void>((done) => (resolve = done))
        write(value)
        await arrived
      }
      assert.deepEqual([values, relation.active], [['1', '2'], true])
    })
  })
})
