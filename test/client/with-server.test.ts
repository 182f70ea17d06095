import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import type { Lwm2mClientOptions } from '../../src/client/types'
import { Path } from '../../src/lwm2m/path'
import { CredentialStore } from '../../src/server/credentials'
import { Lwm2mServer } from '../../src/server/lwm2m-server'
import type { Lwm2mServerOptions } from '../../src/server/options'
import type { OperationResult } from '../../src/server/types'
import { UdpProxy } from '../support/udp-proxy'
import { next, SMALL } from './support/server'

const KEY = Buffer.from('000102ff80c3a9fe', 'hex')

/** Ten attempts within a minute: enough for a network that loses 1 in 5. */
const HASTY = { ackTimeout: 100, ackRandomFactor: 1, maxRetransmit: 9, responseTimeout: 60_000 }

describe('client with the server', () => {
  let server: Lwm2mServer
  const clients: Lwm2mClient[] = []
  const proxies: UdpProxy[] = []

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop({ deregister: false })))
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
    await server.stop()
  })

  function client(options: Partial<Lwm2mClientOptions>): Lwm2mClient {
    const made = new Lwm2mClient({
      endpoint: 'dev1',
      objects: SMALL,
      local: { host: '127.0.0.1' },
      coap: HASTY,
      retry: { timer: 0.2, maxTimer: 1 },
      ...options,
    })
    clients.push(made)
    return made
  }

  async function serve(options: Lwm2mServerOptions): Promise<{ coap: number; coaps: number }> {
    server = new Lwm2mServer({ transmission: HASTY, ...options })
    const addresses = await server.start()
    return { coap: addresses.coap?.port ?? 0, coaps: addresses.coaps?.port ?? 0 }
  }

  async function serveSecurely(endpoints: readonly string[]): Promise<number> {
    const credentials = new CredentialStore()
    const { coaps } = await serve({
      coap: false,
      coaps: { host: '127.0.0.1', port: 0 },
      credentials,
    })
    await credentials.setList(endpoints.map((endpoint) => ({ endpoint, key: KEY.toString('hex') })))
    return coaps
  }

  /** The values delivered by an observation. */
  function values(endpoint: string, path: string): { next(): Promise<OperationResult> } {
    const results: OperationResult[] = []
    let wake = (): void => {}
    server.observe(
      { target: endpoint, paths: [path] },
      {
        onValue: (result) => {
          results.push(result)
          wake()
        },
      },
    )
    return {
      async next() {
        while (results.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        return results.shift() as OperationResult
      },
    }
  }

  /**
   * A network that loses every fifth datagram in each direction, and disturbs others randomly.
   * Never two in a row: on a slow machine the retransmission of a lost one still arrives.
   */
  async function lossy(port: number, phase: number): Promise<UdpProxy> {
    const count = { up: phase, down: phase + 2 }
    const proxy = await UdpProxy.open(
      { port },
      {
        filter: (_datagram, direction) => ++count[direction] % 5 !== 0,
        duplicate: 0.1,
        delay: 0.1,
        reorder: 0.1,
        seed: 42 + phase,
      },
    )
    proxies.push(proxy)
    return proxy
  }

  /** All of a session: register, read, write block-wise, observe, Send, update, de-register. */
  async function session(device: Lwm2mClient): Promise<void> {
    const { endpoint } = device.options
    const registered = next(device, 'registered', 60_000)
    await device.start()
    await registered
    const read = await server.read(endpoint, '/3/0/0')
    assert.equal(read.records[0]?.value, 'ACME')
    const long = 'x'.repeat(3000)
    await server.write(endpoint, '/3/0/15', long)
    assert.equal(device.get('/3/0/15'), long)
    assert.equal((await server.read(endpoint, '/3/0/15')).records[0]?.value, long)
    const temperature = values(endpoint, '/3303/0/5700')
    assert.equal((await temperature.next()).records[0]?.value, 21.5)
    await server.writeAttributes(endpoint, '/3303/0/5700', { pmax: 1 })
    device.set('/3303/0/5700', 30)
    // A notification may be lost: pmax causes another one.
    while ((await temperature.next()).records[0]?.value !== 30);
    const sent = new Promise<OperationResult>((resolve) => {
      const off = server.on('send', (result) => {
        if (result.endpoint !== endpoint) return
        off()
        resolve(result)
      })
    })
    await device.send(['/3/0/9'])
    assert.deepEqual((await sent).records[0]?.path.toString(), '/3/0/9')
    await device.update()
    await device.stop({ timeout: 20_000 })
    assert.equal(server.registrations.get(endpoint), undefined)
  }

  it('completes a whole session', async () => {
    const { coap } = await serve({ coap: { host: '127.0.0.1', port: 0 } })
    await session(client({ server: `coap://127.0.0.1:${coap}` }))
  })

  it('completes a whole session with PSK', async () => {
    const coaps = await serveSecurely(['dev1'])
    await session(
      client({
        server: `coaps://127.0.0.1:${coaps}`,
        security: { psk: { identity: 'dev1', key: KEY } },
      }),
    )
  })

  it('works over a network that loses 1 in 5, duplicates, delays and reorders', async function () {
    this.timeout(120_000)
    const names = Array.from({ length: 10 }, (_, i) => `dev${i}`)
    const coaps = await serveSecurely(names)
    await Promise.all(
      names.map(async (endpoint, i) => {
        const proxy = await lossy(coaps, i)
        return session(
          client({
            endpoint,
            server: `coaps://127.0.0.1:${proxy.port}`,
            security: { psk: { identity: endpoint, key: KEY } },
          }),
        )
      }),
    )
    const dropped = proxies.reduce((sum, proxy) => sum + proxy.counts.dropped, 0)
    assert.equal(dropped > 50, true)
  })

  for (const [how, quietly] of [
    ['ended the association', false],
    ['lost the association without an alert', true],
  ] as const) {
    it(`performs a new handshake when the server ${how}`, async () => {
      const coaps = await serveSecurely(['dev1'])
      const proxy = await UdpProxy.open({ port: coaps })
      proxies.push(proxy)
      const device = client({
        server: `coaps://127.0.0.1:${proxy.port}`,
        security: { psk: { identity: 'dev1', key: KEY } },
        coap: { ackTimeout: 300, maxRetransmit: 1, responseTimeout: 3000 },
      })
      const registered = next(device, 'registered')
      await device.start()
      await registered
      proxy.options = { filter: () => !quietly }
      await server.stop()
      while (quietly && proxy.counts.dropped === 0) await setImmediate()
      // Another server on the same port does not have the association.
      const credentials = new CredentialStore()
      server = new Lwm2mServer({
        coap: false,
        coaps: { host: '127.0.0.1', port: coaps },
        credentials,
      })
      await credentials.setList([{ endpoint: 'dev1', key: KEY.toString('hex') }])
      await server.start()
      proxy.options = {}
      const again = next(device, 'registered', 15_000)
      device.update().catch(() => {})
      await again
      assert.equal((await server.read('dev1', '/3/0/0')).records[0]?.value, 'ACME')
    })
  }

  it('accepts a firmware package, block by block', async () => {
    const { coap } = await serve({ coap: { host: '127.0.0.1', port: 0 } })
    const device = client({
      server: `coap://127.0.0.1:${coap}`,
      firmware: { version: '2.0.0', updateTime: 10 },
      rebootTime: 10,
    })
    let registered = next(device, 'registered')
    await device.start()
    await registered
    const progress: number[] = []
    await server.write('dev1', '/5/0/0', Buffer.alloc(100_000, 7), {
      onProgress: (sent) => progress.push(sent),
    })
    assert.equal(progress.length >= 97, true)
    assert.equal((await server.read('dev1', '/5/0/3')).records[0]?.value, 2)
    registered = next(device, 'registered')
    await server.execute('dev1', '/5/0/2')
    await registered
    assert.equal((await server.read('dev1', '/3/0/3')).records[0]?.value, '2.0.0')
    assert.equal((await server.read('dev1', '/5/0/5')).records[0]?.value, 1)
  })

  it('creates, deletes and observes several paths at once', async () => {
    const { coap } = await serve({ coap: { host: '127.0.0.1', port: 0 } })
    const device = client({ server: `coap://127.0.0.1:${coap}`, version: '1.2' })
    const registered = next(device, 'registered')
    await device.start()
    await registered
    const updated = next(device, 'updated')
    const { location } = await server.create('dev1', '/3303', { 5750: 'roof' })
    assert.equal(location?.toString(), '/3303/1')
    await updated
    const paths = [Path.parse('/3303/1'), Path.parse('/3/0/9')]
    const { records } = await server.readComposite('dev1', paths)
    assert.deepEqual(
      records.map(({ path, value }) => [path.toString(), value]),
      [
        ['/3303/1/5750', 'roof'],
        ['/3/0/9', 100],
      ],
    )
    const again = next(device, 'updated')
    await server.delete('dev1', '/3303/1')
    await again
    assert.deepEqual(
      server.registrations.get('dev1')?.objects.find(({ id }) => id === 3303)?.instances,
      [0],
    )
  })
})
