import assert from 'node:assert/strict'
import { PSK, pskCredentials } from './support/harness'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { rawFragment, rawHello, rawRecord } from './support/wire'

const OWN_CID = Buffer.from('c1d0', 'hex')

describe('malformed records', () => {
  let net: MemoryNet
  let client: HostileClient

  beforeEach(async () => {
    net = new MemoryNet()
    client = await new HostileClient(net).connect()
  })
  afterEach(() => assert.deepEqual(net.warnings, []))

  const flip = (record: Buffer, bit: number): Buffer => {
    const copy = Buffer.from(record)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return copy
  }
  const goesOn = (): void => {
    const before = net.messages.length
    client.send(client.appData('goes on'))
    assert.deepEqual(net.texts.slice(before), ['goes on'])
  }

  it('drops application data at epoch 0, and keeps a limited amount before Finished', async () => {
    client.send(client.plain(23, Buffer.from('plain')))
    assert.equal(net.dropped('plaintext'), 1)

    const early = new HostileClient(net)
    await early.greet()
    early.send(early.clientKeyExchange())
    await net.settle()
    early.send(early.changeCipherSpec())
    const finished = early.finished()
    early.send(early.appData('first'), early.appData('second'))
    assert.deepEqual(net.texts, [])
    early.send(finished)
    assert.deepEqual(net.texts, ['first', 'second'])

    const flood = new HostileClient(net)
    await flood.greet()
    flood.send(flood.clientKeyExchange())
    await net.settle()
    const last = [flood.changeCipherSpec(), flood.finished()]
    for (let i = 0; i < 20; i++) flood.send(flood.appData('x'.repeat(1000)))
    // Eight records of 1000 bytes and their overhead are 8 kB.
    assert.equal(net.dropped('early-limit'), 12)
    flood.send(...last)
    assert.equal(net.messages.length, 2 + 8)
    goesOn()
  })

  it('drops records of other epochs: there is no renegotiation', async () => {
    const begun = new HostileClient(net)
    await begun.greet()
    const before = begun.datagrams.length
    for (const who of [client, begun]) {
      const hello = rawFragment(1, 0, rawHello(who.helloFields()))
      for (const epoch of [2, 0xffff]) {
        who.send(rawRecord(22, epoch, 0, hello))
        who.send(rawRecord(23, epoch, 0, Buffer.from('data')))
        who.send(rawRecord(20, epoch, 0, Buffer.from([1])))
      }
    }
    assert.equal(net.dropped('no-association'), 12)
    assert.equal(begun.datagrams.length, before)
    goesOn()
    await begun.finish()
    assert.ok(begun.serverFinished)
  })

  it('drops replayed records and those older than the window', () => {
    const first = client.appData('first')
    client.send(first)
    client.send(first)
    const late = Array.from({ length: 70 }, (_, i) => client.appData(`${i}`))
    client.send(...late.slice(69))
    // 64 back to the newest one: that and 63 below it.
    client.send(...late.slice(0, 69))
    assert.equal(net.messages.length, 1 + 64)
    client.send(...late)
    assert.equal(net.messages.length, 65)
    assert.equal(net.dropped('replayed'), 1 + 6 + 70)
    goesOn()
  })

  it('drops a thousand records with one flipped bit, and accepts the next valid one', () => {
    const record = client.appData('a record of some length, to flip bits in')
    for (let i = 0; i < 1000; i++) client.send(flip(record, i % (record.length * 8)))
    assert.deepEqual(net.texts, [])
    client.send(record)
    assert.deepEqual(net.texts, ['a record of some length, to flip bits in'])
    goesOn()
  })

  for (const suite of [0xc0a8, 0xc0a4, 0x00a8, 0x00ae]) {
    it(`drops an empty record with a forged tag (suite ${suite.toString(16)})`, async () => {
      const other = await new HostileClient(net, { suites: [suite] }).connect()
      const good = other.appData('')
      for (let i = 1; i <= 8 * 8; i++) other.send(flip(good, good.length * 8 - i))
      const forged = Buffer.from(good)
      forged.fill(0, forged.length - 8)
      other.send(forged)
      assert.equal(net.dropped('forged'), 65)
      assert.equal(net.dropped('replayed'), 0)
      // The real one is accepted, and delivers nothing.
      other.send(good)
      other.send(good)
      assert.equal(net.dropped('replayed'), 1)
      assert.deepEqual(net.texts, [])
    })
  }

  it('ignores plaintext alerts of any kind', async () => {
    for (const alert of ['0228', '0100', '0200', '020a', '0100ff', '02', '']) {
      client.send(client.plain(21, Buffer.from(alert, 'hex')))
    }
    goesOn()
    assert.deepEqual(net.ended, [])
    const begun = new HostileClient(net)
    await begun.greet()
    begun.send(begun.plain(21, Buffer.from('0228', 'hex')))
    await begun.finish()
    assert.ok(begun.serverFinished)
    assert.equal(net.server.counters.associations, 2)
  })

  it('answers a spoofed hello for an association with HelloVerifyRequest and changes nothing', async () => {
    client.datagrams = []
    const spoofed = rawFragment(
      1,
      0,
      rawHello(client.helloFields({ cookie: Buffer.alloc(0), random: Buffer.alloc(32) })),
    )
    for (let i = 0; i < 10; i++) client.send(rawRecord(22, 0, 0, spoofed))
    assert.equal(client.datagrams.length, 10)
    assert.ok(client.datagrams.every((datagram) => datagram.readUInt8(13) === 3))
    assert.equal(net.server.counters.halfOpen, 0)
    goesOn()
    assert.deepEqual(net.ended, [])
  })

  it('rejects renegotiation with a warning and keeps the association', () => {
    const hello = rawFragment(1, 7, rawHello(client.helloFields({ cookie: Buffer.alloc(0) })))
    client.send(client.protect(22, hello))
    assert.deepEqual(client.alerts, [{ level: 1, description: 100, epoch: 1 }])
    // HelloRequest and other protected handshake records have no effect.
    client.send(client.protect(22, rawFragment(0, 8, Buffer.alloc(0))))
    client.send(client.protect(22, Buffer.from([1])))
    client.send(client.protect(20, Buffer.from([1])))
    assert.equal(client.alerts.length, 1)
    goesOn()
  })

  it('does not move by unknown, forged, older, replayed or missing Connection IDs', async () => {
    const mobile = await new HostileClient(net, { connectionId: OWN_CID }).connect()
    const association = (mobile.send(mobile.appData('hello')), net.messages.at(-1)?.association)
    assert.ok(association)
    const { address, port } = association
    const stays = (why: string): void => {
      assert.deepEqual([association.address, association.port], [address, port], why)
    }
    const elsewhere = ['203.0.113.77', 7777] as const

    const older = mobile.appData('older')
    const newest = mobile.appData('newest')
    mobile.send(newest)
    const unknown = Buffer.from(mobile.appData('unknown'))
    unknown.fill(0xaa, 11, 19)
    mobile.sendFrom(...elsewhere, unknown)
    assert.equal(net.dropped('unknown-connection-id'), 1)
    stays('an unknown Connection ID')
    const forged = mobile.appData('forged')
    mobile.sendFrom(...elsewhere, flip(forged, forged.length * 8 - 1))
    assert.equal(net.dropped('forged'), 1)
    stays('a forged record')
    mobile.sendFrom(...elsewhere, newest)
    assert.equal(net.dropped('replayed'), 1)
    stays('a replayed record')
    mobile.sendFrom(...elsewhere, older)
    assert.equal(net.texts.at(-1), 'older')
    stays('an older record, though good')
    mobile.send(mobile.protectPlainly(23, Buffer.from('plain')))
    assert.equal(net.dropped('connection-id-missing'), 1)
    // Zeros only: no content type.
    const before = net.messages.length
    mobile.send(mobile.protect(0, Buffer.alloc(5)))
    assert.equal(net.messages.length, before)
    assert.equal(net.dropped('forged'), 2)

    mobile.move(...elsewhere)
    mobile.send(mobile.appData('moved'))
    assert.deepEqual([association.address, association.port], elsewhere)
    assert.equal(net.texts.at(-1), 'moved')
    net.server.send(association, Buffer.from('to the new address'))
    assert.deepEqual(mobile.data, ['to the new address'])
    assert.equal(net.server.counters.addressMoves, 1)
  })

  it('limits and releases half-open handshakes; lookups that hang or throw end with theirs', async () => {
    const psk = (identity: Uint8Array): Promise<Uint8Array> | Uint8Array => {
      const name = Buffer.from(identity).toString()
      if (name === 'throws') throw new Error('the look-up broke')
      if (name === 'rejects') return Promise.reject(new Error('the look-up failed'))
      return name === 'hangs' ? new Promise<never>(() => {}) : PSK
    }
    const small = new MemoryNet({ credentials: { psk }, maxHalfOpen: 5, maxLookups: 2 })
    const silent = Array.from(
      { length: 8 },
      (_, i) => new HostileClient(small, { address: `192.0.2.${i}` }),
    )
    for (const one of silent) await one.greet()
    assert.equal(small.server.counters.halfOpen, 5)
    assert.equal(small.failed('displaced'), 3)
    await small.run(60_000, 1000)
    assert.equal(small.server.counters.halfOpen, 0)
    assert.equal(small.failed('handshake-timeout'), 5)
    assert.equal(small.clock.pending, 0)

    const hanging = ['hangs', 'hangs', 'hangs'].map(
      (name) => new HostileClient(small, { identity: Buffer.from(name) }),
    )
    for (const one of hanging) await one.connect()
    for (const name of ['throws', 'rejects']) {
      await new HostileClient(small, { identity: Buffer.from(name) }).connect()
    }
    await small.run(60_000, 1000)
    assert.equal(small.server.counters.halfOpen, 0)
    // Both slots were blocked; the others were queued until their timeout.
    assert.equal(small.failed('handshake-timeout'), 5 + 5)
    for (const name of ['throws', 'rejects']) {
      await new HostileClient(small, { identity: Buffer.from(name) }).connect()
      assert.equal(small.failures.at(-1)?.code, 'credential-error')
    }
    const good = await new HostileClient(small).connect()
    assert.ok(good.serverFinished)
    assert.equal(small.server.counters.associations, 1)
  })

  it('counts an IPv6 /64 as one sender', async () => {
    const small = new MemoryNet({ credentials: pskCredentials, maxHalfOpenPerAddress: 2 })
    for (const address of [
      '2001:db8::1',
      '2001:db8:0:0:ffff::2',
      '2001:db8::3',
      '2001:db8:0:1::1',
      '192.0.2.1',
    ]) {
      await new HostileClient(small, { address }).greet()
    }
    assert.equal(small.dropped('half-open-limit'), 1)
    assert.equal(small.server.counters.halfOpen, 4)
  })
})
