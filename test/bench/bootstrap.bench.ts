import { CoapEndpoint } from '../../src/coap/endpoint'
import { builtinModel } from '../../src/lwm2m/model/object-model'
import { BootstrapConfigurations, BootstrapServer } from '../../src/server/bootstrap'
import { CredentialStore } from '../../src/server/credentials'
import { UdpTransport } from '../../src/transport/udp'
import { ObedientDevice } from '../server/bootstrap/support/obedient-device'
import { type BenchRow, median } from './report'

/** Devices that bootstrap at the same time. */
const DEVICES = 500

/**
 * Complete bootstraps (Discover, two deletes, two writes with a generated key, Finish) per second,
 * with the devices in the same process: what the server can do alone is more.
 */
export async function bootstrapBench(rounds = 5): Promise<BenchRow[]> {
  const model = builtinModel()
  const configurations = new BootstrapConfigurations(() => model)
  configurations.setList([
    {
      endpoint: '*',
      servers: [{ uri: 'coaps://s', shortServerId: 101, security: 'psk', createCredential: true }],
    },
  ])
  const server = new BootstrapServer({
    configurations,
    credentials: new CredentialStore(),
    model: () => model,
  })
  const coap = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
  server.attach(coap)
  const { port } = await coap.start()
  const rates: number[] = []
  try {
    for (let round = 0; round <= rounds; round++) {
      const devices = await Promise.all(
        Array.from({ length: DEVICES }, (_, i) => ObedientDevice.open(`${round}-${i}`, port)),
      )
      const begin = performance.now()
      await Promise.all(devices.map((device) => device.bootstrap()))
      const seconds = (performance.now() - begin) / 1000
      // The first round warms up.
      if (round > 0) rates.push(DEVICES / seconds)
      for (const device of devices) device.close()
    }
  } finally {
    await server.stop()
    await coap.stop()
  }
  return [{ name: 'bootstraps with a generated key', value: median(rates), unit: '/s' }]
}
