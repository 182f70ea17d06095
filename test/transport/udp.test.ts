import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { BindError, NO_IDENTITY, type Peer } from '../../src/transport/transport'
import { UdpTransport, type UdpTransportOptions } from '../../src/transport/udp'
import { ScriptedPeer } from '../support/scripted-device'
import { missing } from '../support/tools'

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ family }) => family === 'IPv6'),
)

describe('UDP transport', () => {
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0)) await close()
  })

  const transport = (options: UdpTransportOptions = { port: 0 }): UdpTransport => {
    const made = new UdpTransport(options)
    open.push(() => made.stop())
    return made
  }

  const scripted = async (): Promise<ScriptedPeer> => {
    const peer = await ScriptedPeer.open()
    open.push(() => peer.close())
    return peer
  }

  /** The next datagram that arrives. */
  const arrival = (at: UdpTransport): Promise<{ peer: Peer; datagram: Buffer }> =>
    new Promise((resolve) => {
      at.onMessage = (peer, datagram) => resolve({ peer, datagram })
    })

  it('identifies a peer by its address and answers from its own port', async () => {
    const server = transport()
    const { port } = await server.start()
    const device = await scripted()
    const arrived = arrival(server)
    device.connect(port).send(Buffer.from('hi'))
    const { peer, datagram } = await arrived
    assert.equal(datagram.toString(), 'hi')
    assert.deepEqual(
      [peer.id, peer.address, peer.port, peer.secure, peer.identity],
      [`udp:127.0.0.1:${device.port}`, '127.0.0.1', device.port, false, NO_IDENTITY],
    )
    server.send(peer, Buffer.from('yo'))
    const answer = await device.receive()
    assert.deepEqual([answer.bytes.toString(), answer.from.port], ['yo', port])
  })

  it('uses one object per address, before and after it is pinned', async () => {
    const server = transport()
    const { port } = await server.start()
    const device = (await scripted()).connect(port)
    const peers: Peer[] = []
    for (let i = 0; i < 3; i++) {
      const arrived = arrival(server)
      device.send(Buffer.from('x'))
      peers.push((await arrived).peer)
      server.pin(peers[0] as Peer, i === 0)
    }
    assert.equal(new Set(peers).size, 1)
    assert.equal(await server.connect('127.0.0.1', device.port), peers[0])
  })

  it('forgets unregistered peers beyond the limit, never pinned ones', async () => {
    const server = transport({ port: 0, maxUnregisteredPeers: 4 })
    await server.start()
    const pinned = await server.connect('127.0.0.1', 1000)
    server.pin(pinned, true)
    const unregistered = await server.connect('127.0.0.1', 1001)
    for (let port = 2000; port < 2010; port++) await server.connect('127.0.0.1', port)
    assert.equal(await server.connect('127.0.0.1', 1000), pinned)
    const again = await server.connect('127.0.0.1', 1001)
    assert.notEqual(again, unregistered)
    assert.equal(again.id, unregistered.id)
    server.pin(pinned, false)
    server.close(pinned, 'gone')
    assert.notEqual(await server.connect('127.0.0.1', 1000), pinned)
    // A peer that was forgotten can still be sent to.
    server.send(unregistered, Buffer.from('x'))
  })

  it('distinguishes pinned peers', async () => {
    const server = transport()
    await server.start()
    const addresses = Array.from({ length: 6000 }, (_, i) => [
      `10.0.${i % 7}.${i % 251}`,
      1024 + (i % 5000),
    ]) as [string, number][]
    for (let round = 0; round < 2; round++) {
      for (const [address, port] of addresses) {
        const peer = await server.connect(address, port)
        server.pin(peer, true)
        assert.equal(peer.id, `udp:${address}:${port}`)
      }
    }
    const [address, port] = addresses[0] as [string, number]
    const first = await server.connect(address, port)
    server.close(first, 'gone')
    assert.notEqual(await server.connect(address, port), first)
  })

  it('serves IPv6 and IPv4 on one socket', async function () {
    if (!hasIpv6) missing(this, 'this machine has no IPv6')
    const server = transport()
    const { address, port } = await server.start()
    assert.equal(address, '::')
    const client = transport({ port: 0, host: '::1' })
    await client.start()
    const there = arrival(server)
    client.send(await client.connect('[::1]', port), Buffer.from('six'))
    const { peer, datagram } = await there
    assert.equal(datagram.toString(), 'six')
    assert.equal(peer.address, '::1')
    assert.match(peer.id, /^udp:\[::1\]:\d+$/)
    const back = arrival(client)
    server.send(peer, Buffer.from('back'))
    assert.equal((await back).datagram.toString(), 'back')
  })

  it('binds only the given address', async () => {
    const server = transport({ port: 0, host: '127.0.0.1' })
    const { address, port } = await server.start()
    assert.equal(address, '127.0.0.1')
    const device = await scripted()
    const arrived = arrival(server)
    device.connect(port).send(Buffer.from('x'))
    const { peer } = await arrived
    assert.equal(peer.id, `udp:127.0.0.1:${device.port}`)
    server.send(peer, Buffer.from('y'))
    assert.equal((await device.receive()).bytes.toString(), 'y')
  })

  it('rejects a port in use, also by another transport, and binds it once it is free', async () => {
    const first = transport()
    const { port } = await first.start()
    const second = transport({ port })
    for (let i = 0; i < 2; i++) {
      await assert.rejects(
        second.start(),
        (error) => error instanceof BindError && error.code === 'EADDRINUSE',
      )
    }
    await first.stop()
    assert.equal((await second.start()).port, port)
  })

  it('rejects an address of another machine and an invalid one', async () => {
    await assert.rejects(
      transport({ port: 0, host: '192.0.2.1' }).start(),
      (error) => error instanceof BindError && error.code === 'EADDRNOTAVAIL',
    )
    await assert.rejects(
      transport({ port: 0, host: 'localhost' }).start(),
      (error) => error instanceof BindError && error.code === 'EINVAL',
    )
  })

  it('can be started twice, stopped twice and started again at once', async () => {
    const server = transport()
    assert.deepEqual(await server.start(), await server.start())
    const stopping = [server.stop(), server.stop()]
    const { port } = await server.start()
    await Promise.all(stopping)
    const device = await scripted()
    const arrived = arrival(server)
    device.connect(port).send(Buffer.from('x'))
    await arrived
    await server.stop()
    assert.throws(
      () => server.send({ ...device, id: 'x' } as never, Buffer.from('x')),
      /not started/,
    )
    const free = createSocket('udp4')
    await new Promise<void>((resolve) => free.bind(port, resolve))
    free.close()
  })

  it('resolves host names and reports an unknown one', async () => {
    const server = transport({ port: 0, host: '127.0.0.1' })
    await server.start()
    assert.equal((await server.connect('localhost', 5683)).address, '127.0.0.1')
    await assert.rejects(server.connect('no-such-host.invalid', 5683), { code: 'unresolvable' })
    for (const port of [0, -1, 65_536, 1.5, NaN]) {
      await assert.rejects(server.connect('127.0.0.1', port), { code: 'unresolvable' })
    }
  })

  it('continues after an ICMP error', async () => {
    const server = transport()
    const { port } = await server.start()
    const gone = await ScriptedPeer.open()
    const peer = await server.connect('127.0.0.1', gone.port)
    await gone.close()
    for (let i = 0; i < 5; i++) server.send(peer, Buffer.from('x'))
    const device = await scripted()
    const arrived = arrival(server)
    device.connect(port).send(Buffer.from('still here'))
    assert.equal((await arrived).datagram.toString(), 'still here')
  })

  it('warns of a datagram that cannot be sent', async () => {
    const server = transport()
    await server.start()
    const warned = new Promise<string>((resolve) => (server.onWarning = resolve))
    server.send(await server.connect('127.0.0.1', 9), Buffer.alloc(65_536))
    assert.match(await warned, /EMSGSIZE/)
  })
})
