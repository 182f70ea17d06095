import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { DtlsSession } from '../../src/dtls/sessions/session'
import { DtlsTransport, type DtlsTransportOptions } from '../../src/transport/dtls'
import { BindError, type Peer, PeerGone } from '../../src/transport/transport'
import { EchoServer, PSK, pskCredentials } from '../dtls/support/harness'
import { HostileClient, type HostileClientOptions } from '../dtls/support/hostile-client'
import { PatientClient } from '../dtls/support/patient-client'

const NONE = Buffer.alloc(0)

describe('DtlsTransport', () => {
  let server: EchoServer
  const clients: PatientClient[] = []
  const transports: DtlsTransport[] = []

  beforeEach(async () => {
    server = await EchoServer.start()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    for (const transport of transports.splice(0)) await transport.stop()
    await server.stop()
  })

  const make = (options: Partial<DtlsTransportOptions> = {}): DtlsTransport => {
    const transport = new DtlsTransport({ credentials: pskCredentials, port: 0, ...options })
    transports.push(transport)
    return transport
  }
  const connect = async (
    options: HostileClientOptions = {},
    port = server.port,
  ): Promise<PatientClient> => {
    const client = await PatientClient.open(port, options, 1000)
    clients.push(client)
    await client.handshake()
    return client
  }
  const echo = (client: PatientClient, text: string): Promise<void> =>
    client.ask(Buffer.from(text), (answer) => answer === `echo:${text}`)
  const lastPeer = (): Peer => server.messages.at(-1)?.peer ?? assert.fail('no message')

  it('exchanges datagrams with a device', async () => {
    const client = await connect()
    await echo(client, 'hello')
    const peer = lastPeer()
    assert.match(peer.id, /^dtls:\d+$/)
    assert.equal(peer.address, '127.0.0.1')
    assert.equal(peer.secure, true)
    assert.deepEqual(peer.identity, { kind: 'psk', identity: new Uint8Array(Buffer.from('dev1')) })
    assert.equal(server.transport.scheme, 'coaps')
  })

  it('follows a device with Connection ID to its new port, but not a replay from a third port', async () => {
    const client = await connect({ connectionId: NONE })
    await echo(client, 'before')
    const peer = lastPeer()
    const { id, port } = peer
    const newPort = await client.net.rebind()
    await echo(client, 'after')
    assert.equal(lastPeer(), peer)
    assert.equal(peer.id, id)
    assert.notEqual(newPort, port)
    assert.equal(peer.port, newPort)
    assert.equal(server.transport.counters.addressMoves, 1)

    const replayed = client.client.appData('caught on its way')
    client.client.send(replayed)
    await server.until(() => server.messages.at(-1)?.text === 'caught on its way')
    const third = createSocket('udp4')
    third.send(replayed, server.port, '127.0.0.1')
    await once(third, 'listening')
    await echo(client, 'still here')
    third.close()
    assert.equal(peer.port, newPort)
    assert.equal(server.transport.counters.dropped.replayed, 1)
    assert.equal(server.messages.filter(({ text }) => text === 'caught on its way').length, 1)
  })

  it('drops what comes from a new port without Connection ID', async () => {
    const client = await connect()
    await echo(client, 'before')
    await client.net.rebind()
    client.client.send(client.client.appData('lost'))
    const witness = await connect()
    await echo(witness, 'witness')
    assert.equal(server.transport.counters.dropped['no-association'], 1)
    assert.equal(
      server.messages.some(({ text }) => text === 'lost'),
      false,
    )
  })

  it('rejects sending to a peer that ended, even if its address is in use again', async () => {
    const client = await connect()
    await echo(client, 'first')
    const first = lastPeer()
    // The same socket, a new handshake: another device behind the same address and port.
    const second = await connectOver(client)
    assert.equal(server.gone[0]?.peer, first)
    assert.throws(() => server.transport.send(first, Buffer.from('for the first')), PeerGone)
    assert.deepEqual(second.data, [])
  })

  it('reports that a device closed its connection', async () => {
    const client = await connect()
    await echo(client, 'hello')
    client.client.send(client.client.protect(21, Buffer.from([1, 0])))
    await server.until(() => server.gone.length === 1)
    assert.deepEqual(server.gone[0], {
      peer: lastPeer(),
      reason: 'the device closed the connection',
    })
    assert.throws(() => server.transport.send(lastPeer(), NONE), { code: 'peer-gone' })
  })

  it('closes one peer, or all peers of an identity', async () => {
    const client = await connect()
    await echo(client, 'hello')
    server.transport.close(lastPeer(), 'it was asked for')
    assert.equal(server.gone[0]?.reason, 'it was asked for')
    await echo(await connect(), 'hello again')
    const { transport } = server
    assert.equal(
      transport.closeWhere(({ kind }) => kind === 'rpk', 'removed'),
      0,
    )
    assert.equal(
      transport.closeWhere(({ kind }) => kind === 'psk', 'removed'),
      1,
    )
    assert.equal(server.gone[1]?.reason, 'removed')
    assert.equal(transport.counters.associations, 0)
    assert.equal(transport.counters.sessions, 0)
  })

  it('rejects connecting to a device and says why', async () => {
    await assert.rejects(server.transport.connect('192.0.2.1', 5684), {
      code: 'unsupported',
      message: /must connect first/,
    })
  })

  it('reports a failed handshake as a warning unless there is a listener', async () => {
    const transport = make({ host: '127.0.0.1', handshakeTimeout: 100 })
    const warnings: string[] = []
    const { port } = await transport.start()
    const warned = new Promise<void>((resolve) => {
      transport.onWarning = (message) => {
        warnings.push(message)
        resolve()
      }
    })
    const client = await PatientClient.open(port, { identity: Buffer.from('nobody') })
    clients.push(client)
    client.handshake().catch(() => {})
    await warned
    assert.match(
      warnings[0] ?? '',
      /^the DTLS handshake with 127\.0\.0\.1:\d+ \(PSK identity "nobody"\) failed: .* not known$/,
    )
  })

  it('listens on IPv6 and IPv4 and reports IPv4 addresses in IPv4 form', async function () {
    const transport = make()
    const { address, port } = await transport.start()
    if (address !== '::') this.skip()
    const peer = new Promise<Peer>((resolve) => {
      transport.onMessage = (from) => resolve(from)
    })
    const client = await connect({}, port)
    client.client.send(client.client.appData('x'))
    assert.equal((await peer).address, '127.0.0.1')
  })

  it('rejects a port in use and a host name; closes the port; starts again', async () => {
    await assert.rejects(make({ host: '127.0.0.1', port: server.port }).start(), (error) => {
      assert.ok(error instanceof BindError)
      assert.equal(error.code, 'EADDRINUSE')
      return true
    })
    await assert.rejects(make({ host: 'localhost' }).start(), { code: 'EINVAL' })
    const transport = make({ host: '127.0.0.1' })
    const { port } = await transport.start()
    assert.deepEqual(await transport.start(), { address: '127.0.0.1', port })
    await Promise.all([transport.stop(), transport.stop()])
    const next = make({ host: '127.0.0.1', port })
    await next.start()
    await next.stop()
    await transport.start()
    transport.onMessage = (peer, datagram) => transport.send(peer, datagram)
    const { port: again } = await transport.start()
    const client = await connect({}, again)
    await client.ask(Buffer.from('x'), (answer) => answer === 'x')
  })

  it('resumes a session from the session store after a restart', async () => {
    const kept = new Map<string, DtlsSession>()
    const key = (id: Uint8Array): string => Buffer.from(id).toString('hex')
    const sessions = {
      load: () => kept.values(),
      save: (session: DtlsSession) => void kept.set(key(session.id), session),
      remove: (id: Uint8Array) => void kept.delete(key(id)),
    }
    const first = make({ host: '127.0.0.1', sessions })
    const { port } = await first.start()
    const client = await connect({}, port)
    await first.stop()
    const second = make({ host: '127.0.0.1', sessions })
    second.onMessage = (peer, datagram) => second.send(peer, datagram)
    const { port: again } = await second.start()
    const resumed = await connect({ session: client.client.session }, again)
    await resumed.ask(Buffer.from('x'), (answer) => answer === 'x')
    assert.equal(second.counters.resumptions, 1)
  })

  it('keeps a pinned peer when others are evicted', async () => {
    const transport = make({ host: '127.0.0.1', maxAssociations: 2 })
    const peers: Peer[] = []
    const gone: Peer[] = []
    transport.onMessage = (peer, datagram) => {
      if (!peers.includes(peer)) peers.push(peer)
      transport.send(peer, datagram)
    }
    transport.onPeerGone = (peer) => gone.push(peer)
    const { port } = await transport.start()
    for (let i = 0; i < 3; i++) {
      const client = await connect({}, port)
      await client.ask(Buffer.from('x'), (answer) => answer === 'x')
      if (i === 0 && peers[0]) transport.pin(peers[0], true)
    }
    assert.deepEqual(gone, [peers[1]])
  })

  it('gives the largest datagram for a peer', async () => {
    const sizes: number[] = []
    for (const suite of [0xc0a8, 0xc0a4, 0x00a8, 0x00ae]) {
      const client = await connect({ suites: [suite], connectionId: Buffer.alloc(4, 1), psk: PSK })
      await echo(client, 'x')
      const size = server.transport.maxDatagramFor(lastPeer())
      sizes.push(size)
      client.client.datagrams = []
      server.transport.send(lastPeer(), Buffer.alloc(size))
      await client.ask(Buffer.from('y'), (answer) => answer === 'echo:y')
      const [datagram] = client.client.datagrams
      assert.ok(datagram && datagram.length <= 1232 && datagram.length > 1232 - 17)
    }
    assert.deepEqual(sizes, [1198, 1190, 1190, 1150])
  })
})

/** Another client over the socket of the first. */
async function connectOver(first: PatientClient): Promise<HostileClient> {
  const client = new HostileClient(first.net)
  const wait = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise((resolve) => setImmediate(resolve))
  }
  client.send(client.hello())
  await wait(() => client.cookie.length > 0)
  client.send(client.hello({ cookie: client.cookie }))
  await wait(() => client.flight.some(({ type }) => type === 14))
  client.send(...client.keyExchange(), client.changeCipherSpec(), client.finished())
  await wait(() => client.serverFinished)
  return client
}
