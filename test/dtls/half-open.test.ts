import assert from 'node:assert/strict'
import type { Association } from '../../src/dtls/associations/association'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'

/** Verified hellos per second in the flood. */
const RATE = 500
/** From the ClientHello with cookie to the client's next flight, ms: a slow network. */
const ROUND_TRIP = 2000

/** Returns the address of the n-th hello of a flood. */
const FLOODS: readonly { name: string; address: (n: number) => string }[] = [
  { name: 'one IPv4 address', address: () => '198.51.100.7' },
  { name: 'four IPv4 addresses', address: (n) => `198.51.100.${n % 4}` },
  { name: '1,000 IPv4 addresses', address: (n) => `198.51.${n % 4}.${n % 250}` },
  { name: 'an IPv6 /64', address: (n) => `2001:db8:7:7::${n.toString(16)}` },
  {
    name: 'an IPv6 /48, every hello from another /64',
    address: (n) => `2001:db8:7:${(n % 0x10000).toString(16)}::1`,
  },
]

describe('half-open handshakes under a flood', () => {
  for (const { name, address } of FLOODS) {
    it(`serves every other device in a flood of ${RATE} handshakes a second from ${name}`, async () => {
      const net = new MemoryNet()
      let hellos = 0
      const flood = async (seconds: number): Promise<void> => {
        for (let tick = 0; tick < seconds * 10; tick++) {
          for (let i = 0; i < RATE / 10; i++) {
            const port = 20_000 + (hellos % 40_000)
            const attacker = new HostileClient(net, { address: address(hellos++), port })
            attacker.send(attacker.hello())
            attacker.send(attacker.hello({ cookie: attacker.cookie }))
            net.unlisten(attacker.address, attacker.port)
          }
          await net.run(100)
        }
      }
      await flood(5)
      assert.ok(net.server.counters.halfOpen >= 499, 'the flood fills what it may')
      // Three behind one address, as behind a NAT; one in the /24 and one in the /32 of the floods.
      const homes = ['203.0.113.9', '203.0.113.9', '203.0.113.9', '198.51.0.251', '2001:db8:9::9']
      const devices = homes.map((home) => new HostileClient(net, { address: home }))
      for (const device of devices) await device.greet()
      assert.ok(devices.every(({ serverHello }) => serverHello !== undefined))
      await flood(ROUND_TRIP / 1000)
      for (const device of devices) await device.finish()
      assert.deepEqual(
        devices.filter(({ serverFinished }) => !serverFinished).map((device) => device.address),
        [],
      )
      assert.ok(net.server.counters.halfOpen <= net.server.settings.maxHalfOpen)
      // At most one warning a minute.
      assert.ok(net.warnings.length <= 1)
      assert.ok(net.failures.every(({ code }) => code !== 'displaced'))
    }).timeout(120_000)
  }

  it('evicts the oldest handshake of the sender with the most', async () => {
    const net = new MemoryNet({ maxHalfOpen: 4 })
    const begin = async (address: string): Promise<HostileClient> => {
      const client = new HostileClient(net, { address })
      await client.greet()
      return client
    }
    const lonely = await begin('192.0.2.1')
    const [first, second, third] = [
      await begin('198.51.100.1'),
      await begin('198.51.100.1'),
      await begin('198.51.100.1'),
    ]
    const newcomer = await begin('203.0.113.1')
    for (const client of [lonely, second, third, newcomer, first]) await client.finish()
    assert.deepEqual(
      [lonely, first, second, third, newcomer].map(({ serverFinished }) => serverFinished),
      [true, false, true, true, true],
    )
    assert.deepEqual(net.server.counters.handshakesFailed, { displaced: 1 })
    assert.match(
      net.warnings.join(),
      /1 were dropped for newer ones; most come from 198\.51\.100\.1$/,
    )
  })

  it('refuses a sender that would evict its own within a second, so that those can finish', async () => {
    const net = new MemoryNet({ maxHalfOpenPerAddress: 2 })
    const [first, second] = [new HostileClient(net), new HostileClient(net)]
    await first.greet()
    await second.greet()
    const eager = new HostileClient(net)
    await eager.greet()
    assert.equal(eager.serverHello, undefined)
    assert.equal(net.dropped('half-open-limit'), 1)
    await first.finish()
    assert.ok(first.serverFinished)
    // Below the limit now; later the oldest is evicted.
    const third = new HostileClient(net)
    await third.greet()
    await net.run(1000)
    const fourth = new HostileClient(net)
    await fourth.greet()
    await third.finish()
    await fourth.finish()
    assert.ok(third.serverFinished && fourth.serverFinished)
    assert.equal(net.failed('displaced'), 1)
  })

  it('shortens the timeout of handshakes while three quarters of the limit are in use', async () => {
    const net = new MemoryNet({ maxHalfOpen: 8, crowdedHandshakeTimeout: 5000 })
    for (let i = 0; i < 8; i++) await new HostileClient(net, { address: `192.0.${i}.1` }).greet()
    await net.run(5000)
    assert.equal(net.server.counters.halfOpen, 6)
    await net.run(55_000)
    assert.equal(net.server.counters.halfOpen, 0)
    assert.equal(net.failed('handshake-timeout'), 8)
  })

  it('never gives them more time than others', async () => {
    const net = new MemoryNet({ maxHalfOpen: 1, handshakeTimeout: 1000 })
    await new HostileClient(net).greet()
    await new HostileClient(net).greet()
    await net.run(1000)
    assert.equal(net.server.counters.halfOpen, 0)
  })

  it('gives up handshakes with a wrong key and an unknown identity at the same time', async () => {
    for (const options of [{ psk: Buffer.from('wrong') }, { identity: Buffer.from('unknown') }]) {
      const net = new MemoryNet()
      const client = await new HostileClient(net, options).connect()
      assert.equal(net.server.counters.halfOpen, 1)
      await net.run(1000)
      assert.equal(net.server.counters.halfOpen, 0)
      assert.equal(net.failures.length, 1)
      assert.deepEqual(client.alerts, [])
      assert.equal(net.clock.pending, 0)
    }
  })

  it('accepts the real Finished shortly after a forged one', async () => {
    const net = new MemoryNet()
    const established: Association[] = []
    net.server.onMessage = (association) => established.push(association)
    const client = new HostileClient(net)
    await client.greet()
    client.send(...client.keyExchange())
    await net.settle()
    const finished = client.finished()
    const forged = Buffer.from(finished)
    forged[20] = (forged[20] ?? 0) ^ 1
    client.send(client.changeCipherSpec(), forged)
    await net.run(900)
    client.send(finished)
    assert.ok(client.serverFinished)
    await net.run(60_000)
    client.send(client.appData('x'))
    assert.equal(established.length, 1)
  })
})
