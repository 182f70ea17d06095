import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { DtlsCredentials } from '../../src/dtls/credentials'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import type { DtlsTransportOptions } from '../../src/transport/dtls'
import { requireTool } from '../support/tools'
import { CommandClient, EchoServer, PSK } from './support/harness'
import { CA_EXTENSIONS, type Issued, TestPki } from './support/pki'

const COMMON = '+VERS-DTLS1.2:+AEAD:+SHA256:+SIGN-ALL:+COMP-NULL:+GROUP-ALL'

describe('GnuTLS as client', function () {
  let gnutls = ''
  let pki: TestPki
  let ca: Issued
  let device: Issued
  let own: Issued
  let server: EchoServer | undefined
  const clients: CommandClient[] = []

  before(function () {
    gnutls = requireTool(this, 'gnutls-cli')
    pki = new TestPki(requireTool(this, 'openssl'))
    ca = pki.issue('/CN=Test CA', { extensions: CA_EXTENSIONS })
    device = pki.issue('/CN=dev1', { issuer: ca })
    own = pki.issue('/CN=server', { issuer: ca })
  })
  after(() => pki?.remove())
  afterEach(async () => {
    for (const client of clients.splice(0)) client.kill()
    await server?.stop()
    server = undefined
  })

  const start = async (options: Partial<DtlsTransportOptions> = {}): Promise<EchoServer> =>
    (server = await EchoServer.start(options))
  const connect = (priority: string, ...args: readonly string[]): CommandClient => {
    const port = String(server?.port)
    const client = new CommandClient(gnutls, [
      ...['--udp', '-p', port, '--priority', `NONE:${COMMON}:${priority}`],
      ...args,
      '127.0.0.1',
    ])
    clients.push(client)
    return client
  }
  const echo = async (client: CommandClient, text = 'hello'): Promise<void> => {
    await client.expect('Simple Client Mode')
    client.say(text)
    await client.expect(`echo:${text}`)
  }
  const psk = ['--pskusername', 'dev1', '--pskkey', PSK.toString('hex')]

  const pskCiphers = [
    ['+PSK:+AES-128-CCM-8', 'TLS_PSK_WITH_AES_128_CCM_8'],
    ['+PSK:+AES-128-CCM', 'TLS_PSK_WITH_AES_128_CCM'],
    ['+PSK:+AES-128-GCM', 'TLS_PSK_WITH_AES_128_GCM_SHA256'],
    ['+PSK:+AES-128-CBC', 'TLS_PSK_WITH_AES_128_CBC_SHA256'],
    // ECDHE-PSK is left to OpenSSL: gnutls-cli 3.7 crashes when it prints such a session.
  ] as const
  for (const [priority, name] of pskCiphers) {
    it(`${name}: completes the handshake, exchanges data, handles close_notify`, async () => {
      const { gone } = await start()
      const client = connect(priority, ...psk)
      await echo(client)
      await client.finish()
      await server?.until(() => gone.length === 1)
      assert.equal(gone[0]?.reason, 'the device closed the connection')
      assert.equal(server?.transport.counters.handshakesCompleted, 1)
    })
  }

  it('supports MAC-then-encrypt, and clients without extended master secret', async () => {
    const { messages, transport } = await start()
    await echo(connect('+PSK:+AES-128-CBC:%NO_ETM:%NO_SESSION_HASH', ...psk))
    assert.equal(messages.length, 1)
    // Without extended master secret no session can be resumed (RFC 7627 §5.4).
    assert.equal(transport.counters.sessions, 0)
  })

  it('rejects clients without extended master secret if it is required', async () => {
    const { failures } = await start({ requireExtendedMasterSecret: true })
    const client = connect('+PSK:+AES-128-CCM-8:%NO_SESSION_HASH', ...psk)
    await client.expect(/Handshake failed/)
    assert.equal(failures[0]?.code, 'extended-master-secret-required')
  })

  it('resumes a session by its id', async () => {
    const { transport } = await start()
    const client = connect(
      '+PSK:+AES-128-CCM-8:%NO_TICKETS',
      ...psk,
      '--resume',
      '--waitresumption',
    )
    await client.expect('This is a resumed session')
    assert.equal(transport.counters.resumptions, 1)
    await echo(client)
  })

  it('applies a record size limit or a maximum fragment length', async () => {
    const { transport, messages } = await start()
    await echo(connect('+PSK:+AES-128-CCM-8', ...psk, '--recordsize', '512'))
    const peer = messages[0]?.peer
    assert.ok(peer)
    assert.equal(transport.maxDatagramFor(peer), 512)
  })

  describe('with public keys', () => {
    let credentials: DtlsCredentials
    before(() => {
      const known = createPublicKey(createPrivateKey(device.key)).export({
        type: 'spki',
        format: 'der',
      })
      credentials = {
        serverKey: loadServerKey({ privateKey: own.key, certificateChain: own.certificate }),
        trustAnchors: [new X509Certificate(ca.certificate)],
        rawPublicKey: (spki) => known.equals(spki),
      }
    })

    const ECDSA = '+ECDHE-ECDSA:+AES-128-CCM-8'
    const x509 = (issued: Issued): string[] => [
      ...['--x509cafile', ca.certificateFile, '--verify-hostname', 'server'],
      ...['--x509keyfile', issued.keyFile, '--x509certfile', issued.certificateFile],
    ]
    const rpk = (issued: Issued): string[] => [
      ...['--no-ca-verification', '--rawpkkeyfile', issued.keyFile],
      ...['--rawpkfile', pki.publicKeyFile(issued)],
    ]

    it('supports X.509 on both sides', async () => {
      const { messages } = await start({ credentials })
      await echo(connect(`${ECDSA}:+CTYPE-X509`, ...x509(device)))
      const identity = messages[0]?.peer.identity
      assert.equal(identity?.kind === 'x509' && identity.commonName, 'dev1')
    })

    it('supports raw public keys on both sides', async () => {
      const { messages } = await start({ credentials })
      await echo(connect(`${ECDSA}:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK`, ...rpk(device)))
      const identity = messages[0]?.peer.identity
      assert.equal(identity?.kind, 'rpk')
      assert.equal(credentials.rawPublicKey?.(identity.publicKey, { address: '', port: 0 }), true)
    })

    it('supports the raw public key of a server without certificate', async () => {
      const serverKey = loadServerKey({ privateKey: own.key })
      await start({ credentials: { ...credentials, serverKey } })
      await echo(connect(`${ECDSA}:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK`, ...rpk(device)))
    })

    it('rejects an unknown raw public key', async () => {
      const { failures } = await start({ credentials })
      const client = connect(`${ECDSA}:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK`, ...rpk(own))
      await client.expect('Unknown certificate')
      assert.equal(failures[0]?.code, 'unknown-public-key')
      assert.equal(failures[0]?.identity?.kind, 'rpk')
    })
  })
})
