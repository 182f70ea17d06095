import assert from 'node:assert/strict'
import type { dtls as Dtls } from 'node-dtls-client'
import { EchoServer, PSK } from './support/harness'

type CipherSuites = NonNullable<Dtls.Options['ciphers']>

describe('node-dtls-client as client', () => {
  let server: EchoServer
  let createSocket: typeof Dtls.createSocket

  before(async () => {
    createSocket = (await import('node-dtls-client')).dtls.createSocket
  })
  beforeEach(async () => {
    server = await EchoServer.start()
  })
  afterEach(() => server.stop())

  const suites = [
    'TLS_PSK_WITH_AES_128_CCM_8',
    'TLS_PSK_WITH_AES_128_GCM_SHA256',
    'TLS_PSK_WITH_AES_128_CBC_SHA256',
  ] as const
  for (const suite of suites) {
    it(`completes with ${suite}, without any extension`, async () => {
      const socket = createSocket({
        type: 'udp4',
        address: '127.0.0.1',
        port: server.port,
        psk: { dev1: PSK.toString('latin1') },
        ciphers: [suite] as unknown as CipherSuites,
      })
      try {
        await new Promise<void>((resolve, reject) => {
          socket.on('connected', () => resolve())
          socket.on('error', reject)
        })
        const answer = new Promise<string>((resolve) => {
          socket.on('message', (message) => resolve(message.toString()))
        })
        socket.send(Buffer.from('hello'))
        assert.equal(await answer, 'echo:hello')
        assert.equal(server.transport.counters.sessions, 0)
      } finally {
        socket.close()
      }
    })
  }
})
