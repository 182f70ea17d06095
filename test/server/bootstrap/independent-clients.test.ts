import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { loadServerKey } from '../../../src/dtls/certificates/server-key'
import type { BootstrapRequest } from '../../../src/server/bootstrap'
import { type CredentialInput, CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { CommandClient } from '../../dtls/support/harness'
import { CA_EXTENSIONS, type Issued, TestPki } from '../../dtls/support/pki'
import { CON, Opt, rawCoap } from '../../support/raw-coap'
import { requireTool } from '../../support/tools'

/** Without zero bytes, and one line: that is what both programs send. */
const REQUEST = rawCoap({
  type: CON,
  code: 0x02,
  mid: 0x6162,
  token: '6b',
  options: [
    [Opt.URI_PATH, 'bs'],
    [Opt.URI_QUERY, 'pct=112'],
  ],
  payload: '\n',
})

const PRIORITY = [
  'NONE:+VERS-DTLS1.2:+AEAD:+SHA256:+SIGN-ALL:+COMP-NULL:+GROUP-ALL',
  '+ECDHE-ECDSA:+AES-128-CCM-8:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK',
].join(':')

describe('the bootstrap server under CoAPS, with independent clients', function () {
  let pki: TestPki
  let ca: Issued
  let device: Issued
  let own: Issued
  let server: Lwm2mServer
  const clients: CommandClient[] = []
  const failures: string[] = []

  before(function () {
    pki = new TestPki(requireTool(this, 'openssl'))
    ca = pki.issue('/CN=Test CA', { extensions: CA_EXTENSIONS })
    device = pki.issue('/CN=dev1', { issuer: ca })
    own = pki.issue('/CN=server', { issuer: ca })
  })
  after(() => pki?.remove())
  afterEach(async () => {
    for (const client of clients.splice(0)) client.kill()
    await server.stop()
    failures.length = 0
  })

  async function start(credential: CredentialInput): Promise<number> {
    const credentials = new CredentialStore()
    await credentials.setList([credential])
    server = new Lwm2mServer({
      coap: false,
      bootstrap: {
        coap: false,
        coaps: {
          host: '127.0.0.1',
          port: 0,
          serverKey: loadServerKey({ privateKey: own.key, certificateChain: own.certificate }),
          trustAnchors: [new X509Certificate(ca.certificate)],
        },
      },
      credentials,
    })
    server.on('warning', ({ code }) => failures.push(code))
    server.bootstrap?.configurations.setList([
      { endpoint: '*', servers: [{ uri: 'coap://192.0.2.1', shortServerId: 1 }] },
    ])
    await server.start()
    return server.bootstrapAddresses.coaps?.port ?? assert.fail('no port')
  }

  const run = (tool: string, args: readonly string[]): CommandClient => {
    const client = new CommandClient(tool, args)
    clients.push(client)
    return client
  }

  /** Asks to be bootstrapped, without a name: who it is, its credential says. */
  async function asks(client: CommandClient, connected: string | RegExp) {
    const requested = new Promise<BootstrapRequest>((resolve) =>
      server.bootstrap?.once('request', resolve),
    )
    await client.expect(connected)
    client.write(REQUEST)
    const { endpoint, peer, preferredFormat } = await requested
    // The server goes on with Bootstrap-Discover, whose one option is Accept: 40.
    await client.expect('\xd1\x04\x28')
    return { endpoint, kind: peer.identity.kind, preferredFormat }
  }

  const rawKeys = (port: number, issued: Issued): string[] => [
    ...['--udp', '-p', String(port), '--no-ca-verification'],
    ...['--priority', PRIORITY],
    ...['--rawpkkeyfile', issued.keyFile, '--rawpkfile', pki.publicKeyFile(issued)],
    '127.0.0.1',
  ]
  const publicKey = (issued: Issued): string =>
    createPublicKey(createPrivateKey(issued.key)).export({ type: 'spki', format: 'pem' }).toString()

  it('knows a device by its raw public key', async function () {
    const tool = requireTool(this, 'gnutls-cli')
    const credential = { endpoint: 'dev1', mode: 'rpk', publicKey: publicKey(device) } as const
    const port = await start({ ...credential, use: 'bootstrap' })
    const asked = await asks(run(tool, rawKeys(port, device)), 'Simple Client Mode')
    assert.deepEqual(asked, { endpoint: 'dev1', kind: 'rpk', preferredFormat: 112 })
  })

  it('does not take a raw public key that is for the server', async function () {
    const tool = requireTool(this, 'gnutls-cli')
    const credential = { endpoint: 'dev1', mode: 'rpk', publicKey: publicKey(device) } as const
    const port = await start({ ...credential, use: 'server' })
    await run(tool, rawKeys(port, device)).expect('Unknown certificate')
    assert.deepEqual(failures, ['unknown-public-key'])
  })

  it('knows a device by the name in its certificate', async function () {
    const tool = requireTool(this, 'openssl')
    const port = await start({ endpoint: 'dev1', mode: 'x509', use: 'bootstrap' })
    const client = run(tool, [
      ...['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, '-CAfile', ca.certificateFile],
      ...['-cert', device.certificateFile, '-key', device.keyFile],
      ...['-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0'],
    ])
    const asked = await asks(client, 'Verify return code: 0')
    assert.deepEqual(asked, { endpoint: 'dev1', kind: 'x509', preferredFormat: 112 })
  })
})
