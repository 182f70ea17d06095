import assert from 'node:assert/strict'
import { Association } from '../../src/dtls/associations/association'
import { findSuite } from '../../src/dtls/ciphers/suites'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { loadCertificates, loadServerKey } from '../../src/dtls/certificates/server-key'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import type { ClientSecurity, Lwm2mClientOptions } from '../../src/client/types'
import type { BootstrapConfiguration } from '../../src/server/bootstrap'
import { type CredentialInput, CredentialStore } from '../../src/server/credentials'
import { Lwm2mServer } from '../../src/server/lwm2m-server'
import { next, SMALL } from './support/server'

describe('client with raw public keys and certificates', () => {
  const own = generateServerKey({ commonName: 'localhost' })
  const device = generateServerKey({ commonName: 'dev1' })
  let server: Lwm2mServer
  let client: Lwm2mClient

  afterEach(async () => {
    await client.stop({ deregister: false })
    await server.stop()
  })

  const rpk: ClientSecurity = {
    rpk: { privateKey: device.privateKeyPem, serverPublicKey: own.publicKey },
  }
  const x509 = (
    certificateUsage?: 2 | 3,
    serverCertificate = own.certificatePem,
  ): ClientSecurity => ({
    x509: {
      privateKey: device.privateKeyPem,
      certificate: device.certificatePem,
      serverCertificate,
      certificateUsage,
    },
  })
  const knowsKey: CredentialInput = { endpoint: 'dev1', mode: 'rpk', publicKey: device.publicKey }
  const knowsCertificate: CredentialInput = {
    endpoint: 'dev1',
    mode: 'x509',
    certificate: device.certificatePem,
  }

  async function serve(credential: CredentialInput): Promise<number> {
    const credentials = new CredentialStore()
    await credentials.setList([credential])
    server = new Lwm2mServer({
      coap: false,
      coaps: {
        host: '127.0.0.1',
        port: 0,
        serverKey: loadServerKey({
          privateKey: own.privateKeyPem,
          certificateChain: own.certificatePem,
        }),
        trustAnchors: loadCertificates(device.certificatePem),
      },
      bootstrap: { coap: { host: '127.0.0.1', port: 0 } },
      credentials,
    })
    const { coaps } = await server.start()
    return coaps?.port ?? assert.fail('no port')
  }

  function make(options: Partial<Lwm2mClientOptions>): Lwm2mClient {
    client = new Lwm2mClient({
      endpoint: 'dev1',
      objects: SMALL,
      local: { host: '127.0.0.1' },
      retry: { timer: 30, count: 1 },
      ...options,
    })
    return client
  }

  const cases: readonly (readonly [string, CredentialInput, ClientSecurity])[] = [
    ['a raw public key', knowsKey, rpk],
    ['a certificate, the server pinned', knowsCertificate, x509()],
    ['a certificate, the server certified', knowsCertificate, x509(2)],
  ]
  for (const [what, credential, security] of cases) {
    it(`registers with ${what}, and is read`, async () => {
      const port = await serve(credential)
      make({ server: `coaps://localhost:${port}`, security })
      const registered = next(client, 'registered')
      await client.start()
      await registered
      const result = await server.read('dev1', '/1/0/0')
      assert.equal(result.records[0]?.value, 1)
    })
  }

  it('does not register at a server whose certificate is for another host', async () => {
    const port = await serve(knowsCertificate)
    make({ server: `coaps://127.0.0.1:${port}`, security: x509(2) })
    const warned = next(client, 'warning')
    await client.start()
    assert.match((await warned)[0].message, /certificate was refused/)
  })

  for (const keyExchange of ['psk', 'ecdhe-psk'] as const) {
    it(`performs a handshake by ${keyExchange} with configured Connection IDs and small records`, async () => {
      const port = await serve({ endpoint: 'dev1', identity: 'dev1', key: '00112233' })
      make({
        server: `coaps://127.0.0.1:${port}`,
        security: { psk: { identity: 'dev1', key: Buffer.from('00112233', 'hex') } },
        dtls: { keyExchange, connectionId: 'both', maxFragmentLength: 512 },
      })
      const registered = next(client, 'registered')
      await client.start()
      await registered
      const peer = server.registrations.get('dev1')?.peer
      assert.ok(peer instanceof Association)
      assert.equal(findSuite(peer.suite)?.keyExchange, keyExchange)
      assert.notEqual(peer.connectionIdKey, undefined)
      assert.equal(peer.maxDatagram(1_280), 512)
    })
  }

  it('does not register at a server with another certificate than the pinned one', async () => {
    const port = await serve(knowsCertificate)
    const { certificatePem } = generateServerKey({ commonName: 'localhost' })
    make({ server: `coaps://127.0.0.1:${port}`, security: x509(3, certificatePem) })
    const warned = next(client, 'warning')
    await client.start()
    assert.match((await warned)[0].message, /certificate was refused/)
  })

  const accounts: readonly (readonly [string, CredentialInput, object])[] = [
    [
      'raw public keys',
      knowsKey,
      {
        security: 'rpk',
        publicKey: device.publicKeyPem,
        privateKey: device.privateKeyPem,
        serverPublicKey: own.publicKeyPem,
      },
    ],
    [
      'certificates',
      knowsCertificate,
      {
        security: 'x509',
        certificate: device.certificatePem,
        privateKey: device.privateKeyPem,
        serverCertificate: own.certificatePem,
      },
    ],
  ]
  for (const [what, credential, account] of accounts) {
    it(`registers with an account of ${what} written by a bootstrap`, async () => {
      const port = await serve(credential)
      const entry = { uri: `coaps://127.0.0.1:${port}`, shortServerId: 1, ...account }
      server.bootstrap?.configurations.setList([
        { endpoint: 'dev1', servers: [entry] } as BootstrapConfiguration,
      ])
      const bootstrap = server.bootstrapAddresses.coap?.port
      make({ bootstrap: `coap://127.0.0.1:${bootstrap}` })
      const registered = next(client, 'registered')
      await client.start()
      await registered
      assert.equal(client.state, 'registered')
    })
  }
})
