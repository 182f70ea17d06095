import assert from 'node:assert/strict'
import type { DtlsEndpointOptions } from '../../src/dtls/options'
import { generateServerKey } from '../../src/dtls/certificates/generate'
import { buildCertificateChain } from '../../src/dtls/v12/messages/certificate'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import type { DtlsSession } from '../../src/dtls/sessions/session'
import { PSK, pskCredentials } from './support/harness'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { CLIENT_SPKI, rpkClient, rpkCredentials } from './support/raw-keys'
import { rawFragment, rawHello } from './support/wire'

const NONE = Buffer.alloc(0)
const CID = Buffer.from('0102030405', 'hex')

/** Tests of the protection against attacks, one per attack. */
describe('DTLS protection against attacks', () => {
  const net = (options: Partial<DtlsEndpointOptions> = {}): MemoryNet =>
    new MemoryNet({ credentials: { ...pskCredentials, ...rpkCredentials }, ...options })

  it('keeps no state before a cookie, and answers no longer than the shortest hello', () => {
    const server = net()
    const client = new HostileClient(server)
    const shortest = client.plain(
      22,
      rawFragment(1, 0, rawHello(client.helloFields({ extensions: [] }))),
    )
    for (let i = 0; i < 100; i++) client.send(shortest)
    assert.equal(client.datagrams.length, 100)
    assert.ok(client.datagrams.every(({ length }) => length <= shortest.length))
    assert.equal(server.server.counters.halfOpen, 0)
    assert.equal(server.clock.pending, 0)
  })

  it('encodes the HelloVerifyRequest byte by byte', () => {
    const server = net()
    const client = new HostileClient(server)
    client.sequence[0] = 0x0102030405
    client.messageSeq = 3
    client.send(client.hello())
    const [datagram] = client.datagrams
    const header = '16 feff 0000 000102030405 002f'.replaceAll(' ', '')
    const message = '03 000023 0003 000000 000023 feff20'.replaceAll(' ', '')
    assert.equal(datagram?.subarray(0, 13 + 12 + 3).toString('hex'), header + message)
    assert.equal(datagram?.length, 13 + 12 + 3 + 32)
  })

  it('does not bind the extensions by the cookie, because Anjay changes their padding', async () => {
    const server = net()
    const client = new HostileClient(server)
    client.send(client.hello())
    const padding = [21, Buffer.alloc(300)] as const
    const { extensions } = client.helloFields()
    client.send(client.hello({ cookie: client.cookie, extensions: [...extensions, padding] }))
    await client.finish()
    assert.ok(client.serverFinished)
  })

  it('drops and counts fragments of a hello', () => {
    const server = net()
    const client = new HostileClient(server)
    const body = rawHello(client.helloFields())
    const half = rawFragment(1, 0, body.subarray(0, 50), { length: body.length })
    client.send(client.plain(22, half))
    assert.equal(server.dropped('fragmented-hello'), 1)
    assert.deepEqual(client.datagrams, [])
  })

  it('rejects more than 64 extensions, and repeated ones', async () => {
    const many = Array.from({ length: 65 }, (_, i) => [1000 + i, NONE] as const)
    const repeated = [[1000, NONE] as const, [1000, NONE] as const]
    for (const extensions of [many, repeated]) {
      const client = new HostileClient(net(), { ems: false, etm: false, extensions })
      await client.greet()
      assert.deepEqual(client.alerts, [{ level: 2, description: 50, epoch: 0 }])
    }
  })

  it('rejects a chain of more certificates than allowed', async () => {
    const { certificate } = generateServerKey({ commonName: 'x' })
    const own = generateServerKey({ commonName: 'server' })
    const serverKey = loadServerKey({
      privateKey: own.privateKeyPem,
      certificateChain: own.certificatePem,
    })
    const credentials = { serverKey, certificate: () => true }
    const server = net({ credentials, maxChainLength: 2 })
    const body = buildCertificateChain([certificate, certificate, certificate])
    const client = new HostileClient(server, rpkClient(NONE, { extensions: [] }))
    await client.greet()
    client.send(client.message(11, body))
    assert.equal(server.failures[0]?.code, 'decode-error')
    assert.match(String(server.failures[0]?.reason), /more than 2 certificates/)
  })

  it('keeps only the next four messages, with a limit of their size', async () => {
    const server = net()
    const client = new HostileClient(server, rpkClient())
    await client.greet()
    client.send(client.plain(22, rawFragment(11, 2, Buffer.from([1]), { length: 8192 })))
    client.send(client.plain(22, rawFragment(16, 5, Buffer.from([1]), { length: 512 })))
    assert.equal(server.dropped('reassembly-limit'), 0)
    client.send(client.plain(22, rawFragment(16, 6, Buffer.from([1]), { length: 2 })))
    client.send(client.plain(22, rawFragment(11, 3, Buffer.from([1]), { length: 8192 })))
    assert.equal(server.dropped('reassembly-limit'), 2)
  })

  it('does not mark a forged record in the window, and does not decrypt a replayed one', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    const record = client.appData('x')
    const forged = Buffer.from(record)
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1
    client.send(forged)
    client.send(record)
    assert.deepEqual(server.texts, ['x'])
    // With a number already received even a forged record is only 'replayed'.
    client.send(forged)
    assert.deepEqual([server.dropped('forged'), server.dropped('replayed')], [1, 1])
  })

  it('compares verify_data, cookie and MAC in full', async () => {
    const server = net()
    for (let at = 0; at < 12; at++) {
      const client = new HostileClient(server)
      await client.greet()
      client.send(client.clientKeyExchange())
      await server.settle()
      const body = client.finishedBody()
      body[at] = (body[at] ?? 0) ^ 0x80
      client.send(client.changeCipherSpec(), client.finished(body))
    }
    assert.equal(server.failed('bad-finished'), 12)
    const client = new HostileClient(server)
    client.send(client.hello())
    for (let at = 0; at < 32; at++) {
      const cookie = Buffer.from(client.cookie)
      cookie[at] = (cookie[at] ?? 0) ^ 0x80
      client.send(client.hello({ cookie }))
    }
    assert.equal(server.server.counters.halfOpen, 0)
    for (const etm of [true, false]) {
      const cbc = await new HostileClient(server, { suites: [0x00ae], etm }).connect()
      const record = cbc.appData('x')
      const before = server.dropped('forged')
      for (let at = 1; at <= 32; at++) {
        const forged = Buffer.from(record)
        forged[forged.length - at] = (forged[forged.length - at] ?? 0) ^ 0x80
        cbc.send(forged)
      }
      assert.equal(server.dropped('forged') - before, 32)
      cbc.send(record)
    }
    assert.deepEqual(server.texts, ['x', 'x'])
  })

  it('answers bad records of a known client without an alert', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    client.datagrams = []
    const good = client.appData('x')
    for (let at = 13; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 1
      client.send(bad)
    }
    assert.deepEqual(client.datagrams, [])
    assert.equal(client.alerts.length, 0)
  })

  it('prefers AEAD to CBC; uses encrypt-then-MAC when offered, requires it by option', async () => {
    const both = await new HostileClient(net(), { suites: [0x00ae, 0xc0a8] }).connect()
    assert.equal(both.suite.number, 0xc0a8)
    const offered = await new HostileClient(net(), { suites: [0x00ae] }).connect()
    assert.ok(offered.serverHello?.extensions.has(22))
    const aead = await new HostileClient(net(), { suites: [0xc0a8] }).connect()
    assert.equal(aead.serverHello?.extensions.has(22), false)
    const strict = net({ requireEncryptThenMac: true })
    await new HostileClient(strict, { suites: [0x00ae], etm: false }).greet()
    assert.equal(strict.failures[0]?.code, 'encrypt-then-mac-required')
  })

  it('sends the same datagrams for an unknown identity and a wrong key, without an alert', async () => {
    const server = net()
    const shapes = []
    for (const options of [{ identity: Buffer.from('devX') }, { psk: Buffer.alloc(16) }]) {
      const client = await new HostileClient(server, options).connect()
      await server.run(30_000, 500)
      shapes.push(client.datagrams.map((datagram) => datagram.length))
      assert.deepEqual(client.alerts, [])
    }
    assert.deepEqual(shapes[0], shapes[1])
    await server.run(60_000, 1000)
    assert.deepEqual(
      server.failures.map(({ code }) => code),
      ['unknown-identity', 'wrong-key'],
    )
  })

  it('requires a proof of a claimed key, and rejects an empty one', async () => {
    const server = net()
    const skipping = new HostileClient(server, rpkClient())
    await skipping.greet()
    const certificate = skipping.options.certificate?.body ?? NONE
    skipping.send(skipping.message(11, certificate), skipping.clientKeyExchange())
    skipping.send(skipping.changeCipherSpec(), skipping.finished())
    const empty = await new HostileClient(server, rpkClient(NONE)).connect()
    assert.equal(server.server.counters.associations, 0)
    assert.equal(empty.serverFinished, false)
    assert.equal(server.failures[0]?.code, 'no-certificate')
  })

  it('looks up only proved keys, so that clients cannot probe for known ones', async () => {
    const asked: Uint8Array[] = []
    const rawPublicKey = (spki: Uint8Array): boolean => asked.push(spki) > 0
    const server = net({ credentials: { ...rpkCredentials, rawPublicKey } })
    const client = new HostileClient(server, rpkClient())
    await client.greet()
    const certificate = client.options.certificate?.body ?? NONE
    client.send(client.message(11, certificate), client.clientKeyExchange())
    client.send(client.message(15, client.certificateVerify(0x0403, true)))
    await server.settle()
    assert.deepEqual(asked, [])
  })

  it('rejects raw public keys of another curve, type or encoding', async () => {
    const compressed = Buffer.concat([
      Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
      Buffer.from([2 + ((CLIENT_SPKI.at(-1) ?? 0) & 1)]),
      CLIENT_SPKI.subarray(-64, -32),
    ])
    const off = Buffer.from(CLIENT_SPKI)
    off[90] = (off[90] ?? 0) ^ 1
    const trailing = Buffer.concat([CLIENT_SPKI, Buffer.from([0])])
    const secp256k1 = Buffer.concat([
      Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex'),
      CLIENT_SPKI.subarray(-65),
    ])
    const server = net({ credentials: { ...rpkCredentials, rawPublicKey: () => true } })
    for (const spki of [compressed, off, trailing, secp256k1, CLIENT_SPKI.subarray(0, 90)]) {
      const client = new HostileClient(server, rpkClient(spki))
      await client.greet()
      client.send(client.message(11, client.options.certificate?.body ?? NONE))
      assert.deepEqual(client.alerts, [{ level: 2, description: 43, epoch: 0 }])
    }
    assert.equal(server.failed('bad-certificate'), 5)
  })

  it('stores no session without extended master secret', async () => {
    const server = net()
    const client = await new HostileClient(server, { ems: false }).connect()
    assert.equal(client.serverHello?.sessionId.length, 0)
    assert.equal(server.server.counters.sessions, 0)
  })

  it('ends the handshake if a session is resumed without extended master secret (RFC 7627 §5.3)', async () => {
    const server = net()
    const { session } = await new HostileClient(server).connect()
    const client = new HostileClient(server, { session, ems: false })
    await client.greet()
    assert.deepEqual(client.alerts, [{ level: 2, description: 40, epoch: 0 }])
  })

  it('does not resume a session with another suite, key or master secret', async () => {
    let psk: Buffer | undefined = PSK
    const server = net({ credentials: { psk: () => psk } })
    const first = await new HostileClient(server).connect()
    const { session } = first
    const good = await new HostileClient(server, { session }).connect()
    assert.ok(good.serverFinished)
    assert.equal(server.server.counters.resumptions, 1)

    const suite = await new HostileClient(server, { session, suites: [0x00a8] }).connect()
    assert.ok(suite.serverFinished)
    assert.notDeepEqual(suite.serverHello?.sessionId, session.id)

    const master = Buffer.alloc(48)
    const thief = new HostileClient(server, { session: { id: session.id, master } })
    await thief.connect()
    assert.equal(server.server.counters.resumptions, 1)

    psk = Buffer.alloc(16, 9)
    const stale = new HostileClient(server, { session })
    await stale.greet()
    assert.notDeepEqual(stale.serverHello?.sessionId, session.id)
    psk = PSK
    const gone = new HostileClient(server, { session })
    await gone.greet()
    assert.notDeepEqual(gone.serverHello?.sessionId, session.id, 'forgotten for good')
  })

  it('answers renegotiation_info and SCSV, and rejects a renegotiating hello', async () => {
    const info = new HostileClient(net(), { extensions: [[0xff01, Buffer.from([0])]] })
    await info.connect()
    assert.deepEqual(info.serverHello?.extensions.get(0xff01), Buffer.from([0]))
    const scsv = await new HostileClient(net(), { suites: [0xc0a8, 0x00ff] }).connect()
    assert.deepEqual(scsv.serverHello?.extensions.get(0xff01), Buffer.from([0]))
    const neither = await new HostileClient(net()).connect()
    assert.equal(neither.serverHello?.extensions.has(0xff01), false)
    const again = new HostileClient(net(), { extensions: [[0xff01, Buffer.from([1, 7])]] })
    await again.greet()
    assert.deepEqual(again.alerts, [{ level: 2, description: 40, epoch: 0 }])
    const hello = rawFragment(1, 9, rawHello(neither.helloFields()))
    neither.send(neither.protect(22, hello))
    assert.deepEqual(neither.alerts, [{ level: 1, description: 100, epoch: 1 }])
  })

  it('ignores plaintext records for an established association', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    client.send(client.plain(23, Buffer.from('plain')))
    client.send(client.plain(21, Buffer.from([2, 0])), client.plain(21, Buffer.from([1, 0])))
    client.send(client.plain(22, rawFragment(20, 3, Buffer.alloc(12))))
    assert.deepEqual(server.texts, [])
    assert.deepEqual(server.ended, [])
    assert.equal(server.dropped('plaintext'), 4)
  })

  it('keeps the old association until the new Finished', async () => {
    const server = net()
    const old = await new HostileClient(server, { port: 4000 }).connect()
    const reborn = new HostileClient(server, { port: 4000 })
    await reborn.greet()
    old.send(old.appData('old still lives'))
    assert.deepEqual(server.texts, ['old still lives'])
    assert.equal(server.ended.length, 0)
    await reborn.finish()
    assert.ok(reborn.serverFinished)
    assert.equal(server.ended[0]?.reason, 'the device made a new connection')
    reborn.send(reborn.appData('new lives'))
    old.send(old.appData('old is dead'))
    assert.deepEqual(server.texts, ['old still lives', 'new lives'])
    assert.equal(server.server.counters.associations, 1)
  })

  it('does not start a handshake for a repeated hello of the association', async () => {
    const server = net()
    const client = new HostileClient(server)
    client.send(client.hello())
    const second = client.hello({ cookie: client.cookie })
    client.send(second)
    await client.finish()
    client.send(second)
    assert.equal(server.server.counters.halfOpen, 0)
    assert.equal(server.dropped('replayed'), 1)
  })

  it('moves an association only by the newest authentic record with Connection ID', async () => {
    const server = net()
    const plain = await new HostileClient(server).connect()
    const record = plain.appData('from elsewhere')
    plain.sendFrom('203.0.113.1', 1, record)
    assert.equal(server.dropped('no-association'), 1)

    const client = await new HostileClient(server, { connectionId: NONE }).connect()
    client.send(client.appData('a'))
    const [{ association } = { association: undefined }] = server.messages
    const held = client.appData('held back')
    client.send(client.appData('b'))
    client.sendFrom('203.0.113.1', 1, held)
    assert.equal(association?.address, '192.0.2.1')
    client.sendFrom('203.0.113.1', 1, client.appData('c'))
    assert.equal(association.address, '203.0.113.1')
    assert.equal(association.port, 1)
  })

  it('drops records without Connection ID after negotiating one, including Finished', async () => {
    const server = net()
    const client = new HostileClient(server, { connectionId: CID })
    await client.greet()
    client.send(client.clientKeyExchange())
    await server.settle()
    const finished = client.count(20, client.finishedBody())
    client.send(client.changeCipherSpec(), client.protectPlainly(22, finished))
    assert.equal(server.dropped('connection-id-missing'), 1)
    assert.equal(server.server.counters.associations, 0)
    client.send(client.protect(22, finished))
    assert.ok(client.serverFinished)
    client.send(client.protectPlainly(23, Buffer.from('plain')))
    assert.equal(server.dropped('connection-id-missing'), 2)
    assert.deepEqual(server.texts, [])
  })

  it('limits concurrent lookups, and runs the others in turn', async () => {
    const waiting: (() => void)[] = []
    const psk = (): Promise<Uint8Array> =>
      new Promise((resolve) => waiting.push(() => resolve(PSK)))
    const server = net({ credentials: { psk }, maxLookups: 2 })
    const clients = Array.from({ length: 5 }, () => new HostileClient(server))
    for (const client of clients) await client.connect()
    for (const most of [2, 2, 1]) {
      assert.equal(waiting.length, most)
      for (const answer of waiting.splice(0)) answer()
      await server.settle()
    }
    assert.ok(clients.every(({ serverFinished }) => serverFinished))
  })

  it('limits handshakes in total and per sender, and their time', async () => {
    const server = net({ maxHalfOpen: 3, maxHalfOpenPerAddress: 2, handshakeTimeout: 5000 })
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      await new HostileClient(server, { address }).greet()
    }
    assert.equal(server.server.counters.halfOpen, 3)
    assert.equal(server.dropped('half-open-limit'), 1)
    assert.equal(server.failed('displaced'), 1)
    assert.match(server.warnings.splice(0).join(), /too many DTLS handshakes .*192\.0\.2\.1$/)
    await server.run(4999)
    assert.equal(server.server.counters.halfOpen, 3)
    await server.run(1)
    assert.equal(server.server.counters.halfOpen, 0)
  })

  it('keeps early protected records up to 8 kB', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    const keyExchange = client.clientKeyExchange()
    const ccs = client.changeCipherSpec()
    const finished = client.finished()
    // All before the key exchange: nothing can be decrypted yet.
    client.send(finished)
    for (let i = 0; i < 10; i++) client.send(client.appData('y'.repeat(1000)))
    assert.equal(server.dropped('early-limit'), 2)
    client.send(keyExchange)
    await server.settle()
    client.send(ccs)
    assert.ok(client.serverFinished)
    assert.equal(server.messages.length, 8)
  })

  it('ends the association after too many forged records', async () => {
    const server = net({ maxForgeries: 100 })
    const client = await new HostileClient(server).connect()
    const forged = client.appData('x')
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1
    for (let i = 0; i < 99; i++) client.send(forged)
    assert.equal(server.ended.length, 0)
    client.send(forged)
    assert.match(server.ended[0]?.reason ?? '', /100 forged records/)
    assert.deepEqual(client.alerts, [{ level: 1, description: 0, epoch: 1 }])
  })

  it('ends the association before sequence numbers wrap', async () => {
    const server = net()
    const client = await new HostileClient(server).connect()
    client.send(client.appData('x'))
    const association = server.messages[0]?.association
    assert.ok(association)
    Object.assign(association, { writeSequence: 2 ** 48 - 3 })
    server.server.send(association, Buffer.from('the last'))
    const tooFar = (): void => server.server.send(association, Buffer.from('too far'))
    assert.throws(tooFar, { code: 'association-ended' })
    assert.deepEqual(client.data, ['the last'])
    assert.equal(client.alerts.length, 1)
    assert.match(server.ended[0]?.reason ?? '', /used up/)
  })

  it('limits associations, evicts the longest idle one, but never a pinned one', async () => {
    const server = net({ maxAssociations: 3 })
    const [a, b, c] = await Promise.all(
      [1, 2, 3].map((port) => new HostileClient(server, { port }).connect()),
    )
    assert.ok(a && b && c)
    for (const client of [a, b, c, a]) client.send(client.appData('x'))
    const [ofA, ofB] = server.messages.map(({ association }) => association)
    assert.ok(ofA && ofB)
    server.server.pin(ofB, true)
    await new HostileClient(server, { port: 4 }).connect()
    // b was idle for longest but is pinned, so c was evicted.
    assert.equal(server.ended[0]?.association.port, 3)
    assert.equal(server.server.counters.evictions, 1)
    for (const { association } of server.messages) server.server.pin(association, true)
    await new HostileClient(server, { port: 5 }).connect()
    await new HostileClient(server, { port: 6 }).connect()
    assert.equal(server.server.counters.associations, 3)
    server.server.pin(ofB, false)
    await new HostileClient(server, { port: 7 }).connect()
    assert.equal(server.ended.at(-1)?.association.port, 6)
  })

  it('refuses a new client without keeping state if all associations are pinned', async () => {
    const server = net({ maxAssociations: 1 })
    const client = await new HostileClient(server, { port: 1 }).connect()
    client.send(client.appData('x'))
    const association = server.messages[0]?.association
    assert.ok(association)
    server.server.pin(association, true)
    await new HostileClient(server, { port: 2 }).greet()
    assert.equal(server.dropped('association-limit'), 1)
    assert.equal(server.server.counters.halfOpen, 0)
    // Existing clients can still make a new handshake.
    assert.ok((await new HostileClient(server, { port: 1 }).connect()).serverFinished)
  })

  it('limits sessions and their lifetime', async () => {
    const server = net({ maxSessions: 2, sessionLifetime: 10_000 })
    const clients: HostileClient[] = []
    for (let i = 0; i < 3; i++) clients.push(await new HostileClient(server).connect())
    assert.equal(server.server.counters.sessions, 2)
    const resume = async ({ session }: HostileClient): Promise<boolean> => {
      const before = server.server.counters.resumptions
      await new HostileClient(server, { session }).connect()
      return server.server.counters.resumptions > before
    }
    const [first, , third] = clients
    assert.ok(first && third)
    assert.equal(await resume(third), true)
    assert.equal(await resume(first), false)
    server.clock.advance(10_001)
    assert.equal(await resume(third), false)
  })

  it('keeps no reference to received datagrams', async () => {
    const server = net()
    await new HostileClient(server, { connectionId: CID }).connect()
    const [session] = server.server.exportSessions() as [DtlsSession]
    for (const bytes of [session.id, session.masterSecret, session.credentialCheck]) {
      assert.equal(bytes.buffer.byteLength, bytes.length)
    }
    assert.ok(session.identity.kind === 'psk')
    assert.equal(session.identity.identity.buffer.byteLength, 4)
  })

  it('uses random, unique Connection IDs of 8 bytes, and rejects shorter lengths', async () => {
    const server = net()
    const seen = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const client = await new HostileClient(server, { connectionId: CID }).connect()
      assert.equal(client.serverConnectionId.length, 8)
      seen.add(client.serverConnectionId.toString('hex'))
    }
    assert.equal(seen.size, 50)
    for (let at = 0; at < 16; at += 2) {
      const values = new Set([...seen].map((id) => id.slice(at, at + 2)))
      assert.ok(values.size > 25, `byte ${at / 2} can be guessed`)
    }
    for (const connectionIdLength of [1, 4, 7, 21, 8.5]) {
      assert.throws(() => net({ connectionIdLength }), { code: 'bad-option' })
    }
    const off = await new HostileClient(net({ connectionIdLength: 0 }), {
      connectionId: CID,
    }).connect()
    assert.equal(off.serverHello?.extensions.has(54), false)
    assert.ok(off.serverFinished)
  })

  it('limits an error in a callback to one handshake or message', async () => {
    const server = net({
      credentials: {
        psk: () => PSK,
        get serverKey(): never {
          throw new Error('serverKey broke')
        },
        rawPublicKey: () => true,
      },
    })
    await new HostileClient(server, rpkClient()).greet()
    assert.equal(server.dropped('internal-error'), 1)
    assert.equal(server.server.counters.halfOpen, 0)
    const client = await new HostileClient(server).connect()
    server.server.onMessage = () => {
      throw new Error('onMessage broke')
    }
    client.send(client.appData('x'))
    server.server.onAssociationEnded = () => {
      throw new Error('onAssociationEnded broke')
    }
    client.send(client.protect(21, Buffer.from([1, 0])))
    server.server.onHandshakeFailed = () => {
      throw new Error('onHandshakeFailed broke')
    }
    await new HostileClient(server, { suites: [0x1301] }).greet()
    const one = await new HostileClient(server, { port: 1 }).connect()
    await new HostileClient(server, { port: 2 }).connect()
    one.send(one.appData('x'))
    assert.equal(
      server.server.closeWhere(() => true, 'all of them'),
      2,
    )
    const broke = [
      ...['serverKey', 'onMessage', 'onAssociationEnded', 'onHandshakeFailed'],
      ...['onMessage', 'onAssociationEnded', 'onAssociationEnded'],
    ]
    assert.equal(server.warnings.length, broke.length)
    broke.forEach((name, i) => assert.match(server.warnings[i] ?? '', new RegExp(`${name} broke`)))
    assert.equal(server.server.counters.associations, 0)
    assert.ok((await new HostileClient(server).connect()).serverFinished)
  })

  it('limits an error of the socket to its datagram, also in a timer', async () => {
    const server = net()
    const client = new HostileClient(server)
    await client.greet()
    server.listen(client.address, client.port, () => {
      throw new Error('the socket broke')
    })
    await server.run(1000)
    assert.match(server.warnings[0] ?? '', /could not be sent: the socket broke/)
    assert.equal(server.server.counters.retransmissions, 1)
  })

  it('continues if a session store throws, rejects or never answers', async () => {
    const sessions = {
      load: () => {
        throw new Error('load broke')
      },
      save: () => Promise.reject(new Error('save broke')),
      remove: () => new Promise<void>(() => {}),
    }
    const server = net({ sessions })
    await server.server.start()
    const client = await new HostileClient(server).connect()
    await server.settle()
    assert.ok(client.serverFinished)
    assert.equal(server.server.counters.sessionStoreErrors, 2)
    assert.ok(
      (await new HostileClient(server, { session: client.session }).connect()).serverFinished,
    )
  })

  it('keeps secrets out of reports, errors and their inspection', async () => {
    const server = net()
    await new HostileClient(server, { psk: Buffer.from('another secret!!') }).connect()
    await server.run(60_000, 1000)
    const told = JSON.stringify([server.failures, server.warnings])
    for (const secret of [PSK.toString('hex'), PSK.toString('base64'), JSON.stringify([...PSK])]) {
      assert.equal(told.includes(secret), false)
    }
  })
})
