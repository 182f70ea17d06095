import assert from 'node:assert/strict'
import { CoapEndpoint, Code, type CoapEndpointOptions, type CoapResponse } from '../../src/coap'
import { UdpTransport } from '../../src/transport/udp'
import { ScriptedPeer } from '../support/scripted-device'
import { UdpProxy, type UdpProxyOptions } from '../support/udp-proxy'

/** Fast retransmission: these networks are on one machine. */
const QUICK: CoapEndpointOptions = { ackTimeout: 10, maxRetransmit: 9, responseTimeout: 15_000 }

describe('CoAP over real and lossy networks', () => {
  const open: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close()
  })

  const endpoint = async (options: CoapEndpointOptions = QUICK) => {
    const made = new CoapEndpoint(new UdpTransport({ port: 0 }), options)
    const { port } = await made.start()
    open.push(() => made.stop())
    return { endpoint: made, port }
  }

  const proxy = async (port: number, options: UdpProxyOptions): Promise<UdpProxy> => {
    const made = await UdpProxy.open({ port }, options)
    open.push(() => made.close())
    return made
  }

  it('processes every request once, with loss, delay, duplicates and reordering', async () => {
    const { endpoint: server, port } = await endpoint()
    const { endpoint: client } = await endpoint()
    const counts = new Map<string, number>()
    server.onRequest = (request) => {
      const id = request.path[1] ?? ''
      counts.set(id, (counts.get(id) ?? 0) + 1)
      const reply = { code: Code.CHANGED, payload: Buffer.from(`done ${id}`) }
      return Number(id) % 5 === 0 ? Promise.resolve(reply) : reply
    }
    const bad = await proxy(port, { seed: 7, drop: 0.2, duplicate: 0.2, delay: 0.2, reorder: 0.2 })
    const peer = await client.transport.connect('127.0.0.1', bad.port)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        client.request(peer, { code: Code.POST, path: ['act', String(i)] }),
      ),
    )
    assert.deepEqual(
      answers.map(({ payload }) => payload.toString()),
      answers.map((_, i) => `done ${i}`),
    )
    assert.deepEqual(
      [...counts.values()],
      answers.map(() => 1),
    )
    assert.ok(bad.counts.dropped > 10 && bad.counts.duplicated > 10 && bad.counts.held > 10)
    assert.ok(client.stats.retransmitted > 0 && server.stats.duplicates > 0)
  })

  it('transfers large bodies in both directions with 20 % loss', async () => {
    const { endpoint: server, port } = await endpoint({ ...QUICK, blockSize: 512 })
    const { endpoint: client } = await endpoint()
    const upload = Buffer.from(Array.from({ length: 12_000 }, (_, i) => (i * 7 + (i >> 9)) & 255))
    server.onRequest = ({ payload }) => ({
      code: Code.CHANGED,
      payload: Buffer.from(payload).reverse(),
    })
    const bad = await proxy(port, { seed: 3, drop: 0.2, duplicate: 0.1, reorder: 0.1 })
    const peer = await client.transport.connect('127.0.0.1', bad.port)
    const progress: number[] = []
    const answer = await client.request(peer, {
      code: Code.PUT,
      path: ['5', '0', '0'],
      payload: upload,
      onProgress: (sent) => progress.push(sent),
    })
    assert.deepEqual(answer.payload, Buffer.from(upload).reverse())
    assert.equal(progress.at(-1), 12_000)
    assert.ok(progress.every((sent, i) => i === 0 || sent > (progress[i - 1] ?? 0)))
    assert.ok(bad.counts.dropped > 5)
  })

  it('delivers confirmable notifications in order, each once, and large ones whole', async () => {
    const { endpoint: device, port } = await endpoint()
    const { endpoint: server } = await endpoint()
    let notify: (payload: Buffer) => Promise<void> = () => Promise.resolve()
    device.onRequest = (request) => {
      if (request.observe === 0) {
        const handle = request.acceptObservation()
        notify = (payload) => handle.notify({ code: Code.CONTENT, payload }, { confirmable: true })
      }
      return { code: Code.CONTENT, payload: Buffer.from('first') }
    }
    const bad = await proxy(port, { seed: 11, drop: 0.2, duplicate: 0.3, reorder: 0.2 })
    const peer = await server.transport.connect('127.0.0.1', bad.port)
    const got: CoapResponse[] = []
    let arrived = (): void => {}
    const relation = await server.observe(
      peer,
      { code: Code.GET, path: ['3'] },
      {
        onNotification: (response) => {
          got.push(response)
          arrived()
        },
      },
    )
    assert.equal(relation.first?.payload.toString(), 'first')
    for (let i = 0; i < 12; i++) {
      const whole = new Promise<void>((resolve) => (arrived = resolve))
      const payload = Buffer.alloc(i % 4 === 0 ? 3000 : 10, i)
      await notify(payload)
      await whole
      assert.deepEqual(got.at(-1)?.payload, payload)
    }
    assert.equal(got.length, 12)
  })

  it('handles mutated responses with typed errors, without affecting other peers', async () => {
    const { endpoint: device, port } = await endpoint()
    const { endpoint: good, port: goodPort } = await endpoint()
    const { endpoint: server } = await endpoint({
      ...QUICK,
      ackTimeout: 10,
      maxRetransmit: 2,
      responseTimeout: 100,
    })
    const warnings: string[] = []
    server.onWarning = ({ code }) => warnings.push(code)
    device.onRequest = good.onRequest = () => ({
      code: Code.CONTENT,
      contentFormat: 0,
      payload: Buffer.alloc(1500, 'x'),
    })
    const bad = await proxy(port, { seed: 5, mutate: 0.5 })
    const peer = await server.transport.connect('127.0.0.1', bad.port)
    const neighbour = await server.transport.connect('127.0.0.1', goodPort)
    const codes = new Set<string>()
    let whole = 0
    for (let i = 0; i < 40; i++) {
      const [outcome, healthy] = await Promise.allSettled([
        server.request(peer, { code: Code.GET, path: ['3'] }),
        // A healthy one has the time that a busy machine takes.
        server.request(neighbour, { code: Code.GET, path: ['3'], ...QUICK }),
      ])
      assert.equal(healthy.status, 'fulfilled')
      if (outcome.status === 'fulfilled') whole++
      else codes.add(String((outcome.reason as { code?: string }).code))
    }
    assert.ok(whole > 4, `${whole} of 40 got through`)
    const expected = new Set(['timeout', 'response-timeout', 'reset', 'malformed', 'blockwise'])
    assert.deepEqual(
      [...codes].filter((code) => !expected.has(code)),
      [],
    )
    assert.ok(codes.size >= 2, [...codes].join())
    assert.ok(warnings.includes('malformed'))
  })

  it('fails with a typed error if a device is gone, and serves the others', async () => {
    const { endpoint: server, port } = await endpoint({ ...QUICK, maxRetransmit: 1 })
    server.onRequest = () => ({ code: Code.CHANGED })
    const gone = await ScriptedPeer.open()
    const peer = await server.transport.connect('127.0.0.1', gone.port)
    await gone.close()
    await assert.rejects(server.request(peer, { code: Code.GET }), { code: 'timeout' })
    const device = (await ScriptedPeer.open()).connect(port)
    open.push(() => device.close())
    assert.equal((await device.request({ code: Code.POST })).code, Code.CHANGED)
  })

  it('distinguishes two devices with the same tokens and Message-IDs', async () => {
    const { endpoint: server, port } = await endpoint()
    server.onRequest = ({ peer }) => ({ code: Code.CONTENT, payload: Buffer.from(peer.id) })
    const devices = await Promise.all([ScriptedPeer.open(), ScriptedPeer.open()])
    for (const device of devices) {
      open.push(() => device.close())
      device.connect(port)
    }
    const answers = await Promise.all(
      devices.map((device) => device.request({ code: Code.GET, mid: 7, token: '0102' })),
    )
    assert.deepEqual(
      answers.map(({ payload }) => payload.toString()),
      devices.map((device) => `udp:127.0.0.1:${device.port}`),
    )
  })

  it('sends requests from the port that it listens on', async () => {
    const { endpoint: server, port } = await endpoint()
    const device = await ScriptedPeer.open()
    open.push(() => device.close())
    const peer = await server.transport.connect('127.0.0.1', device.port)
    const promise = server.request(peer, { code: Code.GET })
    const { bytes, from } = await device.receive()
    assert.equal(from.port, port)
    await device.send({
      type: 2,
      code: Code.CONTENT,
      mid: bytes.readUInt16BE(2),
      token: bytes.subarray(4).toString('hex'),
    })
    await promise
  })

  it('reports a port in use, and starts when it is free', async () => {
    const { endpoint: first, port } = await endpoint()
    const second = new CoapEndpoint(new UdpTransport({ port }))
    open.push(() => second.stop())
    await assert.rejects(second.start(), { code: 'EADDRINUSE' })
    await first.stop()
    assert.equal((await second.start()).port, port)
  })
})
