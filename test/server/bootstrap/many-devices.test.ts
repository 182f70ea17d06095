import assert from 'node:assert/strict'
import { CoapEndpoint } from '../../../src/coap/endpoint'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { BootstrapConfigurations, BootstrapServer } from '../../../src/server/bootstrap'
import { CredentialStore } from '../../../src/server/credentials'
import { UdpTransport } from '../../../src/transport/udp'
import { ObedientDevice } from './support/obedient-device'

const DEVICES = 1000

describe(`${DEVICES} devices that bootstrap at once`, () => {
  it('all finish, each with a key of its own', async function () {
    this.timeout(120_000)
    const model = builtinModel()
    const configurations = new BootstrapConfigurations(() => model)
    const problems = configurations.setList([
      {
        endpoint: 'dev-*',
        servers: [
          {
            uri: 'coaps://{endpoint}.example',
            shortServerId: 101,
            security: 'psk',
            createCredential: true,
          },
        ],
      },
    ])
    assert.deepEqual(problems, [])
    const credentials = new CredentialStore()
    const server = new BootstrapServer({ configurations, credentials, model: () => model })
    const outcomes = new Map<string, number>()
    server.on('result', ({ outcome }) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1))
    const coap = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
    server.attach(coap)
    const { port } = await coap.start()
    const devices = await Promise.all(
      Array.from({ length: DEVICES }, (_, i) => ObedientDevice.open(`dev-${i}`, port)),
    )
    await Promise.all(devices.map((device) => device.bootstrap()))
    // The last answers are on their way still.
    while (server.sessionCount > 0) await new Promise((resolve) => setImmediate(resolve))
    for (const device of devices) {
      assert.deepEqual(device.told, [
        'GET /',
        'DELETE /0/1',
        'DELETE /1',
        'PUT /0/1',
        'PUT /1/0',
        'POST /bs',
      ])
      device.close()
    }
    assert.deepEqual([...outcomes], [['finished', DEVICES]])
    assert.equal(new Set(credentials.list().map((one) => one.endpoint)).size, DEVICES)
    await server.stop()
    await coap.stop()
  })
})
