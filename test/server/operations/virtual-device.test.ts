import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { Lwm2mClientOptions } from '../../../src/client/types'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { OperationResult } from '../../../src/server/types'
import { UdpProxy } from '../../support/udp-proxy'

/** Stops what the test started. */
let stop: () => Promise<void> = () => Promise.resolve()

/** A server and a virtual device that is registered at it. */
async function lab(
  options: Partial<Lwm2mClientOptions>,
): Promise<{ server: Lwm2mServer; client: Lwm2mClient }> {
  const server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 } })
  const { coap } = await server.start()
  const client = new Lwm2mClient({
    endpoint: 'dev',
    server: `coap://127.0.0.1:${coap?.port ?? 0}`,
    ...options,
  })
  const registered = new Promise((resolve) => client.once('registered', resolve))
  stop = async () => {
    await client.stop()
    await server.stop()
  }
  await client.start()
  await registered
  return { server, client }
}

const valuesOf = ({ records }: OperationResult) =>
  Object.fromEntries(records.map(({ path, value }) => [String(path), value]))

describe('A virtual device', () => {
  afterEach(() => stop())

  it('below an alternate root is served like any other', async () => {
    const { server, client } = await lab({ alternateRoot: 'lwm2m', version: '1.2' })
    assert.equal(server.registrations.get('dev')?.root, 'lwm2m')
    const read = await server.read('dev', '/3303/0/5701')
    assert.deepEqual(valuesOf(read), { '/3303/0/5701': client.get('/3303/0/5701') })
    await server.write('dev', '/3/0/14', '+05:00')
    assert.equal(client.get('/3/0/14'), '+05:00')
    const { links } = await server.discover('dev', '/3')
    assert.ok(links?.some(({ path }) => String(path) === '/3/0'))
    const composite = await server.readComposite('dev', ['/3/0/14'])
    assert.deepEqual(valuesOf(composite), { '/3/0/14': '+05:00' })
    const created = await server.create('dev', '/3303', { 5701: 'K' })
    assert.equal(client.get(`${String(created.location)}/5701`), 'K')
    const sent = new Promise<OperationResult>((resolve) => server.once('send', resolve))
    await client.send(['/3/0/14'])
    assert.deepEqual(valuesOf(await sent), { '/3/0/14': '+05:00' })
  })

  it('that is a gateway has its end devices read, written, observed and sent from', async () => {
    const { server, client } = await lab({
      version: '1.2',
      objects: {
        1: { 0: { 0: 1, 1: 300, 6: true, 7: 'U' } },
        3: { 0: { 0: 'OMA' } },
        25: { 0: { 0: 'thermometer', 1: 'd7', 3: '</3303/0>' } },
        gateway: { d7: { 3303: { 0: { 5700: 21.5, 5701: 'Cel', 5750: 'porch' } } } },
      },
    })
    assert.deepEqual(valuesOf(await server.read('dev', '/d7/3303/0/5700')), {
      '/d7/3303/0/5700': 21.5,
    })
    await server.write('dev', '/d7/3303/0/5750', 'garden')
    assert.equal(client.get('/d7/3303/0/5750'), 'garden')
    const values: unknown[] = []
    const second = new Promise<void>((resolve) => {
      server.observe(
        { target: '*', paths: ['/d7/3303/0/5700'] },
        {
          onValue: (result) => {
            values.push(valuesOf(result)['/d7/3303/0/5700'])
            if (values.length === 1) client.set('/d7/3303/0/5700', 22.5)
            if (values.length === 2) resolve()
          },
        },
      )
    })
    await second
    assert.deepEqual(values, [21.5, 22.5])
    const sent = new Promise<OperationResult>((resolve) => server.once('send', resolve))
    await client.send(['/d7/3303/0/5750'])
    assert.deepEqual(valuesOf(await sent), { '/d7/3303/0/5750': 'garden' })
  })

  it('sends nothing while the server mutes it (/1/0/23), and says its versions (/1/0/25)', async () => {
    const { server, client } = await lab({
      version: '1.2',
      objects: {
        1: { version: '1.2', 0: { 0: 1, 1: 300, 6: true, 7: 'U', 23: false, 25: ['1.1', '1.2'] } },
        3: { 0: { 0: 'OMA' } },
      },
    })
    await server.write('dev', '/1/0/23', true)
    await assert.rejects(client.send(['/3/0/0']), { code: 'muted' })
    await server.write('dev', '/1/0/23', false)
    await client.send(['/3/0/0'])
    assert.deepEqual(valuesOf(await server.read('dev', '/1/0/25')), {
      '/1/0/25/0': '1.1',
      '/1/0/25/1': '1.2',
    })
  })

  it('updates its registration on Execute /1/0/8 with a transport', async () => {
    const { server, client } = await lab({ version: '1.2' })
    const updated = new Promise((resolve) => server.once('updated', resolve))
    const executed = new Promise<unknown>((resolve) =>
      client.once('executed', ({ path }) => resolve(String(path))),
    )
    await server.execute('dev', '/1/0/8', { 0: 'U' })
    assert.equal(await executed, '/1/0/8')
    await updated
  })

  it('takes firmware by push, and reports each state', async () => {
    const { server } = await lab({
      version: '1.1',
      firmware: { updateTime: 1 },
      rebootTime: 1,
      objects: {
        1: { 0: { 0: 1, 1: 300, 6: true, 7: 'U' } },
        3: { 0: { 0: 'OMA' } },
        5: { 0: { 0: null, 3: 0, 5: 0 } },
      },
    })
    const states: unknown[] = []
    const result = new Promise<void>((resolve) => {
      server.observe(
        { target: 'dev', paths: ['/5/0/5'] },
        { onValue: (value) => valuesOf(value)['/5/0/5'] === 1 && resolve() },
      )
    })
    server.observe(
      { target: 'dev', paths: ['/5/0/3'] },
      { onValue: (value) => states.push(valuesOf(value)['/5/0/3']) },
    )
    const progress: number[] = []
    const image = Buffer.alloc(20_000, 0x5a)
    await server.write('dev', '/5/0/0', image, { onProgress: (sent) => progress.push(sent) })
    assert.equal(progress.at(-1), 20_000)
    assert.equal(progress.length, 20)
    assert.deepEqual(valuesOf(await server.read('dev', '/5/0/3')), { '/5/0/3': 2 })
    await server.execute('dev', '/5/0/2')
    await result
    assert.ok(states.includes(2), `states ${states.join(', ')}`)
  })

  it('takes 200 kB of firmware over a network that loses a fifth of everything', async () => {
    const fast = { ackTimeout: 10, maxRetransmit: 12 }
    const server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 }, transmission: fast })
    const { coap } = await server.start()
    const proxy = await UdpProxy.open({ port: coap?.port ?? 0 }, { seed: 36 })
    const client = new Lwm2mClient({
      endpoint: 'dev',
      server: `coap://127.0.0.1:${proxy.port}`,
      coap: fast,
      firmware: { version: '2.0', updateTime: 1 },
      rebootTime: 1,
    })
    stop = async () => {
      await client.stop({ deregister: false })
      await server.stop()
      await proxy.close()
    }
    const registered = new Promise((resolve) => client.once('registered', resolve))
    await client.start()
    await registered
    proxy.options = { drop: 0.2, duplicate: 0.05 }
    const image = Buffer.alloc(200_000, 0xa5)
    let sent = 0
    await server.write('dev', '/5/0/0', image, { onProgress: (bytes) => (sent = bytes) })
    assert.equal(sent, 200_000)
    assert.ok(proxy.counts.dropped > 40, 'a fifth was lost')
    proxy.options = {}
    assert.deepEqual(valuesOf(await server.read('dev', '/5/0/3')), { '/5/0/3': 2 })
    const again = new Promise((resolve) => server.once('registered', resolve))
    await server.execute('dev', '/5/0/2')
    await again
    assert.deepEqual(valuesOf(await server.read('dev', '/5/0/5')), { '/5/0/5': 1 })
    assert.deepEqual(valuesOf(await server.read('dev', '/3/0/3')), { '/3/0/3': '2.0' })
  })
})
