import assert from 'node:assert/strict'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import type { DtlsEndpointOptions } from '../../src/dtls/options'
import type { DtlsSession, DtlsSessionStore } from '../../src/dtls/sessions/session'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import { PSK, pskCredentials } from './support/harness'
import { HostileClient, type HostileClientOptions } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { CLIENT_SPKI, rpkClient, rpkCredentials } from './support/raw-keys'
import { rawFragment, splitRecords } from './support/wire'

const NONE = Buffer.alloc(0)

describe('life cycle of associations and handshakes', () => {
  const net = (options: Partial<DtlsEndpointOptions> = {}): MemoryNet =>
    new MemoryNet({ credentials: { ...pskCredentials, ...rpkCredentials }, ...options })

  const suites = [
    [0xc0a8, 'psk'],
    [0xc0a4, 'psk'],
    [0x00a8, 'psk'],
    [0x00ae, 'psk'],
    [0xc037, 'psk'],
    [0xc0ae, 'rpk'],
    [0xc02b, 'rpk'],
    [0xc023, 'rpk'],
    [0xc0ac, 'rpk'],
    [0xc0a9, 'psk'],
    [0xc0a5, 'psk'],
    [0x00a9, 'psk'],
    [0xd001, 'psk'],
    [0xd003, 'psk'],
    [0xd005, 'psk'],
  ] as const
  for (const [suite, kind] of suites) {
    for (const connectionId of [undefined, NONE, Buffer.from('c1d0c1d0', 'hex')]) {
      for (const etm of [0x00ae, 0xc037, 0xc023].includes(suite) ? [true, false] : [true]) {
        const cid = connectionId === undefined ? 'no' : `${connectionId.length} byte`
        const mac = etm ? '' : ', MAC-then-encrypt'
        it(`completes full and resumed handshakes with suite ${suite.toString(16)}, ${cid} Connection ID${mac}`, async () => {
          const server = net()
          const base = kind === 'rpk' ? rpkClient() : {}
          const options: HostileClientOptions = { ...base, suites: [suite], connectionId, etm }
          const full = await new HostileClient(server, options).connect()
          const { session } = full
          const resumed = await new HostileClient(server, { ...options, session }).connect()
          for (const client of [full, resumed]) {
            client.send(client.appData('up'))
            const { association } = server.messages.at(-1) ?? assert.fail('no message')
            assert.equal(association.suite, suite)
            assert.equal(association.identity.kind, kind)
            client.datagrams = []
            server.server.send(association, Buffer.from('down'))
            assert.deepEqual(client.data, ['down'])
            // If the client has its own Connection ID, it is in each record, of type 25.
            const length = connectionId?.length ?? 0
            const [record] = splitRecords(client.datagrams[0] ?? NONE, length)
            assert.equal(record?.type, length > 0 ? 25 : 23)
            assert.deepEqual(record?.connectionId, connectionId ?? NONE)
            assert.equal(client.serverConnectionId.length, connectionId === undefined ? 0 : 8)
          }
          assert.equal(server.server.counters.resumptions, 1)
          assert.equal(server.server.counters.handshakesCompleted, 2)
          assert.deepEqual(server.server.counters.dropped, {})
        })
      }
    }
  }

  it('continues the record number and message_seq of the second hello in ServerHello', async () => {
    const server = net()
    const client = new HostileClient(server)
    client.sequence[0] = 77
    client.messageSeq = 5
    client.send(client.hello())
    client.datagrams = []
    client.send(client.hello({ cookie: client.cookie }))
    const records = splitRecords(client.datagrams[0] ?? NONE, 0)
    assert.deepEqual(
      records.map(({ type, version, sequence, fragment }) => [
        ...[type, version, sequence],
        ...[fragment.readUInt8(0), fragment.readUInt16BE(4)],
      ]),
      [
        [22, 0xfefd, 78, 2, 6],
        [22, 0xfefd, 79, 14, 7],
      ],
    )
  })

  it('retransmits its flight after 1, 2, 4 … seconds with new record numbers, in smaller datagrams', async () => {
    const own = generateServerKey({ commonName: 'server' })
    const certificateChain = own.certificatePem.repeat(3)
    const serverKey = loadServerKey({ privateKey: own.privateKeyPem, certificateChain })
    const credentials = { serverKey, certificate: () => true }
    const server = net({ handshakeTimeout: 30_000, credentials })
    const client = new HostileClient(server, { suites: [0xc0ae] })
    await client.greet()
    assert.ok(client.datagrams.some(({ length }) => length > 1000))
    const times: number[] = []
    const sequences: number[] = []
    client.datagrams = []
    for (let second = 1; second <= 30; second++) {
      await server.run(1000)
      if (client.datagrams.length > 0) times.push(second)
      for (const datagram of client.datagrams) {
        sequences.push(...splitRecords(datagram, 0).map(({ sequence }) => sequence))
        if (second > 1) assert.ok(datagram.length <= 464)
      }
      client.datagrams = []
    }
    assert.deepEqual(times, [1, 3, 7, 15])
    assert.equal(new Set(sequences).size, sequences.length)
    assert.equal(server.server.counters.retransmissions, 4)
    assert.equal(server.clock.pending, 0)
  })

  it('packs a long flight by the MTU', async () => {
    const server = net({ mtu: 256 })
    const client = new HostileClient(server, rpkClient())
    await client.greet()
    assert.ok(client.datagrams.length > 2)
    assert.ok(client.datagrams.every(({ length }) => length <= 256))
    await client.finish()
    assert.ok(client.serverFinished)
  })

  it('retransmits its flight when the hello is repeated, but not for every copy', async () => {
    const server = net()
    const client = new HostileClient(server)
    client.send(client.hello())
    const second = client.hello({ cookie: client.cookie })
    client.send(second)
    client.datagrams = []
    for (let i = 0; i < 10; i++) client.send(second)
    assert.equal(client.datagrams.length, 0)
    await server.run(500)
    for (let i = 0; i < 10; i++) client.send(second)
    assert.equal(client.datagrams.length, 1)
  })

  it('retransmits its last flight when Finished is repeated, rate-limited, until data arrives', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    client.send(...client.keyExchange())
    await server.settle()
    const message = client.count(20, client.finishedBody())
    client.send(client.changeCipherSpec(), client.protect(22, message))
    client.datagrams = []
    const ask = (): void => client.send(client.changeCipherSpec(), client.protect(22, message))
    ask()
    assert.equal(client.datagrams.length, 0, 'too soon')
    await server.run(600)
    ask()
    ask()
    assert.equal(client.datagrams.length, 1)
    const records = splitRecords(client.datagrams[0] ?? NONE, 0)
    assert.deepEqual(
      records.map(({ type, epoch, sequence }) => [type, epoch, sequence]),
      [
        [20, 0, 4],
        [22, 1, 1],
      ],
    )
    assert.ok(client.serverFinished)
    client.send(client.appData('data'))
    await server.run(600)
    ask()
    assert.equal(client.datagrams.length, 1)
    assert.equal(server.dropped('unexpected'), 1)
  })

  it('retransmits a lost flight of an abbreviated handshake', async () => {
    const server = net()
    const { session } = await new HostileClient(server).connect()
    const client = new HostileClient(server, { session })
    await client.greet()
    client.datagrams = []
    await server.run(1000)
    assert.equal(client.datagrams.length, 1)
    client.send(client.changeCipherSpec(), client.finished())
    assert.equal(server.server.counters.resumptions, 1)
    await server.run(10_000)
    assert.equal(client.datagrams.length, 1, 'nothing more once it is established')
  })

  it('answers close_notify with close_notify and keeps the session', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    client.send(client.protect(21, Buffer.from([1, 0])))
    assert.deepEqual(client.alerts, [{ level: 1, description: 0, epoch: 1 }])
    assert.equal(server.ended[0]?.reason, 'the device closed the connection')
    const association = server.ended[0]?.association
    assert.ok(association)
    const send = (): void => server.server.send(association, Buffer.from('x'))
    assert.throws(send, { code: 'association-ended' })
    const again = await new HostileClient(server, { session: client.session }).connect()
    assert.equal(server.server.counters.resumptions, 1)
    // A warning does not end it.
    again.send(again.protect(21, Buffer.from([1, 90])))
    again.send(again.appData('x'))
    assert.deepEqual(server.texts, ['x'])
  })

  it('ends the association and its session on a fatal alert, without an answer', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    client.send(client.protect(21, Buffer.from([2, 20])))
    assert.deepEqual(client.alerts, [])
    assert.match(server.ended[0]?.reason ?? '', /bad_record_mac/)
    assert.equal(server.server.counters.sessions, 0)
  })

  it('ends the handshake at once on an alert with the new keys', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    client.send(client.clientKeyExchange())
    await server.settle()
    client.send(client.changeCipherSpec(), client.protect(21, Buffer.from([2, 51])))
    assert.equal(server.failures[0]?.code, 'peer-alert')
    assert.match(server.failures[0]?.reason ?? '', /decrypt_error/)
    assert.equal(server.server.counters.halfOpen, 0)
  })

  it('reports a plaintext alert as the reason when the handshake times out', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    client.send(client.plain(21, Buffer.from([2, 48])))
    await server.run(60_000, 1000)
    assert.equal(server.failures[0]?.code, 'peer-alert')
    assert.match(server.failures[0]?.reason ?? '', /unknown_ca/)
  })

  it('ends associations, handshakes and sessions of a removed credential only', async () => {
    const keys = new Map([
      ['a', PSK],
      ['b', PSK],
    ])
    const server = net({ credentials: { psk: (id) => keys.get(Buffer.from(id).toString()) } })
    const identity = (name: string): HostileClientOptions => ({ identity: Buffer.from(name) })
    const a = await new HostileClient(server, identity('a')).connect()
    const b = await new HostileClient(server, identity('b')).connect()
    const begun = new HostileClient(server, identity('a'))
    await begun.greet()
    begun.send(begun.clientKeyExchange())
    await server.settle()
    keys.delete('a')
    const isA = ({ kind, ...rest }: { kind: string; identity?: Uint8Array }): boolean =>
      kind === 'psk' && Buffer.from(rest.identity ?? NONE).toString() === 'a'
    assert.equal(server.server.closeWhere(isA, 'its credential was removed'), 1)
    begun.send(begun.changeCipherSpec(), begun.finished())
    assert.equal(begun.serverFinished, false)
    assert.equal(server.failures[0]?.code, 'credential-removed')
    assert.deepEqual(
      server.ended.map(({ reason }) => reason),
      ['its credential was removed'],
    )
    assert.deepEqual(a.alerts, [{ level: 1, description: 0, epoch: 1 }])
    a.send(a.appData('from a'))
    b.send(b.appData('from b'))
    assert.deepEqual(server.texts, ['from b'])
    assert.equal(server.server.counters.sessions, 1)
    const resume = await new HostileClient(server, {
      ...identity('a'),
      session: a.session,
    }).connect()
    assert.equal(resume.serverFinished, false)
    keys.set('a', PSK)
    assert.ok((await new HostileClient(server, identity('a')).connect()).serverFinished)
  })

  it('drops records with the Connection ID of an association that ended', async () => {
    const server = net()
    const client = await new HostileClient(server, { connectionId: NONE }).connect()
    server.server.closeWhere(() => true, 'its credential was removed')
    client.send(client.appData('still me'))
    assert.deepEqual(server.texts, [])
    assert.equal(server.dropped('unknown-connection-id'), 1)
    // Nor does a failed handshake.
    const failed = new HostileClient(server, { connectionId: NONE, psk: Buffer.alloc(16) })
    await failed.connect()
    await server.run(60_000, 1000)
    failed.send(failed.finished())
    assert.equal(server.dropped('unknown-connection-id'), 2)
  })

  it('does not move a handshake, with or without Connection ID', async () => {
    const server = net()
    const client = new HostileClient(server, { connectionId: NONE })
    await client.greet()
    client.send(client.clientKeyExchange())
    await server.settle()
    client.send(client.changeCipherSpec())
    const finished = client.finished()
    client.sendFrom('203.0.113.9', 9, finished)
    assert.equal(server.server.counters.associations, 0)
    assert.equal(server.dropped('unknown-connection-id'), 1)
    client.send(finished)
    assert.ok(client.serverFinished)
  })

  it('reports a lookup that returns an empty or too long key as an error of the credentials', async () => {
    for (const length of [0, 65]) {
      const server = net({ credentials: { psk: () => Buffer.alloc(length) } })
      const client = await new HostileClient(server, { psk: Buffer.alloc(length) }).connect()
      assert.equal(client.serverFinished, false)
      assert.equal(server.failures[0]?.code, 'credential-error')
      assert.match(server.failures[0]?.reason ?? '', new RegExp(`${length} bytes`))
    }
    const longest = net({ credentials: { psk: () => Buffer.alloc(64, 7) } })
    const client = await new HostileClient(longest, { psk: Buffer.alloc(64, 7) }).connect()
    assert.ok(client.serverFinished)
  })

  it('ignores a lookup that answers after the deadline', async () => {
    const waiting: (() => void)[] = []
    let answersAtOnce = true
    const psk = (): Promise<Uint8Array> =>
      answersAtOnce
        ? Promise.resolve(PSK)
        : new Promise((resolve) => waiting.push(() => resolve(PSK)))
    const server = net({ credentials: { psk } })
    const { session } = await new HostileClient(server).connect()
    answersAtOnce = false
    // A response would make this one send a flight, and retransmit it.
    const resuming = new HostileClient(server, { session })
    await resuming.greet()
    const full = new HostileClient(server)
    await full.greet()
    full.send(full.clientKeyExchange())
    await server.settle()
    assert.equal(waiting.length, 2)
    await server.run(60_000, 1000)
    const heard = (): number[] => [resuming, full].map(({ datagrams }) => datagrams.length)
    const before = heard()
    for (const answer of waiting) answer()
    await server.settle()
    await server.run(60_000, 1000)
    assert.deepEqual(heard(), before)
    assert.equal(server.server.counters.halfOpen, 0)
    assert.equal(server.clock.pending, 0)
  })

  it('continues after a forged plaintext message in place of Finished', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    client.send(client.clientKeyExchange())
    await server.settle()
    const forged = (): Buffer =>
      client.plain(22, rawFragment(15, client.messageSeq, Buffer.alloc(8), { length: 12 }))
    client.send(forged())
    client.send(client.changeCipherSpec())
    client.send(forged())
    client.send(client.finished())
    assert.ok(client.serverFinished)
    assert.deepEqual(client.alerts, [])
  })

  it('sends nothing for a device with Connection ID to another device at its address', async () => {
    const credentials = { psk: () => PSK }
    const server = net({ credentials })
    const at = { address: '192.0.2.50', port: 5000 }
    const first = new HostileClient(server, {
      ...at,
      identity: Buffer.from('first'),
      connectionId: NONE,
    })
    await first.connect()
    first.send(first.appData('first'))
    const { association } = server.messages[0] ?? assert.fail('no message')
    const second = new HostileClient(server, { ...at, identity: Buffer.from('second') })
    await second.connect()
    second.datagrams = []
    server.server.send(association, Buffer.from('for the first'))
    assert.equal(second.datagrams.length, 0)
    assert.equal(server.ended.length, 0)
    first.move('192.0.2.51', 5001)
    first.send(first.appData('here I am'))
    server.server.send(association, Buffer.from('for the first'))
    assert.deepEqual(first.data, ['for the first'])
    second.send(second.appData('second'))
    assert.equal(server.texts.at(-1), 'second')
  })

  it('replaces the old association of the same device at its address', async () => {
    const server = net()
    const options = { port: 5001, connectionId: NONE }
    await new HostileClient(server, options).connect()
    await new HostileClient(server, options).connect()
    assert.equal(server.server.counters.associations, 1)
    assert.equal(server.ended.length, 1)
  })

  it('serves a new handshake beside an association without Connection IDs', async () => {
    const server = net()
    const old = await new HostileClient(server, { port: 4000 }).connect()
    for (let i = 0; i < 5; i++) old.send(old.appData(`old ${i}`))
    const reborn = new HostileClient(server, { port: 4000 })
    await reborn.greet()
    reborn.send(reborn.clientKeyExchange())
    await server.settle()
    // Finished and data overtake ChangeCipherSpec; the old association sends in between.
    const finished = reborn.finished()
    reborn.send(finished, reborn.appData('new'))
    old.send(old.appData('old still'))
    reborn.send(reborn.changeCipherSpec())
    assert.ok(reborn.serverFinished)
    assert.deepEqual(server.texts.slice(5), ['old still', 'new'])
  })

  it('replaces the handshake and reports it when a client restarts during the handshake', async () => {
    const server = net()
    await new HostileClient(server, { port: 6000 }).greet()
    await new HostileClient(server, { port: 6000 }).connect()
    assert.deepEqual(
      server.failures.map(({ code }) => code),
      ['replaced'],
    )
    assert.equal(server.server.counters.halfOpen, 0)
  })

  it('stops: notifies every client, ends every handshake, keeps no timer and accepts no datagram', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    await new HostileClient(server).greet()
    server.server.stop()
    server.server.stop()
    assert.deepEqual(client.alerts, [{ level: 1, description: 0, epoch: 1 }])
    assert.equal(server.ended.length, 1)
    assert.equal(server.failures[0]?.code, 'stopped')
    assert.equal(server.clock.pending, 0)
    const late = new HostileClient(server)
    late.send(late.hello())
    assert.deepEqual(late.datagrams, [])
  })

  describe('sessions after a restart', () => {
    class Kept implements DtlsSessionStore {
      readonly sessions = new Map<string, DtlsSession>()
      load = (): Iterable<DtlsSession> => this.sessions.values()
      save(session: DtlsSession): void {
        this.sessions.set(Buffer.from(session.id).toString('hex'), session)
      }
      remove(id: Uint8Array): void {
        this.sessions.delete(Buffer.from(id).toString('hex'))
      }
    }

    it('are resumed from the store, and removed from it when they end', async () => {
      const sessions = new Kept()
      const before = net({ sessions })
      const client = await new HostileClient(before).connect()
      await before.settle()
      assert.equal(sessions.sessions.size, 1)
      before.server.stop()
      const after = net({ sessions })
      await after.server.start()
      const again = await new HostileClient(after, { session: client.session }).connect()
      again.send(again.appData('resumed'))
      assert.equal(after.server.counters.resumptions, 1)
      const identity = after.messages[0]?.association.identity
      assert.equal(identity?.kind === 'psk' && Buffer.from(identity.identity).toString(), 'dev1')
      again.send(again.protect(21, Buffer.from([2, 20])))
      await after.settle()
      assert.equal(sessions.sessions.size, 0)
    })

    it('are not resumed once expired, or if the credential was changed meanwhile', async () => {
      const sessions = new Kept()
      const before = net({ sessions, sessionLifetime: 1000 })
      const { session } = await new HostileClient(before).connect()
      await before.settle()
      const changed = net({ sessions, credentials: { psk: () => Buffer.from('another') } })
      await changed.server.start()
      assert.equal(changed.server.counters.sessions, 1)
      const client = new HostileClient(changed, { session, psk: Buffer.from('another') })
      assert.ok((await client.connect()).serverFinished)
      assert.equal(changed.server.counters.resumptions, 0)

      const late = net({ sessions })
      late.clock.advance(86_400_001)
      await late.server.start()
      await late.settle()
      assert.equal(late.server.counters.sessions, 0)
      assert.equal(sessions.sessions.size, 0)
    })

    it('are exported and imported', async () => {
      const before = net()
      const { session } = await new HostileClient(before).connect()
      const after = net()
      after.server.importSessions(before.server.exportSessions())
      await new HostileClient(after, { session }).connect()
      assert.equal(after.server.counters.resumptions, 1)
    })

    it('look up raw public keys again', async () => {
      let known = true
      const rawPublicKey = (spki: Uint8Array): boolean => known && CLIENT_SPKI.equals(spki)
      const server = net({ credentials: { ...rpkCredentials, rawPublicKey } })
      const { session } = await new HostileClient(server, rpkClient()).connect()
      const resume = (): Promise<HostileClient> =>
        new HostileClient(server, { ...rpkClient(), session }).connect()
      await resume()
      assert.equal(server.server.counters.resumptions, 1)
      known = false
      await resume()
      assert.equal(server.server.counters.resumptions, 1)
      assert.equal(server.failures[0]?.code, 'unknown-public-key')
    })
  })

  it('offers no session if resumption is disabled', async () => {
    const server = net({ maxSessions: 0 })
    const client = await new HostileClient(server).connect()
    assert.equal(client.serverHello?.sessionId.length, 0)
  })

  it('limits its records by record_size_limit, in the handshake and after', async () => {
    const limit = [28, Buffer.from([0, 64])] as const
    const server = net()
    const rpk = rpkClient()
    const extensions = [...(rpk.extensions ?? []), limit]
    const client = await new HostileClient(server, { ...rpk, extensions }).connect()
    assert.deepEqual(client.serverHello?.extensions.get(28), Buffer.from([0x40, 0]))
    const lengths = client.datagrams
      .flatMap((datagram) => splitRecords(datagram, 0))
      .filter(({ epoch }) => epoch === 0)
      .map(({ fragment }) => fragment.length)
    assert.ok(lengths.length > 5)
    assert.ok(Math.max(...lengths.slice(1)) <= 64)
    client.send(client.appData('x'))
    const { association } = server.messages[0] ?? assert.fail('no message')
    server.server.send(association, Buffer.alloc(64))
    const tooLong = (): void => server.server.send(association, Buffer.alloc(65))
    assert.throws(tooLong, { code: 'datagram-too-large' })
    for (const bad of [
      [28, Buffer.from([0, 63])],
      [1, Buffer.from([5])],
      [1, Buffer.from([0])],
    ] as const) {
      const refused = new HostileClient(server, { extensions: [bad] })
      await refused.greet()
      assert.deepEqual(refused.alerts, [{ level: 2, description: 47, epoch: 0 }])
    }
  })

  it('names the invalid option', () => {
    assert.throws(() => net({ mtu: 100 }), { code: 'bad-option', message: /mtu/ })
    assert.throws(() => net({ suites: [] }), { code: 'bad-option', message: /suites/ })
    assert.throws(() => net({ suites: [0x002f] }), { code: 'bad-option', message: /suite 47/ })
    assert.throws(() => net({ maxHalfOpen: 0 }), { code: 'bad-option', message: /maxHalfOpen/ })
  })
})

describe('handshakes of real devices', () => {
  it('accepts a ClientKeyExchange of more than 512 bytes, also fragmented', async () => {
    const identity = Buffer.alloc(1024, 'identity ')
    const credentials = { psk: (name: Uint8Array) => (identity.equals(name) ? PSK : undefined) }
    for (const fragmented of [false, true]) {
      const net = new MemoryNet({ credentials })
      const client = new HostileClient(net, { identity })
      await client.greet()
      const [record = NONE] = client.keyExchange()
      const seq = record.readUInt16BE(13 + 4)
      const body = record.subarray(13 + 12)
      if (!fragmented) client.send(record)
      for (let offset = 0; fragmented && offset < body.length; offset += 100) {
        const part = body.subarray(offset, offset + 100)
        const fragment = rawFragment(16, seq, part, { length: body.length, offset })
        client.send(client.plain(22, fragment))
      }
      await net.settle()
      client.send(client.changeCipherSpec(), client.finished())
      assert.ok(client.serverFinished)
    }
    const net = new MemoryNet({ credentials })
    await new HostileClient(net, { identity: Buffer.alloc(1025) }).connect()
    assert.equal(net.failures[0]?.code, 'decode-error')
  })

  it('packs a flight with certificates into datagrams of 512 bytes and less', async () => {
    const own = generateServerKey({ commonName: 'server' })
    const serverKey = loadServerKey({
      privateKey: own.privateKeyPem,
      certificateChain: own.certificatePem.repeat(3),
    })
    for (const mtu of [512, 256]) {
      const net = new MemoryNet({ mtu, credentials: { ...rpkCredentials, serverKey } })
      const client = new HostileClient(net, {
        ...rpkClient(),
        extensions: [[19, Buffer.from([1, 2])]],
      })
      await client.greet()
      assert.ok(client.datagrams.every(({ length }) => length <= mtu))
      assert.ok(client.datagrams.length > 1500 / mtu)
      await client.finish()
      assert.ok(client.serverFinished)
    }
  })

  it('uses datagrams for a path of 512 bytes after two unanswered retransmissions', async () => {
    const own = generateServerKey({ commonName: 'server' })
    const certificateChain = own.certificatePem.repeat(3)
    const serverKey = loadServerKey({ privateKey: own.privateKeyPem, certificateChain })
    const net = new MemoryNet({ credentials: { ...rpkCredentials, serverKey } })
    const client = new HostileClient(net, {
      ...rpkClient(),
      extensions: [[19, Buffer.from([1, 2])]],
    })
    await client.greet()
    // Every datagram of more than 512 bytes is lost.
    assert.ok(client.datagrams.some(({ length }) => length > 512))
    client.datagrams = []
    await net.run(7100, 100)
    const last = client.datagrams.slice(-3)
    assert.ok(
      last.every(({ length }) => length <= 512 - 48),
      `${last.map(({ length }) => length)}`,
    )
  })
})
