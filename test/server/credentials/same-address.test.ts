import assert from 'node:assert/strict'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { FakeClock } from '../../support/fake-clock'
import { ACK, Opt } from '../../support/raw-coap'
import { SecureDevice } from './support/secure-device'

const KEY = '00112233445566778899aabbccddeeff'

describe('another device at the address of one', () => {
  let clock: FakeClock
  let server: Lwm2mServer
  let port = 0
  const devices: SecureDevice[] = []

  beforeEach(async () => {
    clock = new FakeClock()
    const credentials = new CredentialStore()
    await credentials.setList(
      ['a', 'b'].map((endpoint) => ({ endpoint, identity: `id-${endpoint}`, key: KEY })),
    )
    server = new Lwm2mServer({
      coap: false,
      coaps: { host: '127.0.0.1', port: 0 },
      credentials,
      clock,
    })
    port = (await server.start()).coaps?.port ?? 0
  })
  afterEach(async () => {
    for (const device of devices.splice(0)) device.close()
    await server.stop()
  })

  for (const connectionId of [undefined, Buffer.alloc(0)]) {
    const how = connectionId === undefined ? 'without' : 'with'
    it(`gets nothing that was meant for the first (${how} Connection ID)`, async () => {
      const options = (endpoint: string) => ({
        identity: Buffer.from(`id-${endpoint}`),
        psk: Buffer.from(KEY, 'hex'),
        connectionId,
      })
      const a = await SecureDevice.open(port, options('a'))
      devices.push(a)
      await a.connect()
      await a.register(['ep=a', 'lwm2m=1.1'])
      const b = a.successor(options('b'))
      await b.connect()
      await b.register(['ep=b', 'lwm2m=1.1'])
      const addressOf = (endpoint: string) => server.registrations.get(endpoint)?.peer.port
      assert.equal(addressOf('a'), addressOf('b'))

      const heard = b.client.datagrams.length
      const read = server.read('a', '/3/0/0', { ttl: 0 })
      // The first may have moved, and may yet say whereto by its Connection ID.
      const code = connectionId === undefined ? 'peer-gone' : 'timeout'
      const refused = assert.rejects(read, { code })
      await clock.run(93_000, 1000)
      await refused

      // All that was sent is there when this is.
      const own = server.read('b', '/3/0/0')
      const { mid, token } = await b.message()
      const format = [[Opt.CONTENT_FORMAT, 0]] as const
      b.send({ type: ACK, code: 0x45, mid, token, options: format, payload: 'B' })
      assert.equal((await own).records[0]?.value, 'B')
      assert.equal(b.client.datagrams.length, heard + 1)
    })
  }
})
