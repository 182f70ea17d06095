import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { loadCertificates, loadServerKey } from '../../src/dtls/certificates/server-key'
import type { DtlsClientCredentials } from '../../src/dtls/client-credentials'
import {
  DtlsClientTransport,
  type DtlsClientTransportOptions,
} from '../../src/transport/dtls-client'
import type { Association } from '../../src/dtls/associations/association'
import { freeUdpPort } from '../support/ports'
import { requireTool } from '../support/tools'
import { keyPair } from './support/endpoint-pair'
import { PSK } from './support/harness'
import { CA_EXTENSIONS, type Issued, LEAF_EXTENSIONS, TestPki } from './support/pki'

const pskClient: DtlsClientCredentials = { psk: { identity: Buffer.from('dev1'), key: PSK } }

describe('DTLS client role with independent servers', () => {
  const transports: DtlsClientTransport[] = []
  const children: ChildProcessWithoutNullStreams[] = []
  afterEach(async () => {
    for (const transport of transports.splice(0)) await transport.stop()
    for (const child of children.splice(0)) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })

  const client = async (options: DtlsClientTransportOptions): Promise<DtlsClientTransport> => {
    const transport = new DtlsClientTransport({ host: '127.0.0.1', ...options })
    transports.push(transport)
    await transport.start()
    return transport
  }
  const run = async (tool: string, args: readonly string[]) => {
    const child = spawn(tool, args)
    children.push(child)
    let output = ''
    const waiting = new Set<() => void>()
    const take = (chunk: Buffer): void => {
      output += chunk.toString('latin1')
      for (const look of waiting) look()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    await once(child, 'spawn')
    return {
      child,
      expect: (text: RegExp) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!text.test(output)) return
            waiting.delete(look)
            resolve()
          }
          waiting.add(look)
          look()
        }),
    }
  }
  /** `openssl s_server`: prints what it receives, sends what is written to its input. */
  const openssl = async (tool: string, ...args: readonly string[]) => {
    const port = await freeUdpPort()
    const accept = ['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-quiet']
    return { port, ...(await run(tool, [...accept, ...args])) }
  }
  const converse = async (
    transport: DtlsClientTransport,
    peer: Association,
    server: { child: ChildProcessWithoutNullStreams; expect: (text: RegExp) => Promise<void> },
  ): Promise<void> => {
    const answered = new Promise<string>((resolve) => {
      transport.onMessage = (_peer, datagram) => resolve(datagram.toString())
    })
    const heard = server.expect(/from the client/)
    transport.send(peer, Buffer.from('from the client\n'))
    await heard
    server.child.stdin.write('from the server\n')
    assert.equal(await answered, 'from the server\n')
  }

  for (const [cipher, suite] of [
    ['PSK-AES128-CCM8', 0xc0a8],
    ['PSK-AES256-GCM-SHA384', 0x00a9],
    ['ECDHE-PSK-AES128-CBC-SHA256', 0xc037],
  ] as const) {
    it(`OpenSSL, ${cipher}: exchanges data and resumes the session`, async function () {
      const server = await openssl(
        requireTool(this, 'openssl'),
        ...['-nocert', '-psk', PSK.toString('hex'), '-psk_identity', 'dev1', '-no_ticket'],
        ...['-cipher', `${cipher}:@SECLEVEL=0`],
      )
      const transport = await client({ credentials: pskClient, suites: [suite] })
      const first = (await transport.connect('127.0.0.1', server.port)) as Association
      assert.equal(first.suite, suite)
      await converse(transport, first, server)
      transport.close(first, 'once more')
      const second = (await transport.connect('127.0.0.1', server.port)) as Association
      assert.equal(second.resumed, true)
    })
  }

  describe('with certificates', () => {
    let pki: TestPki
    let authority: Issued
    let serverLeaf: Issued
    let clientLeaf: Issued
    before(function () {
      this.timeout(60_000)
      pki = new TestPki(requireTool(this, 'openssl'))
      authority = pki.issue('/CN=Test CA', { extensions: CA_EXTENSIONS })
      const serverOnly = [...LEAF_EXTENSIONS, 'extendedKeyUsage=serverAuth']
      serverLeaf = pki.issue('/CN=localhost', { issuer: authority, extensions: serverOnly })
      const clientOnly = [...LEAF_EXTENSIONS, 'extendedKeyUsage=clientAuth']
      clientLeaf = pki.issue('/CN=dev1', { issuer: authority, extensions: clientOnly })
    })
    after(() => pki?.remove())

    const credentials = (anchor: Issued = authority): DtlsClientCredentials => ({
      keyPair: loadServerKey({
        privateKey: clientLeaf.key,
        certificateChain: clientLeaf.certificate,
      }),
      trustAnchors: loadCertificates(anchor.certificate),
    })
    const certificateServer = (tool: string, leaf: Issued, ...args: readonly string[]) =>
      openssl(
        tool,
        ...['-cert', leaf.certificateFile, '-key', leaf.keyFile],
        ...['-CAfile', authority.certificateFile, '-Verify', '2', '-no_ticket'],
        ...['-cipher', 'ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0'],
        ...args,
      )

    it('OpenSSL: completes with X.509 on both ends, small datagrams and records', async function () {
      const server = await certificateServer(requireTool(this, 'openssl'), serverLeaf)
      const transport = await client({
        credentials: credentials(),
        maxFragmentLength: 512,
        mtu: 512,
      })
      const peer = (await transport.connect('127.0.0.1', server.port)) as Association
      assert.equal(peer.identity.kind === 'x509' ? peer.identity.commonName : '', 'localhost')
      await converse(transport, peer, server)
      assert.equal(transport.maxDatagramFor(peer) <= 512, true)
    })

    it('rejects a server whose certificate is not for servers, or of another CA', async function () {
      const tool = requireTool(this, 'openssl')
      const notServer = await certificateServer(tool, clientLeaf)
      const transport = await client({ credentials: credentials() })
      await assert.rejects(transport.connect('127.0.0.1', notServer.port), {
        code: 'handshake-failed',
        message: /not for server authentication/,
      })
      const stranger = pki.issue('/CN=Other CA', { extensions: CA_EXTENSIONS })
      const server = await certificateServer(tool, serverLeaf)
      const other = await client({ credentials: credentials(stranger) })
      await assert.rejects(other.connect('127.0.0.1', server.port), {
        code: 'handshake-failed',
        message: /leads to no trust anchor/,
      })
    })

    it('GnuTLS: completes with raw public keys on both ends', async function () {
      const tool = requireTool(this, 'gnutls-serv')
      const port = await freeUdpPort()
      const priority =
        'NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD:+SIGN-ALL:+COMP-NULL:+GROUP-SECP256R1:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK'
      const server = await run(tool, [
        ...['--udp', '--port', String(port), '--echo', '--priority', priority],
        ...['--rawpkkeyfile', serverLeaf.keyFile, '--rawpkfile', pki.publicKeyFile(serverLeaf)],
        '--require-client-cert',
      ])
      await server.expect(/listening|Listening/)
      const expected = new X509Certificate(serverLeaf.certificate).publicKey.export({
        type: 'spki',
        format: 'der',
      })
      const transport = await client({
        credentials: {
          keyPair: keyPair('client', true),
          rawPublicKey: (spki) => expected.equals(spki),
        },
      })
      const peer = await transport.connect('127.0.0.1', port)
      assert.equal(peer.identity.kind, 'rpk')
      const echoed = new Promise<string>((resolve) => {
        transport.onMessage = (_peer, datagram) => resolve(datagram.toString())
      })
      transport.send(peer, Buffer.from('hello'))
      assert.equal(await echoed, 'hello')
    })
  })

  it('GnuTLS: completes with ECDHE-PSK', async function () {
    const tool = requireTool(this, 'gnutls-serv')
    const port = await freeUdpPort()
    const folder = mkdtempSync(join(tmpdir(), 'dtls-gnutls-'))
    writeFileSync(`${folder}/psk.txt`, `dev1:${PSK.toString('hex')}\n`)
    try {
      const server = await run(tool, [
        ...['--udp', '--port', String(port), '--echo', '--pskpasswd', `${folder}/psk.txt`],
        ...['--priority', 'NORMAL:-KX-ALL:+ECDHE-PSK:+SHA256:-VERS-ALL:+VERS-DTLS1.2'],
      ])
      await server.expect(/listening|Listening/)
      const transport = await client({ credentials: pskClient })
      const peer = await transport.connect('127.0.0.1', port)
      const echoed = new Promise<string>((resolve) => {
        transport.onMessage = (_peer, datagram) => resolve(datagram.toString())
      })
      transport.send(peer, Buffer.from('hello'))
      assert.equal(await echoed, 'hello')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
