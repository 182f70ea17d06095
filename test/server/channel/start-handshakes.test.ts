import assert from 'node:assert/strict'
import { Code } from '../../../src/coap/codes'
import { CoapEndpoint } from '../../../src/coap/endpoint'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { MemoryStore } from '../../../src/storage/memory-store'
import { DtlsTransport } from '../../../src/transport/dtls'
import type { Peer } from '../../../src/transport/transport'

const KEY = '00112233445566778899aabbccddeeff'

/** A device with one DTLS socket for both roles: it registers, and takes handshakes of its server. */
class Device {
  handshakes = 0
  private readonly transport: DtlsTransport
  private readonly coap: CoapEndpoint

  constructor() {
    const identity = Buffer.from('id-a')
    const key = Buffer.from(KEY, 'hex')
    const psk = (asked: Uint8Array): Uint8Array | undefined => {
      if (!identity.equals(asked)) return undefined
      this.handshakes++
      return key
    }
    this.transport = new DtlsTransport({ host: '127.0.0.1', port: 0, credentials: { psk } })
    this.coap = new CoapEndpoint(this.transport)
    this.coap.onRequest = ({ path }) => ({
      code: Code.CONTENT,
      contentFormat: 0,
      payload: Buffer.from(path.join('/')),
    })
  }

  /** @param query of the Register, beside the endpoint name */
  async register(port: number, ...query: string[]): Promise<void> {
    await this.coap.start()
    const server: Peer = {
      id: 'server',
      identity: { kind: 'psk', identity: Buffer.from('id-a') },
      address: '127.0.0.1',
      port,
      secure: true,
    }
    const peer = await this.transport.reconnect(server, 5000)
    this.handshakes = 0
    const { code } = await this.coap.request(peer, {
      code: Code.POST,
      path: ['rd'],
      query: ['ep=a', 'lwm2m=1.1', 'lt=300', ...query],
      contentFormat: 40,
      payload: Buffer.from('</3/0>'),
    })
    assert.equal(code, Code.CREATED)
  }

  /** It takes no handshakes any more. */
  stop(): Promise<void> {
    return this.coap.stop()
  }
}

describe('requests to a CoAPS device whose association is gone', () => {
  let server: Lwm2mServer
  let device: Device
  beforeEach(() => (device = new Device()))
  afterEach(async () => {
    await server.stop()
    await device.stop()
  })

  /** Registers the device, then starts another server from the same store. */
  async function restarted(startHandshakes: boolean, ...query: string[]): Promise<void> {
    const credentials = new CredentialStore()
    await credentials.setList([{ endpoint: 'a', identity: 'id-a', key: KEY }])
    const store = new MemoryStore()
    const start = async (port: number): Promise<number> => {
      const coaps = { host: '127.0.0.1', port, startHandshakes, handshakeTimeout: 1000 }
      server = new Lwm2mServer({ coap: false, coaps, credentials, store })
      return (await server.start()).coaps?.port ?? 0
    }
    const port = await start(0)
    await device.register(port, ...query)
    await server.stop()
    await start(port)
    assert.notEqual(server.registrations.get('a')?.state, 'online')
  }

  it('make the server begin one handshake, and are sent after it', async () => {
    await restarted(true, 'b=U')
    const connected = new Promise((resolve) => server.once('connected', resolve))
    const [first, second] = await Promise.all([
      server.read('a', '/3/0/0', { format: 0 }),
      server.read('a', '/3/0/1', { format: 0, ttl: 0 }),
    ])
    await connected
    assert.deepEqual(
      [first, second].map(({ records }) => records[0]?.value),
      ['3/0/0', '3/0/1'],
    )
    assert.equal(device.handshakes, 1)
    assert.equal(server.registrations.get('a')?.state, 'online')
  })

  it('fail with handshake-timeout when the device does not answer it', async () => {
    await restarted(true, 'b=U')
    await device.stop()
    await assert.rejects(server.read('a', '/3/0/0'), { code: 'handshake-timeout' })
    assert.deepEqual(server.queued('a'), [])
  })

  it('never make one for a device in queue mode', async () => {
    await restarted(true, 'b=U', 'Q')
    const waits = new Promise<void>((resolve) => {
      server.read('a', '/3/0/0', { onQueued: resolve }).catch(() => undefined)
    })
    await waits
    assert.equal(server.queued('a').length, 1)
    assert.equal(device.handshakes, 0)
  })

  it('wait for the handshake of the device where the server is not to begin any', async () => {
    await restarted(false, 'b=U')
    const waits = new Promise<void>((resolve) => {
      server.read('a', '/3/0/0', { onQueued: resolve }).catch(() => undefined)
    })
    await waits
    assert.equal(device.handshakes, 0)
    await assert.rejects(server.read('a', '/3/0/0', { ttl: 0 }), { code: 'peer-gone' })
  })
})
