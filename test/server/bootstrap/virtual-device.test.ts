import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { Lwm2mClientOptions } from '../../../src/client/types'
import type { BootstrapConfiguration, BootstrapResult } from '../../../src/server/bootstrap'
import { Bench } from './support/scripted-bootstrap'

const CONFIGURATION: BootstrapConfiguration = {
  endpoint: 'virtual-*',
  servers: [
    { uri: 'coap://127.0.0.1:9', shortServerId: 101, lifetime: 120, queueMode: true },
    { uri: 'coap://127.0.0.1:9', shortServerId: 102, binding: 'U' },
  ],
  resources: {
    '/3/0/15': 'Europe/Paris',
    '/2/0': { 0: 3, 1: 0, 2: { 101: 15 }, 3: 101 },
  },
}

describe('the virtual device and the bootstrap server', () => {
  let bench: Bench
  const clients: Lwm2mClient[] = []

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop()))
    await bench.stop()
  })

  async function bootstrap(
    options: Partial<Lwm2mClientOptions>,
    configuration: Partial<BootstrapConfiguration> = {},
  ): Promise<{ client: Lwm2mClient; result: BootstrapResult; accounts: readonly unknown[] }> {
    bench = await Bench.start({}, { ...CONFIGURATION, ...configuration })
    const client = new Lwm2mClient({
      endpoint: 'virtual-1',
      bootstrap: `coap://127.0.0.1:${bench.port}`,
      ...options,
    })
    clients.push(client)
    const accounts = new Promise<readonly unknown[]>((resolve) =>
      client.once('bootstrapped', resolve),
    )
    await client.start()
    return { client, result: await bench.result(), accounts: await accounts }
  }

  for (const [version, formats] of [
    ['1.0', [11542]],
    ['1.1', [112, 110, 11542]],
    ['1.1', [110]],
    ['1.1', [11542]],
    ['1.2', [11544, 112, 110]],
  ] as const) {
    it(`understand each other in ${version} with ${formats[0]}`, async () => {
      const { client, result, accounts } = await bootstrap({
        version,
        formats,
        bootstrapPack: false,
      })
      assert.deepEqual(
        result.steps.filter((step) => step.code?.startsWith('2.') !== true),
        [],
      )
      assert.equal(result.outcome, 'finished')
      assert.equal(result.format, formats[0])
      assert.deepEqual(accounts, [
        { shortServerId: 101, server: 'coap://127.0.0.1:9' },
        { shortServerId: 102, server: 'coap://127.0.0.1:9' },
      ])
      assert.equal(client.get('/1/0/1'), 120)
      assert.equal(client.get('/1/0/7'), version === '1.0' ? 'UQ' : 'U')
      assert.equal(client.get('/3/0/15'), 'Europe/Paris')
      assert.equal(client.get('/2/0/2/101'), 15)
    })
  }

  it('use a pack in 1.2, without anything else', async () => {
    const servers = CONFIGURATION.servers?.map((server, at) => ({
      ...server,
      securityInstance: at + 1,
      serverInstance: at,
    }))
    const { client, result } = await bootstrap(
      { version: '1.2', bootstrapPack: true },
      servers === undefined ? {} : { servers },
    )
    assert.equal(result.outcome, 'pack-sent')
    assert.equal(client.get('/1/1/0'), 102)
    assert.equal(client.get('/3/0/15'), 'Europe/Paris')
    assert.equal(bench.results.length, 1)
  })

  it('go on with a session where it is not known what the device has', async () => {
    const { result } = await bootstrap({ version: '1.2', bootstrapPack: true })
    assert.deepEqual(
      bench.refused.map((one) => one.code),
      ['pack-unknown'],
    )
    assert.equal(result.outcome, 'finished')
  })

  it('go back to a session where packs are off', async () => {
    const { result } = await bootstrap({ version: '1.2', bootstrapPack: true }, { pack: false })
    assert.deepEqual(
      bench.refused.map((one) => one.code),
      ['pack-disabled'],
    )
    assert.equal(result.outcome, 'finished')
  })
})
