import assert from 'node:assert/strict'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { DtlsClientTransport } from '../../src/transport/dtls-client'
import type { Peer } from '../../src/transport/transport'
import { freeUdpPort } from '../support/ports'
import { ScriptedPeer } from '../support/scripted-device'
import { requireTool } from '../support/tools'
import { UdpProxy } from '../support/udp-proxy'

/** Binary: not valid as text. */
const KEY = Buffer.from('00ff80aa11223344c3a9fe', 'hex')
const PLAIN_DATA = Buffer.from('17fefd00000000000000630005', 'hex')

/** The same records with other sequence numbers: a retransmission, not a replay. */
function renumbered(datagram: Buffer): Buffer {
  const copy = Buffer.from(datagram)
  for (let at = 0; at < copy.length; at += 13 + copy.readUInt16BE(at + 11)) {
    copy.writeUInt32BE(copy.readUInt32BE(at + 7) + 40, at + 7)
  }
  return copy
}

/** Resolves when a process printed something. */
function printed(process: ChildProcessWithoutNullStreams, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`not printed: ${wanted}\n${text}`)), 30_000)
    const look = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (!wanted.test(text)) return
      clearTimeout(timer)
      resolve(text)
    }
    process.stdout.on('data', look)
    process.stderr.on('data', look)
  })
}

const psk = (key: Uint8Array, identity: Uint8Array = Buffer.from('dev1')) => ({
  psk: { identity, key },
})

describe('DtlsClientTransport', () => {
  const transports: DtlsClientTransport[] = []
  const children: ChildProcessWithoutNullStreams[] = []
  const proxies: UdpProxy[] = []
  afterEach(async () => {
    for (const transport of transports.splice(0)) await transport.stop()
    for (const proxy of proxies.splice(0)) await proxy.close()
    for (const child of children.splice(0)) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })

  async function transport(
    options: Partial<ConstructorParameters<typeof DtlsClientTransport>[0]> = {},
  ): Promise<DtlsClientTransport> {
    const made = new DtlsClientTransport({ credentials: psk(KEY), host: '127.0.0.1', ...options })
    transports.push(made)
    await made.start()
    return made
  }

  /** `openssl s_server` with a pre-shared key, ready. */
  async function openssl(
    tool: string,
    cipher: string,
  ): Promise<{ port: number; process: ChildProcessWithoutNullStreams }> {
    const port = await freeUdpPort()
    const args = ['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-nocert', '-quiet']
    args.push('-psk', KEY.toString('hex'), '-psk_identity', 'dev1')
    args.push('-cipher', `${cipher}:@SECLEVEL=0`)
    const process = spawn(tool, args)
    children.push(process)
    // It prints nothing when it listens, and a ClientHello that is sent too early is retransmitted.
    await once(process, 'spawn')
    return { port, process }
  }

  async function proxy(
    port: number,
    options: Parameters<typeof UdpProxy.open>[1],
  ): Promise<UdpProxy> {
    const made = await UdpProxy.open({ port }, options)
    proxies.push(made)
    return made
  }

  for (const cipher of ['PSK-AES128-CCM8', 'PSK-AES128-GCM-SHA256', 'PSK-AES128-CBC-SHA256']) {
    it(`exchanges data with OpenSSL in both directions over ${cipher}, with a binary key`, async function () {
      const { port, process } = await openssl(requireTool(this, 'openssl'), cipher)
      const client = await transport()
      const peer = await client.connect('127.0.0.1', port)
      assert.equal(peer.secure, true)
      assert.deepEqual(peer.identity, {
        kind: 'psk',
        identity: new Uint8Array(Buffer.from('dev1')),
      })
      const received = printed(process, /hello from the device/)
      client.send(peer, Buffer.from('hello from the device\n'))
      await received
      const answered = new Promise<[Peer, Buffer]>((resolve) => {
        client.onMessage = (from, datagram) => resolve([from, datagram])
      })
      process.stdin.write('hello from the server\n')
      const [from, datagram] = await answered
      assert.equal(from, peer)
      assert.equal(datagram.toString(), 'hello from the server\n')
      assert.equal(await client.connect('127.0.0.1', port), peer)
    })
  }

  it('fails with a wrong key', async function () {
    const { port } = await openssl(requireTool(this, 'openssl'), 'PSK-AES128-CCM8')
    // OpenSSL silently drops a Finished that it cannot decrypt (RFC 6347 §4.1.2.7).
    const client = await transport({
      credentials: psk(Buffer.from('wrong')),
      handshakeTimeout: 1500,
    })
    await assert.rejects(client.connect('127.0.0.1', port), { code: 'handshake-timeout' })
  })

  it('names the alert with which a server rejects it', async () => {
    const server = await ScriptedPeer.open()
    const client = await transport()
    const refused = assert.rejects(client.connect('127.0.0.1', server.port), {
      code: 'handshake-failed',
      message: /unknown_psk_identity/,
    })
    await server.receive()
    await server.send('15fefd000000000000000000020273')
    await refused
    await server.close()
  })

  it('reports that the server ended the association', async function () {
    const { port, process } = await openssl(requireTool(this, 'openssl'), 'PSK-AES128-CCM8')
    const client = await transport()
    const peer = await client.connect('127.0.0.1', port)
    const gone = new Promise<Peer>((resolve) => (client.onPeerGone = resolve))
    process.stdin.end('Q\n')
    assert.equal(await gone, peer)
    assert.throws(() => client.send(peer, Buffer.from('x')), { code: 'peer-gone' })
  })

  it('ignores duplicates and plaintext application data', async function () {
    const { port, process } = await openssl(requireTool(this, 'openssl'), 'PSK-AES128-CCM8')
    const forged = Buffer.concat([PLAIN_DATA, Buffer.from('forge')])
    const between = await proxy(port, {
      // Every flight of the server comes twice, with unprotected application data between.
      filter: (datagram, direction) =>
        direction === 'down' && datagram[0] === 22
          ? Buffer.concat([datagram, forged, renumbered(datagram), forged])
          : datagram,
    })
    const client = await transport()
    const seen: string[] = []
    const answered = new Promise<void>((resolve) => {
      client.onMessage = (_peer, datagram) => {
        seen.push(datagram.toString())
        if (seen.at(-1) === 'true\n') resolve()
      }
    })
    const peer = await client.connect('127.0.0.1', between.port)
    const received = printed(process, /ping/)
    client.send(peer, Buffer.from('ping\n'))
    await received
    process.stdin.write('true\n')
    await answered
    assert.deepEqual(seen, ['true\n'])
  })

  it('retransmits each flight that is lost', async function () {
    this.timeout(120_000)
    const { port } = await openssl(requireTool(this, 'openssl'), 'PSK-AES128-CCM8')
    const lost = new Set<string>()
    const between = await proxy(port, {
      // The first message of each kind to the server is lost: hello, hello with cookie, keys.
      filter: (datagram, direction) => {
        if (direction === 'down') return true
        const kind = `${datagram[13]} ${datagram.length > 100}`
        if (lost.has(kind)) return true
        lost.add(kind)
        return false
      },
    })
    const client = await transport({ handshakeTimeout: 15_000 })
    await client.connect('127.0.0.1', between.port)
    assert.equal(lost.size >= 2, true)
  })

  it('ignores garbage and forged records', async () => {
    const rogue = await ScriptedPeer.open()
    const client = await transport({ handshakeTimeout: 400 })
    const connecting = assert.rejects(client.connect('127.0.0.1', rogue.port), {
      code: 'handshake-timeout',
    })
    await rogue.receive()
    const unregistered = await ScriptedPeer.open()
    for (const bytes of [
      '',
      '00',
      'ff'.repeat(1500),
      // Records with wrong lengths, of every type.
      '14fefd0000000000000000ffff',
      '16fefd00000000000000000001 02',
      '15fefd00000000000000010001 02',
      // Handshake messages that are truncated, of an unknown type, or claim 16 MB.
      '16fefd0000000000000002000c 020000060000000000000000',
      '16fefd0000000000000003000c 630000000001000000000000',
      '16fefd0000000000000004000c 02ffffff0002000000ffffff',
      '16fefd00000000000000050019 030000 0d0003000000 00000d fefd 20 0102030405060708090a',
    ]) {
      await rogue.send(bytes)
      // From another address even a well-formed alert is ignored.
      await unregistered.connect(rogue.target?.port ?? 0).send('15fefd000000000000000900020228')
    }
    await connecting
    await rogue.close()
    await unregistered.close()
  })

  it('can be stopped during a handshake', async () => {
    const silent = await ScriptedPeer.open()
    const client = await transport()
    const connecting = assert.rejects(client.connect('127.0.0.1', silent.port), {
      code: 'handshake-failed',
    })
    await silent.receive()
    await client.stop()
    await connecting
    await silent.close()
  })

  it('rejects invalid credentials and host names', async () => {
    assert.throws(() => new DtlsClientTransport({ credentials: psk(KEY, Buffer.alloc(0)) }), {
      code: 'invalid-argument',
    })
    assert.throws(() => new DtlsClientTransport({ credentials: psk(KEY, Buffer.alloc(129)) }), {
      code: 'invalid-argument',
    })
    assert.throws(() => new DtlsClientTransport({ credentials: psk(Buffer.alloc(65)) }), {
      code: 'invalid-argument',
    })
    const client = await transport()
    await assert.rejects(client.connect('no-such-host.invalid', 5684), { code: 'unresolvable' })
  })

  for (const [library, tool] of [
    ['OpenSSL', 'coap-server-openssl'],
    ['GnuTLS', 'coap-server-gnutls'],
  ] as const) {
    it(`carries CoAP to libcoap with ${library}`, async function () {
      const path = requireTool(this, tool)
      const port = await freeUdpPort()
      const args = ['-A', '127.0.0.1', '-p', String(port), '-h', 'hint', '-k', 'a secret']
      const process = spawn(path, [...args, '-v', '7'])
      children.push(process)
      const listening = printed(process, /created DTLS endpoint/i)
      await listening
      const client = await transport({ credentials: psk(Buffer.from('a secret')) })
      const endpoint = new CoapEndpoint(client)
      await endpoint.start()
      const peer = await client.connect('127.0.0.1', port + 1)
      const response = await endpoint.request(peer, { code: 1, path: ['.well-known', 'core'] })
      assert.equal(response.code, 0x45)
      assert.match(response.payload.toString(), /<\/time>/)
      await endpoint.stop()
    })
  }
})
