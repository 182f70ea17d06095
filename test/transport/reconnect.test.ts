import assert from 'node:assert/strict'
import type { DtlsCredentials } from '../../src/dtls/credentials'
import { DtlsTransport } from '../../src/transport/dtls'
import type { Peer } from '../../src/transport/transport'
import { rpkPair, x509Pair } from '../dtls/support/endpoint-pair'
import { EchoServer, pskCredentials } from '../dtls/support/harness'

describe('DtlsTransport.reconnect', () => {
  const transports: DtlsTransport[] = []
  const servers: EchoServer[] = []
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop()
    for (const transport of transports.splice(0)) await transport.stop()
  })

  const serve = async (credentials: DtlsCredentials): Promise<DtlsTransport> => {
    const transport = new DtlsTransport({ host: '127.0.0.1', port: 0, credentials })
    transports.push(transport)
    await transport.start()
    return transport
  }
  /** A device that also accepts handshakes, and answers datagrams. */
  const device = async (credentials: DtlsCredentials): Promise<EchoServer> => {
    const made = await EchoServer.start({ credentials })
    servers.push(made)
    return made
  }
  const gone = (identity: Peer['identity'], port: number): Peer => ({
    id: 'restored:1',
    identity,
    address: '127.0.0.1',
    port,
    secure: true,
  })
  const echoes = async (transport: DtlsTransport, peer: Peer): Promise<void> => {
    const echoed = new Promise<string>((resolve) => {
      transport.onMessage = (_peer, datagram) => resolve(datagram.toString())
    })
    transport.send(peer, Buffer.from('are you there'))
    assert.equal(await echoed, 'echo:are you there')
  }

  it('performs a handshake with a device by its pre-shared key, on the socket of the server', async () => {
    const server = await serve(pskCredentials)
    const dev1 = await device(pskCredentials)
    const identity = { kind: 'psk', identity: Buffer.from('dev1') } as const
    const peer = await server.reconnect(gone(identity, dev1.port), 5000)
    await echoes(server, peer)
    assert.equal(dev1.messages[0]?.peer.port, (await server.start()).port)
    assert.deepEqual(peer.identity, {
      kind: 'psk',
      identity: new Uint8Array(Buffer.from('dev1')),
    })
  })

  for (const [what, pair] of [
    ['raw public keys', rpkPair],
    ['certificates', x509Pair],
  ] as const) {
    it(`performs a handshake with a device with ${what}, and with no other device`, async () => {
      // The roles of the key pair are swapped: the connecting end is the server.
      const { server: own, client } = pair()
      const server = await serve(own)
      const { keyPair, rawPublicKey, trustAnchors } = client
      assert.ok(keyPair !== undefined)
      const dev1 = await device({ serverKey: keyPair, rawPublicKey, trustAnchors })
      const [certificate] = keyPair.certificateChain ?? []
      const identity: Peer['identity'] =
        certificate === undefined
          ? { kind: 'rpk', publicKey: keyPair.publicKey }
          : {
              kind: 'x509',
              subject: certificate.subject,
              commonName: 'client-1',
              names: ['client-1'],
              certificate: new Uint8Array(certificate.raw),
            }
      const peer = await server.reconnect(gone(identity, dev1.port), 5000)
      assert.equal(peer.identity.kind, identity.kind)
      await echoes(server, peer)
      const other = pair().client.keyPair
      assert.ok(other !== undefined)
      const unregistered = await device({
        serverKey: other,
        rawPublicKey: () => true,
        trustAnchors,
      })
      await assert.rejects(server.reconnect(gone(identity, unregistered.port), 5000), {
        code: 'handshake-failed',
      })
    })
  }

  it('fails with handshake-timeout if the device does not answer', async () => {
    const server = await serve(pskCredentials)
    const silent = await device({})
    await silent.stop()
    const identity = { kind: 'psk', identity: Buffer.from('dev1') } as const
    await assert.rejects(server.reconnect(gone(identity, silent.port), 300), {
      code: 'handshake-timeout',
    })
  })

  it('fails at once if the credential was removed', async () => {
    const server = await serve(pskCredentials)
    const identity = { kind: 'psk', identity: Buffer.from('removed') } as const
    await assert.rejects(server.reconnect(gone(identity, 9), 5000), { code: 'handshake-failed' })
  })
})
