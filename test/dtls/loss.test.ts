import assert from 'node:assert/strict'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { DtlsTransport } from '../../src/transport/dtls'
import { UdpProxy } from '../support/udp-proxy'
import { pskCredentials } from './support/harness'
import type { HostileClientOptions } from './support/hostile-client'
import { PatientClient } from './support/patient-client'
import { rpkClient, rpkCredentials } from './support/raw-keys'

const CON_GET = 0x40
const CONTENT = 0x45

/** GET /a with this Message-ID; the response is recognized by it. */
function get(messageId: number): Buffer {
  return Buffer.from([CON_GET, 1, messageId >> 8, messageId & 255, 0xb1, 0x61])
}

describe('DTLS with 20 % packet loss, delays, duplicates and reordering', () => {
  let endpoint: CoapEndpoint
  let transport: DtlsTransport
  let proxy: UdpProxy
  let answered = 0

  beforeEach(async () => {
    transport = new DtlsTransport({
      host: '127.0.0.1',
      port: 0,
      credentials: { ...pskCredentials, ...rpkCredentials },
      retransmitTimeout: 40,
      maxRetransmitTimeout: 320,
      // Several fragments and datagrams a flight.
      mtu: 256,
    })
    endpoint = new CoapEndpoint(transport)
    answered = 0
    endpoint.onRequest = () => {
      answered++
      return { code: CONTENT, payload: Buffer.from('ok') }
    }
    const { port } = await endpoint.start()
    proxy = await UdpProxy.open(
      { port },
      { seed: 20, drop: 0.2, duplicate: 0.1, reorder: 0.2, delay: 0.2, maxDelay: 30 },
    )
  })
  afterEach(async () => {
    await proxy.close()
    await endpoint.stop()
  })

  const session = async (options: HostileClientOptions): Promise<PatientClient> => {
    const client = await PatientClient.open(proxy.port, options)
    await client.handshake()
    for (let messageId = 1; messageId <= 3; messageId++) {
      const header = Buffer.from([0x60, CONTENT, 0, messageId]).toString('latin1')
      await client.ask(get(messageId), (answer) => answer.startsWith(header))
    }
    return client
  }

  it('completes 100 of 100 sessions: handshake and three CoAP exchanges each', async function () {
    this.timeout(120_000)
    const kinds: HostileClientOptions[] = [
      {},
      { connectionId: Buffer.from('c1d0', 'hex') },
      rpkClient(),
      { suites: [0xc037] },
    ]
    const clients: PatientClient[] = []
    try {
      for (let wave = 0; wave < 4; wave++) {
        const sessions = Array.from({ length: 25 }, (_, i) => session(kinds[i % 4] ?? {}))
        clients.push(...(await Promise.all(sessions)))
      }
      const resumed = clients.slice(0, 20).map(({ client }) => {
        return session({ ...client.options, session: client.session })
      })
      clients.push(...(await Promise.all(resumed)))
    } finally {
      for (const client of clients) client.close()
    }
    assert.ok(proxy.counts.dropped > 300, 'it was a lossy network')
    assert.ok(proxy.counts.duplicated > 100)
    const { counters } = transport
    assert.equal(counters.handshakesCompleted, 120)
    assert.equal(counters.resumptions, 20)
    // Each request reached the handler once, however often it was sent.
    assert.equal(answered, 120 * 3)
  })
})
