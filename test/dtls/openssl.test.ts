import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DtlsCredentials } from '../../src/dtls/credentials'
import { loadCertificates, loadServerKey } from '../../src/dtls/certificates/server-key'
import type { DtlsTransportOptions } from '../../src/transport/dtls'
import { requireTool } from '../support/tools'
import { CommandClient, EchoServer, PSK } from './support/harness'
import { CA_EXTENSIONS, type Issued, TestPki } from './support/pki'

describe('OpenSSL as client', function () {
  let openssl = ''
  let server: EchoServer | undefined
  const clients: CommandClient[] = []

  let folder = ''

  before(function () {
    openssl = requireTool(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'dtls-openssl-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  afterEach(async () => {
    for (const client of clients.splice(0)) client.kill()
    await server?.stop()
    server = undefined
  })

  const start = async (options: Partial<DtlsTransportOptions> = {}): Promise<EchoServer> =>
    (server = await EchoServer.start(options))
  const connect = (...args: readonly string[]): CommandClient => {
    const target = ['s_client', '-dtls1_2', '-connect', `127.0.0.1:${server?.port}`]
    const client = new CommandClient(openssl, [...target, ...args])
    clients.push(client)
    return client
  }
  const psk = (cipher: string, key = PSK.toString('hex'), identity = 'dev1'): string[] => [
    ...['-psk', key, '-psk_identity', identity, '-cipher', `${cipher}:@SECLEVEL=0`],
  ]
  /** Exchanges data in both directions, then closes the connection. */
  const echo = async (client: CommandClient, text = 'hello'): Promise<void> => {
    await client.expect(/Verify return code|Extended master secret/)
    client.say(text)
    await client.expect(`echo:${text}`)
  }

  for (const cipher of [
    'PSK-AES128-CCM8',
    'PSK-AES128-CCM',
    'PSK-AES128-GCM-SHA256',
    'PSK-AES128-CBC-SHA256',
    'ECDHE-PSK-AES128-CBC-SHA256',
    'PSK-AES256-CCM8',
    'PSK-AES256-CCM',
    'PSK-AES256-GCM-SHA384',
  ]) {
    it(`${cipher}: completes the handshake, exchanges data, handles close_notify`, async () => {
      const { transport, gone, messages } = await start()
      const client = connect(...psk(cipher))
      await echo(client)
      await client.expect(`Cipher is ${cipher}`)
      await client.expect('Secure Renegotiation IS supported')
      await client.expect('Extended master secret: yes')
      await client.finish()
      await server?.until(() => gone.length === 1)
      assert.equal(gone[0]?.reason, 'the device closed the connection')
      assert.deepEqual(messages[0]?.peer.identity, {
        kind: 'psk',
        identity: new Uint8Array(Buffer.from('dev1')),
      })
      assert.equal(transport.counters.handshakesCompleted, 1)
      assert.equal(transport.counters.associations, 0)
    })
  }

  it('supports MAC-then-encrypt for a client without encrypt-then-MAC, unless that is required', async () => {
    await start()
    await echo(connect(...psk('PSK-AES128-CBC-SHA256'), '-no_etm'))
    await server?.stop()
    await start({ requireEncryptThenMac: true })
    const refused = connect(...psk('PSK-AES128-CBC-SHA256'), '-no_etm')
    await refused.expect('handshake failure')
    assert.equal(server?.failures[0]?.code, 'encrypt-then-mac-required')
    await echo(connect(...psk('PSK-AES128-CBC-SHA256')))
  })

  it('prefers AEAD and PSK in any order of the client', async () => {
    await start()
    const client = connect(
      ...psk('ECDHE-PSK-AES128-CBC-SHA256:PSK-AES128-CBC-SHA256:PSK-AES128-CCM8'),
    )
    await echo(client)
    await client.expect('Cipher is PSK-AES128-CCM8')
  })

  it('serves a client with any server_name', async () => {
    await start()
    await echo(connect(...psk('PSK-AES128-CCM8'), '-servername', 'lwm2m.example'))
  })

  it('does not answer a wrong key or an unknown identity', async () => {
    const { failures } = await start({ handshakeTimeout: 700 })
    const wrong = connect(...psk('PSK-AES128-CCM8', 'ff'.repeat(16)))
    const unknown = connect(...psk('PSK-AES128-CCM8', 'ff'.repeat(16), 'stranger'))
    await server?.until(() => failures.length === 2)
    const codes = failures.map(({ code }) => code).sort()
    assert.deepEqual(codes, ['unknown-identity', 'wrong-key'])
    // No alert was sent to either: both are still waiting.
    assert.doesNotMatch(wrong.output + unknown.output, /alert/)
  })

  it('resumes a session by its id', async () => {
    const { transport } = await start()
    const session = join(folder, 'session.pem')
    const first = connect(...psk('PSK-AES128-CCM8'), '-no_ticket', '-sess_out', session)
    await echo(first)
    await first.finish()
    const second = connect(...psk('PSK-AES128-CCM8'), '-no_ticket', '-sess_in', session)
    await echo(second, 'again')
    await second.expect('Reused, TLSv1.2, Cipher is PSK-AES128-CCM8')
    assert.equal(transport.counters.resumptions, 1)
  })

  it('applies a negotiated maximum fragment length', async () => {
    const { transport, messages } = await start()
    const client = connect(...psk('PSK-AES128-CCM8'), '-maxfraglen', '512')
    await echo(client)
    const peer = messages[0]?.peer
    assert.ok(peer)
    assert.equal(transport.maxDatagramFor(peer), 512)
    assert.throws(() => transport.send(peer, Buffer.alloc(513)), { code: 'datagram-too-large' })
  })

  describe('with certificates', () => {
    let pki: TestPki
    let ca: Issued
    let intermediate: Issued
    let device: Issued
    let credentials: DtlsCredentials

    before(function () {
      pki = new TestPki(openssl)
      ca = pki.issue('/CN=Test CA', { extensions: CA_EXTENSIONS })
      intermediate = pki.issue('/CN=Intermediate', {
        issuer: ca,
        extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=keyCertSign'],
      })
      device = pki.issue('/O=Test/CN=dev1', { issuer: ca })
      const own = pki.issue('/CN=server', { issuer: ca })
      credentials = {
        serverKey: loadServerKey({ privateKey: own.key, certificateChain: own.certificate }),
        trustAnchors: [new X509Certificate(ca.certificate)],
      }
    })
    after(() => pki.remove())

    const certificate = (issued: Issued, cipher: string): string[] => [
      ...['-cert', issued.certificateFile, '-key', issued.keyFile],
      ...['-CAfile', ca.certificateFile, '-verify_return_error', '-verify_hostname', 'server'],
      ...['-cipher', `${cipher}:@SECLEVEL=0`],
    ]

    for (const cipher of [
      'ECDHE-ECDSA-AES128-CCM8',
      'ECDHE-ECDSA-AES128-CCM',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES128-SHA256',
    ]) {
      it(`${cipher}: authenticates both sides`, async () => {
        const { messages } = await start({ credentials })
        const client = connect(...certificate(device, cipher))
        await echo(client)
        await client.expect(`Cipher is ${cipher}`)
        await client.expect('Verify return code: 0 (ok)')
        const identity = messages[0]?.peer.identity
        assert.equal(identity?.kind, 'x509')
        assert.equal(identity.commonName, 'dev1')
        assert.equal(identity.subject, 'O=Test\nCN=dev1')
        assert.deepEqual(
          Buffer.from(identity.certificate),
          new X509Certificate(device.certificate).raw,
        )
      })
    }

    const groups = [
      ['P-256:X25519', 'Server Temp Key: ECDH, prime256v1'],
      ['X25519:P-256', 'Server Temp Key: X25519'],
    ] as const
    for (const [offered, used] of groups) {
      it(`uses ephemeral keys on the first of ${offered}`, async () => {
        await start({ credentials })
        const gcm = certificate(device, 'ECDHE-ECDSA-AES128-GCM-SHA256')
        const client = connect(...gcm, '-groups', offered)
        await echo(client)
        await client.expect(used)
      })
    }

    it('does not send a P-256 certificate to a client that cannot verify it', async () => {
      await start({ credentials })
      const gcm = certificate(device, 'ECDHE-ECDSA-AES128-GCM-SHA256')
      await connect(...gcm, '-groups', 'X25519').expect('handshake failure')
      assert.equal(server?.failures[0]?.code, 'no-common-suite')
    })

    it('accepts a chain through an intermediate, with names from the SAN', async () => {
      const { messages } = await start({ credentials })
      const leaf = pki.issue('/CN=dev2', {
        issuer: intermediate,
        extensions: [
          'subjectAltName=DNS:dev2.example,URI:urn:dev:ops:dev2',
          'keyUsage=digitalSignature',
        ],
      })
      const client = connect(
        ...certificate(leaf, 'ECDHE-ECDSA-AES128-CCM8'),
        ...['-cert_chain', intermediate.certificateFile],
      )
      await echo(client)
      const identity = messages[0]?.peer.identity
      assert.equal(identity?.kind, 'x509')
      assert.deepEqual(identity.names, ['dev2', 'dev2.example', 'urn:dev:ops:dev2'])
    })

    it('fragments a long flight and reassembles a long certificate', async () => {
      const long = pki.issue('/CN=dev3', {
        issuer: ca,
        extensions: [
          `subjectAltName=${Array.from({ length: 60 }, (_, i) => `DNS:name-${i}.${'x'.repeat(40)}.example`).join()}`,
        ],
      })
      const { messages } = await start({ credentials, mtu: 300 })
      await echo(connect(...certificate(long, 'ECDHE-ECDSA-AES128-CCM8'), '-mtu', '400'))
      const identity = messages[0]?.peer.identity
      assert.equal(identity?.kind === 'x509' && identity.names.length, 61)
    })

    const refusals: [why: string, code: string, alert: RegExp, make: () => Issued][] = [
      [
        'of another authority',
        'untrusted-certificate',
        /unknown ca/,
        () =>
          pki.issue('/CN=dev1', { issuer: pki.issue('/CN=Other', { extensions: CA_EXTENSIONS }) }),
      ],
      [
        'that has expired',
        'expired-certificate',
        /certificate expired/,
        () => pki.issue('/CN=dev1', { issuer: ca, days: -1 }),
      ],
      [
        'for servers only',
        'untrusted-certificate',
        /unknown ca/,
        () => pki.issue('/CN=dev1', { issuer: ca, extensions: ['extendedKeyUsage=serverAuth'] }),
      ],
      [
        'whose key is not for signatures',
        'untrusted-certificate',
        /unknown ca/,
        () => pki.issue('/CN=dev1', { issuer: ca, extensions: ['keyUsage=keyAgreement'] }),
      ],
      [
        'with an unknown critical extension',
        'untrusted-certificate',
        /unknown ca/,
        () => pki.issue('/CN=dev1', { issuer: ca, extensions: ['1.2.3.4=critical,DER:0500'] }),
      ],
      [
        'issued by a certificate that is not an authority',
        'untrusted-certificate',
        /unknown ca/,
        () => pki.issue('/CN=dev1', { issuer: device }),
      ],
      [
        'on another curve',
        'bad-certificate',
        /unsupported certificate/,
        () => pki.issue('/CN=dev1', { issuer: ca, curve: 'secp384r1' }),
      ],
    ]
    for (const [why, code, alert, make] of refusals) {
      it(`rejects a certificate ${why}`, async () => {
        await start({ credentials })
        await connect(...certificate(make(), 'ECDHE-ECDSA-AES128-CCM8')).expect(alert)
        assert.equal(server?.failures[0]?.code, code)
      })
    }

    it('rejects a client without certificate', async () => {
      await start({ credentials })
      const client = connect('-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0')
      await client.expect('handshake failure')
      assert.equal(server?.failures[0]?.code, 'no-certificate')
    })

    it('accepts a pinned certificate without a trust anchor, and no other', async () => {
      const pinned = pki.issue('/CN=pinned')
      const pin = new X509Certificate(pinned.certificate).raw
      await start({
        credentials: {
          ...credentials,
          certificate: ({ leaf, trusted }) => !trusted && leaf.raw.equals(pin),
        },
      })
      await echo(connect(...certificate(pinned, 'ECDHE-ECDSA-AES128-CCM8')))
      const other = connect(...certificate(device, 'ECDHE-ECDSA-AES128-CCM8'))
      await other.expect('access denied')
      assert.equal(server?.failures[0]?.code, 'untrusted-certificate')
    })

    it('sends its whole chain', async () => {
      const own = pki.issue('/CN=server', { issuer: intermediate })
      await start({
        credentials: {
          ...credentials,
          serverKey: loadServerKey({
            privateKey: own.key,
            certificateChain: loadCertificates(own.certificate + intermediate.certificate),
          }),
        },
      })
      const client = connect(...certificate(device, 'ECDHE-ECDSA-AES128-CCM8'))
      await echo(client)
      await client.expect('Verify return code: 0 (ok)')
    })

    it('resumes a session made with a certificate', async () => {
      const { transport, messages } = await start({ credentials })
      const session = join(pki.folder, 'session.pem')
      const base = [...certificate(device, 'ECDHE-ECDSA-AES128-CCM8'), '-no_ticket']
      const first = connect(...base, '-sess_out', session)
      await echo(first)
      await first.finish()
      const second = connect(...base, '-sess_in', session)
      await echo(second, 'again')
      await second.expect('Reused, TLSv1.2')
      assert.equal(transport.counters.resumptions, 1)
      assert.deepEqual(messages[1]?.peer.identity, messages[0]?.peer.identity)
    })
  })
})
