import assert from 'node:assert/strict'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { rawFragment, rawHello, rawRecord } from './support/wire'

/** Afterwards: a new client connects and an existing one still exchanges data. */
async function stillServes(net: MemoryNet, live: HostileClient): Promise<void> {
  const before = net.messages.length
  live.send(live.appData('still here'))
  const other = await new HostileClient(net, { address: '198.51.100.9' }).connect()
  other.send(other.appData('new here'))
  assert.deepEqual(net.texts.slice(before), ['still here', 'new here'])
  assert.deepEqual(net.warnings, [])
}

describe('malformed datagrams and hellos', () => {
  let net: MemoryNet
  let live: HostileClient

  beforeEach(async () => {
    net = new MemoryNet({ maxHalfOpen: 50, cookieLifetime: 1000 })
    live = await new HostileClient(net, { address: '198.51.100.1' }).connect()
    assert.equal(net.server.counters.associations, 1)
  })
  afterEach(() => stillServes(net, live))

  it('drops datagrams of 0 to 12 bytes', () => {
    const stranger = new HostileClient(net)
    for (let length = 0; length <= 12; length++) {
      stranger.send(Buffer.alloc(length, 0xfe))
      live.send(Buffer.alloc(length, 22))
    }
    assert.equal(net.dropped('malformed'), 26)
    assert.deepEqual(stranger.datagrams, [])
  })

  it('drops a record longer than its datagram, but processes the records before it', () => {
    const cut = live.appData('second')
    live.send(live.appData('first'), cut.subarray(0, cut.length - 1))
    assert.deepEqual(net.texts, ['first'])
    assert.equal(net.dropped('malformed'), 1)
  })

  it('drops a record of more than 2^14 + 256 bytes', () => {
    live.send(rawRecord(23, 1, 50, Buffer.alloc((1 << 14) + 257)))
    assert.equal(net.dropped('record-too-large'), 1)
    live.send(rawRecord(23, 1, 50, Buffer.alloc((1 << 14) + 256)))
    assert.equal(net.dropped('record-too-large'), 1)
    assert.equal(net.dropped('forged'), 1)
  })

  it('drops a record of unknown type, but processes the rest of its datagram', () => {
    live.send(rawRecord(24, 1, 7, Buffer.alloc(20)), live.appData('after it'))
    assert.deepEqual(net.texts, ['after it'])
    assert.equal(net.dropped('unknown-type'), 1)
  })

  it('drops a version that is not FExx', () => {
    const client = new HostileClient(net)
    const first = rawFragment(1, 0, rawHello(client.helloFields()))
    client.send(rawRecord(22, 0, 0, first, 0x0303))
    assert.equal(net.dropped('bad-version'), 1)
    assert.deepEqual(client.datagrams, [])
    for (const version of [0xfe00, 0xfeff, 0xfefd]) {
      client.send(rawRecord(22, 0, 0, first, version))
    }
    assert.equal(client.datagrams.length, 3)
  })

  it('keeps no state for 100,000 hellos without cookie from spoofed addresses', async () => {
    // The timers of the previous handshake have ended.
    await net.run(61_000)
    assert.equal(net.clock.pending, 0)
    const before = net.server.counters
    const { pending } = net.clock
    const hello = new HostileClient(net).hello()
    for (let i = 0; i < 100_000; i++) {
      net.server.receive(hello, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 5684)
    }
    const after = net.server.counters
    assert.equal(after.helloVerifyRequests - before.helloVerifyRequests, 100_000)
    assert.equal(net.unclaimed, 100_000)
    assert.equal(after.halfOpen, 0)
    assert.equal(after.handshakesStarted, before.handshakesStarted)
    assert.equal(net.clock.pending, pending)
  })

  it('answers a wrong cookie, or that of another address, with a new one and no state', async () => {
    const client = new HostileClient(net)
    client.send(client.hello())
    const cookie = Buffer.from(client.cookie)
    const wrong = Buffer.from(cookie)
    wrong[5] = (wrong[5] ?? 0) ^ 1
    for (const bad of [wrong, cookie.subarray(1), Buffer.alloc(32), Buffer.alloc(255)]) {
      client.datagrams = []
      client.send(client.hello({ cookie: bad }))
      assert.equal(client.datagrams[0]?.readUInt8(13), 3)
    }
    const thief = new HostileClient(net, { address: '203.0.113.5' })
    thief.send(rawRecord(22, 0, 0, rawFragment(1, 1, rawHello(client.helloFields({ cookie })))))
    // The same address, but not the contents for which the cookie was made.
    client.send(client.hello({ cookie, suites: [0xc0a8, 0x00ae] }))
    client.send(client.hello({ cookie, suites: [0x00ae] }))
    client.send(client.hello({ cookie, sessionId: Buffer.from([1]) }))
    client.send(client.hello({ cookie, compression: [0, 1] }))
    client.send(client.hello({ cookie, version: 0xfefc }))
    client.send(client.hello({ cookie, random: Buffer.alloc(32) }))
    await net.settle()
    assert.equal(net.server.counters.halfOpen, 0)
    assert.equal(thief.datagrams[0]?.readUInt8(13), 3)
  })

  it('accepts a cookie after one rotation of the secret, not after two', async () => {
    const client = new HostileClient(net)
    client.send(client.hello())
    const { cookie } = client
    net.clock.advance(1500)
    client.send(client.hello({ cookie }))
    assert.equal(net.server.counters.halfOpen, 1)

    const late = new HostileClient(net)
    late.send(late.hello())
    const old = late.cookie
    net.clock.advance(1000)
    new HostileClient(net).send(new HostileClient(net).hello())
    net.clock.advance(1000)
    late.datagrams = []
    late.send(late.hello({ cookie: old }))
    assert.equal(late.datagrams[0]?.readUInt8(13), 3, 'a HelloVerifyRequest')
    assert.notDeepEqual(late.cookie, old)
    late.send(late.hello())
    await late.finish()
    assert.ok(late.serverFinished)
  })

  it('drops a fragmented hello', () => {
    const client = new HostileClient(net)
    const body = rawHello(client.helloFields())
    const options = { length: body.length }
    client.send(client.plain(22, rawFragment(1, 0, body.subarray(0, 20), options)))
    client.send(client.plain(22, rawFragment(1, 0, body.subarray(20), { ...options, offset: 20 })))
    assert.equal(net.dropped('fragmented-hello'), 2)
    assert.deepEqual(client.datagrams, [])
  })

  it('reports each device with a fragmented hello once, with advice, within limits', async () => {
    const body = rawHello(new HostileClient(net).helloFields())
    const fragment = rawFragment(1, 0, body.subarray(0, 20), { length: body.length })
    const send = (address: string): void => {
      net.server.receive(rawRecord(22, 0, 0, fragment), address, 5000)
    }
    net.failures.splice(0)
    for (let i = 0; i < 3; i++) send('192.0.2.9')
    const [report] = net.failures
    assert.equal(net.failures.length, 1)
    assert.deepEqual([report?.code, report?.address], ['fragmented-hello', '192.0.2.9'])
    assert.match(report?.reason ?? '', /Raise the MTU .* fewer cipher suites/)
    for (let i = 0; i < 1000; i++) send(`10.0.${i >> 8}.${i & 255}`)
    assert.equal(net.failures.length, 100)
    await net.run(3_600_000, 600_000)
    send('192.0.2.9')
    assert.equal(net.failures.length, 101)
  })

  it('drops a malformed hello before the cookie and answers it afterwards', async () => {
    const client = new HostileClient(net)
    const good = rawHello(client.helloFields())
    // An odd list of suites, a session id of 33 bytes, one that claims 255.
    const odd = Buffer.from(good)
    odd.writeUInt16BE(1, 36)
    const long = rawHello(client.helloFields({ sessionId: Buffer.alloc(33) }))
    const claims = Buffer.from(good)
    claims.writeUInt8(255, 34)
    const none = rawHello(client.helloFields({ compression: [] }))
    for (const body of [odd, long, claims, none, Buffer.alloc(0), good.subarray(0, 33)]) {
      client.send(client.plain(22, rawFragment(1, 0, body)))
    }
    assert.equal(net.dropped('malformed-hello'), 6)
    assert.deepEqual(client.datagrams, [])

    const twice = new HostileClient(net, { extensions: [[23, Buffer.alloc(0)]] })
    await twice.greet()
    assert.deepEqual(twice.alerts, [{ level: 2, description: 50, epoch: 0 }])

    const trailing = new HostileClient(net)
    trailing.send(trailing.hello())
    const fields = trailing.helloFields({ cookie: trailing.cookie })
    const body = Buffer.concat([rawHello(fields), Buffer.from([0])])
    trailing.send(trailing.plain(22, rawFragment(1, 1, body)))
    assert.deepEqual(trailing.alerts, [{ level: 2, description: 50, epoch: 0 }])
    assert.equal(net.failed('decode-error'), 2)
    assert.equal(net.server.counters.halfOpen, 0)
  })

  it('answers handshake_failure without a common suite, but only after the cookie', async () => {
    const client = new HostileClient(net, { suites: [0x1301, 0xc014] })
    client.send(client.hello())
    assert.deepEqual(client.alerts, [])
    client.send(client.hello({ cookie: client.cookie }))
    assert.deepEqual(client.alerts, [{ level: 2, description: 40, epoch: 0 }])
    assert.equal(net.failures[0]?.code, 'no-common-suite')
    assert.match(net.failures[0]?.reason ?? '', /1301 c014/)
  })

  it('answers protocol_version to DTLS 1.0', async () => {
    const client = new HostileClient(net)
    await client.greet({ version: 0xfeff })
    assert.deepEqual(client.alerts, [{ level: 2, description: 70, epoch: 0 }])
    assert.equal(net.failures[0]?.code, 'version')
  })

  it('answers illegal_parameter without null compression', async () => {
    const client = new HostileClient(net)
    await client.greet({ compression: [1] })
    assert.deepEqual(client.alerts, [{ level: 2, description: 47, epoch: 0 }])
  })

  it('answers handshake_failure without extended master secret if it is required', async () => {
    const strict = new MemoryNet({ requireExtendedMasterSecret: true })
    const client = new HostileClient(strict, { ems: false })
    await client.greet()
    assert.deepEqual(client.alerts, [{ level: 2, description: 40, epoch: 0 }])
    assert.equal(strict.failures[0]?.code, 'extended-master-secret-required')
    await new HostileClient(strict).connect()
    assert.equal(strict.server.counters.associations, 1)
  })
})
