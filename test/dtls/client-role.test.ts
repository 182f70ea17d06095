import assert from 'node:assert/strict'
import { CIPHER_SUITES } from '../../src/dtls/ciphers/suites'
import type { DtlsClientCredentials } from '../../src/dtls/client-credentials'
import { PSK, PSK_IDENTITY } from './support/harness'
import { fuzzClientRole } from '../fuzz/client-role-fuzz'
import {
  EndpointPair,
  type Filter,
  keyPair,
  pskClient,
  rpkPair,
  x509Pair,
} from './support/endpoint-pair'

const psk = Buffer.from(PSK_IDENTITY)

/** Records of a datagram: type, epoch, handshake type of the first message. */
function records(datagram: Buffer): { type: number; epoch: number; message: number | undefined }[] {
  const list: { type: number; epoch: number; message: number | undefined }[] = []
  for (let at = 0; at + 13 <= datagram.length;) {
    const type = datagram.readUInt8(at)
    const epoch = datagram.readUInt16BE(at + 3)
    if (type === 25) return [...list, { type, epoch, message: undefined }]
    const plain = type === 22 && epoch === 0
    list.push({ type, epoch, message: plain ? datagram.readUInt8(at + 13) : undefined })
    at += 13 + datagram.readUInt16BE(at + 11)
  }
  return list
}

describe('DTLS client role', () => {
  describe('with our server', () => {
    const kinds = {
      psk: () => ({ server: {}, client: pskClient }),
      'ecdhe-psk': () => ({ server: {}, client: pskClient }),
      'ecdhe-ecdsa': rpkPair,
    }
    for (const { number, name, keyExchange } of CIPHER_SUITES) {
      it(`${name}: completes the handshake, exchanges data, handles close_notify`, async () => {
        const { server, client } = kinds[keyExchange]()
        const pair = new EndpointPair(
          keyExchange === 'ecdhe-ecdsa' ? { credentials: server } : {},
        ).watch()
        const association = await pair.connect({ credentials: client, suites: [number] })
        assert.equal(association.suite, number)
        assert.equal(association.role, 'client')
        pair.exchange(association)
        assert.deepEqual(pair.server.received, ['ping'])
        assert.deepEqual(pair.client.received, ['re:ping'])
        pair.client.endpoint.close(association, 'done')
        assert.equal(pair.server.ended[0]?.reason, 'the device closed the connection')
        assert.equal(pair.clock.pending, 0)
      })
    }

    it('reports that the server closed the connection', async () => {
      const pair = new EndpointPair().watch()
      const association = await pair.connect()
      pair.exchange(association)
      pair.server.endpoint.stop()
      assert.equal(pair.client.ended[0]?.reason, 'the server closed the connection')
      assert.throws(() => pair.client.endpoint.send(association, Buffer.from('x')), {
        code: 'association-ended',
      })
    })

    it('authenticates the server by its raw public key', async () => {
      const { server, client } = rpkPair()
      const pair = new EndpointPair({ credentials: server })
      const { identity } = await pair.connect({ credentials: client })
      assert.deepEqual(identity, {
        kind: 'rpk',
        publicKey: new Uint8Array(server.serverKey?.publicKey ?? []),
      })
    })

    it('authenticates the server by its certificate', async () => {
      const { server, client } = x509Pair()
      const pair = new EndpointPair({ credentials: server })
      const { identity } = await pair.connect({ credentials: client })
      assert.equal(identity.kind === 'x509' ? identity.commonName : undefined, 'server.example')
    })

    it('accepts a pinned certificate without a trust anchor', async () => {
      const { server, client } = x509Pair()
      const pinned = server.serverKey?.certificateChain?.[0]
      assert.ok(pinned !== undefined)
      const pair = new EndpointPair({ credentials: server })
      const certificate: DtlsClientCredentials['certificate'] = ({ leaf, trusted }) => {
        assert.equal(trusted, false)
        return leaf.raw.equals(pinned.raw)
      }
      await pair.connect({ credentials: { keyPair: client.keyPair, certificate } })
    })

    it('sends its raw public key to a server with a certificate', async () => {
      const { server, client } = x509Pair()
      const own = keyPair('client', true)
      const pair = new EndpointPair({
        credentials: {
          serverKey: server.serverKey,
          rawPublicKey: (spki) => Buffer.compare(spki, own.publicKey) === 0,
        },
      }).watch()
      const association = await pair.connect({
        credentials: { keyPair: own, trustAnchors: client.trustAnchors },
      })
      pair.exchange(association)
      assert.equal(pair.serverAssociation?.identity.kind, 'rpk')
      assert.equal(association.identity.kind, 'x509')
    })

    for (const connectionId of ['off', 'send', 'both'] as const) {
      it(`uses Connection IDs in the right direction with ${connectionId}`, async () => {
        const pair = new EndpointPair().watch()
        const association = await pair.connect({ connectionId })
        pair.exchange(association)
        const last = (direction: 'up' | 'down') =>
          pair.datagrams.filter((datagram) => datagram.direction === direction).at(-1)?.bytes[0]
        assert.equal(last('up'), connectionId === 'off' ? 23 : 25)
        assert.equal(last('down'), connectionId === 'both' ? 25 : 23)
        assert.deepEqual(pair.client.received, ['re:ping'])
        // The server finds the client by its Connection ID at any address.
        pair.clientPort++
        pair.client.endpoint.send(association, Buffer.from('moved'))
        assert.equal(pair.server.received.includes('moved'), connectionId !== 'off')
      })
    }

    it('works without Connection IDs if the server has none', async () => {
      const pair = new EndpointPair({ connectionIdLength: 0 }).watch()
      const association = await pair.connect({ connectionId: 'both' })
      pair.exchange(association)
      assert.deepEqual(pair.client.received, ['re:ping'])
    })

    for (const maxFragmentLength of [512, 1024, 2048, 4096] as const) {
      it(`limits the records of both ends with max_fragment_length ${maxFragmentLength}`, async () => {
        const { server, client } = x509Pair()
        const pair = new EndpointPair({ credentials: server }).watch()
        const association = await pair.connect({ credentials: client, maxFragmentLength })
        pair.exchange(association)
        for (const { bytes } of pair.datagrams) {
          for (let at = 0; at < bytes.length; at += 13 + bytes.readUInt16BE(at + 11)) {
            assert.ok(bytes.readUInt16BE(at + 11) <= maxFragmentLength + 64)
          }
        }
        const tooMuch = Buffer.alloc(maxFragmentLength + 1)
        for (const [end, of] of [
          [pair.client, association],
          [pair.server, pair.serverAssociation],
        ] as const) {
          assert.ok(of !== undefined)
          assert.throws(() => end.endpoint.send(of, tooMuch), { code: 'datagram-too-large' })
        }
      })
    }

    it('resumes the last session with a server, only with the same credentials', async () => {
      const pair = new EndpointPair().watch()
      const first = await pair.connect()
      const second = await pair.connect()
      assert.equal(first.resumed, false)
      assert.equal(second.resumed, true)
      assert.equal(pair.client.ended[0]?.association, first)
      pair.exchange(second)
      assert.deepEqual(pair.client.received, ['re:ping'])
      assert.equal((await pair.connect({ resume: false })).resumed, false)
      const others: DtlsClientCredentials = { psk: { identity: psk, key: PSK } }
      assert.equal((await pair.connect({ credentials: others })).resumed, false)
    })

    it('resumes sessions with certificates, until they expire', async () => {
      const { server, client } = x509Pair()
      const pair = new EndpointPair({ credentials: server })
      await pair.connect({ credentials: client })
      const again = await pair.connect({ credentials: client })
      assert.equal(again.resumed, true)
      assert.equal(again.identity.kind, 'x509')
      pair.clock.advance(25 * 3_600_000)
      const { resumed } = await pair.connect({ credentials: client })
      assert.equal(resumed, false)
    })

    it('performs a full handshake if the server has no session', async () => {
      const pair = new EndpointPair({ maxSessions: 1 })
      await pair.connect()
      pair.server.endpoint.closeWhere(() => true, 'all sessions go')
      assert.equal((await pair.connect()).resumed, false)
      assert.equal((await pair.connect()).resumed, true)
    })

    it('retransmits its last flight when the server requests it', async () => {
      const pair = new EndpointPair().watch()
      await pair.connect()
      // The client's ChangeCipherSpec and Finished of the resumption are lost once.
      let lost = 0
      pair.filter = (datagram, direction) => {
        const isLast = direction === 'up' && records(datagram)[0]?.type === 20
        if (isLast && lost++ === 0) return []
        return [datagram]
      }
      const association = await pair.connect()
      assert.equal(pair.server.endpoint.counters.resumptions, 0)
      pair.clock.advance(1000)
      assert.equal(lost, 2)
      assert.equal(pair.server.endpoint.counters.resumptions, 1)
      pair.exchange(association)
      assert.deepEqual(pair.client.received, ['re:ping'])
    })

    it('completes if each flight is lost once', async () => {
      const { server, client } = x509Pair()
      const pair = new EndpointPair({ credentials: server }).watch()
      const seen = new Set<string>()
      pair.filter = (datagram, direction) => {
        const [first] = records(datagram)
        const kind = `${direction} ${first?.type} ${first?.message} ${datagram.length > 200}`
        if (seen.has(kind)) return [datagram]
        seen.add(kind)
        return []
      }
      const connecting = pair.connect({ credentials: client })
      for (let i = 0; i < 40; i++) {
        await pair.settle()
        pair.clock.advance(1000)
      }
      const association = await connecting
      pair.filter = (datagram) => [datagram]
      pair.exchange(association)
      assert.deepEqual(pair.client.received, ['re:ping'])
    })

    it('requests another cookie if its secret has changed', async () => {
      const pair = new EndpointPair({ cookieLifetime: 1000 })
      // Hellos with a cookie are lost until both secrets have expired.
      let lost = 0
      pair.filter = (datagram, direction) => {
        // Offset of the cookie's length, after an empty session id.
        const isSecond = direction === 'up' && (datagram[60] ?? 0) > 0
        if (!isSecond || pair.clock.monotonic() >= 3000) return [datagram]
        lost++
        return []
      }
      const connecting = pair.connect()
      pair.clock.advance(3000)
      await connecting
      assert.ok(lost > 0)
      assert.ok(pair.server.endpoint.counters.helloVerifyRequests >= 2)
    })
  })

  describe('end of an attempt', () => {
    it('fails with handshake-timeout without an answer, and keeps no state', async () => {
      const pair = new EndpointPair()
      pair.filter = () => []
      const connecting = pair.connect({ timeout: 5000, connectionId: 'both' })
      pair.clock.advance(5000)
      await assert.rejects(connecting, { code: 'handshake-timeout' })
      assert.equal(pair.clock.pending, 0)
      assert.equal(pair.client.endpoint.counters.halfOpen, 0)
      // 0, 1 and 3 seconds: doubling.
      assert.equal(pair.datagrams.length, 3)
    })

    it('fails with handshake-timeout with a wrong key', async () => {
      const pair = new EndpointPair()
      const credentials = { psk: { identity: psk, key: Buffer.from('wrong') } }
      const connecting = pair.connect({ credentials, timeout: 8000 })
      await pair.settle()
      pair.clock.advance(8000)
      await assert.rejects(connecting, { code: 'handshake-timeout' })
    })

    it('fails with the alert of the server', async () => {
      const pair = new EndpointPair({ requireEncryptThenMac: true })
      pair.filter = (datagram, direction) =>
        direction === 'up'
          ? [Buffer.from(datagram.toString('hex').replace('00160000', '00990000'), 'hex')]
          : [datagram]
      const connecting = pair.connect({ suites: [0x00ae] })
      pair.clock.advance(1000)
      await assert.rejects(connecting, { code: 'peer-alert', message: /handshake_failure/ })
    })

    it('continues after a forged alert', async () => {
      const pair = new EndpointPair()
      pair.filter = (datagram, direction) =>
        direction === 'up'
          ? [datagram]
          : [Buffer.from('15fefd000000000000000900020228', 'hex'), datagram]
      await pair.connect()
      assert.equal(pair.clock.pending, 0)
    })

    it('ends when it is aborted, and when the endpoint stops', async () => {
      const pair = new EndpointPair()
      pair.filter = () => []
      const controller = new AbortController()
      const aborted = pair.connect({ signal: controller.signal })
      controller.abort()
      await assert.rejects(aborted, { code: 'stopped' })
      const stopped = pair.connect()
      pair.client.endpoint.stop()
      await assert.rejects(stopped, { code: 'stopped' })
      await assert.rejects(pair.connect(), { code: 'stopped' })
      assert.equal(pair.clock.pending, 0)
    })

    it('rejects credentials that support no suite', async () => {
      await assert.rejects(new EndpointPair().connect({ credentials: {} }), {
        code: 'no-common-suite',
      })
    })

    for (const [what, change, code] of [
      ['an unknown raw public key', { rawPublicKey: () => false }, 'unknown-public-key'],
      [
        'a lookup that fails',
        { rawPublicKey: () => Promise.reject(new Error('no')) },
        'credential-error',
      ],
    ] as const) {
      it(`fails with ${what}`, async () => {
        const { server, client } = rpkPair()
        const pair = new EndpointPair({ credentials: server })
        const connecting = pair.connect({ credentials: { ...client, ...change } })
        await assert.rejects(connecting, { code })
        assert.equal(pair.client.endpoint.counters.associations, 0)
      })
    }

    it('fails with a certificate without a trust anchor', async () => {
      const { server, client } = x509Pair()
      const pair = new EndpointPair({ credentials: server })
      const trustAnchors = keyPair('another.example').certificateChain
      const connecting = pair.connect({ credentials: { ...client, trustAnchors } })
      await assert.rejects(connecting, { code: 'untrusted-certificate' })
    })
  })

  describe('with a malicious server', () => {
    /** Changes the body of a plaintext handshake message of the server. */
    const change =
      (type: number, edit: (body: Buffer) => void): Filter =>
      (datagram, direction) => {
        const bytes = Buffer.from(datagram)
        for (let at = 0; direction === 'down' && at + 25 <= bytes.length;) {
          const end = at + 13 + bytes.readUInt16BE(at + 11)
          const plain = bytes[at] === 22 && bytes.readUInt16BE(at + 3) === 0
          if (plain && bytes[at + 13] === type) edit(bytes.subarray(at + 25, end))
          at = end
        }
        return [bytes]
      }
    const cases: readonly (readonly [string, number, (body: Buffer) => void, string])[] = [
      ['another version', 2, (body) => body.writeUInt16BE(0xfeff, 0), 'version'],
      [
        'a suite that was not offered',
        2,
        (b) => b.writeUInt16BE(0x0002, 35 + (b[34] ?? 0)),
        'illegal-parameter',
      ],
      ['compression', 2, (b) => b.writeUInt8(1, 37 + (b[34] ?? 0)), 'illegal-parameter'],
      // The type of the first extension, renegotiation_info.
      [
        'an extension that was not offered',
        2,
        (b) => b.writeUInt16BE(35, 40 + (b[34] ?? 0)),
        'illegal-parameter',
      ],
      ['lengths beyond the message', 2, (body) => body.writeUInt8(33, 34), 'decode-error'],
      ['another curve', 12, (body) => body.writeUInt16BE(24, 1), 'illegal-parameter'],
      [
        'other key exchange parameters',
        12,
        (body) => body.writeUInt8((body[40] ?? 0) ^ 1, 40),
        'bad-signature',
      ],
    ]
    for (const [what, type, edit, code] of cases) {
      it(`fails with ${code} on ${what}`, async () => {
        const { server, client } = x509Pair()
        const pair = new EndpointPair({ credentials: server })
        pair.filter = change(type, edit)
        await assert.rejects(pair.connect({ credentials: client }), { code })
        assert.equal(pair.client.endpoint.counters.associations, 0)
      })
    }

    it('detects a modified hello by the Finished', async () => {
      const pair = new EndpointPair()
      // The server's random: keys and transcripts differ from here on.
      pair.filter = change(2, (body) => body.writeUInt8((body[2] ?? 0) ^ 1, 2))
      const connecting = pair.connect({ timeout: 5000 })
      await pair.settle()
      pair.clock.advance(5000)
      await assert.rejects(connecting, { code: 'handshake-timeout' })
      assert.equal(pair.client.endpoint.counters.associations, 0)
    })

    it('rejects early messages: Finished in plaintext, ServerHelloDone first', async () => {
      const pair = new EndpointPair()
      pair.filter = (datagram, direction) => (direction === 'up' ? [] : [datagram])
      const early = pair.connect({ timeout: 5000 })
      // ServerHelloDone instead of ServerHello.
      pair.inject('down', Buffer.from('16fefd0000000000000000000c0e0000000000000000000000', 'hex'))
      await assert.rejects(early, { code: 'unexpected-message' })
      const plain = pair.connect({ timeout: 5000 })
      const finished = `16fefd00000000000000000018140000 0c0000000000 00000c${'00'.repeat(12)}`
      pair.inject('down', Buffer.from(finished.replaceAll(' ', ''), 'hex'))
      pair.inject('down', Buffer.from('17fefd00000000000000020003616263', 'hex'))
      pair.clock.advance(5000)
      await assert.rejects(plain, { code: 'handshake-timeout' })
      assert.deepEqual(pair.client.received, [])
    })

    it('rejects fragments that contradict each other', async () => {
      const pair = new EndpointPair()
      pair.filter = (datagram, direction) => (direction === 'up' ? [] : [datagram])
      const connecting = pair.connect({ timeout: 5000 })
      const fragment = (sequence: string, byte: string): Buffer =>
        Buffer.from(
          `16fefd0000000000000${sequence}000d0200004600000000000000 01${byte}`.replaceAll(' ', ''),
          'hex',
        )
      pair.inject('down', fragment('001', 'fe'))
      pair.inject('down', fragment('002', 'ff'))
      await assert.rejects(connecting, { code: 'illegal-parameter' })
    })

    it('drops replayed and forged records of an association, and continues', async () => {
      const pair = new EndpointPair().watch()
      const association = await pair.connect()
      pair.exchange(association)
      const last = pair.datagrams.filter(({ direction }) => direction === 'down').at(-1)
      assert.ok(last !== undefined)
      pair.inject('down', last.bytes)
      const forged = Buffer.from(last.bytes)
      forged.writeUInt8((forged.at(-1) ?? 0) ^ 1, forged.length - 1)
      forged.writeUInt8(99, 10)
      pair.inject('down', forged)
      assert.deepEqual(pair.client.received, ['re:ping'])
      const { dropped } = pair.client.endpoint.counters
      assert.deepEqual([dropped.replayed, dropped.forged], [1, 1])
      pair.exchange(association, 'again')
      assert.deepEqual(pair.client.received, ['re:ping', 're:again'])
    })

    it('handles handshakes whose datagrams are modified', () => fuzzClientRole(300, 5))
  })

  describe('on a socket that also serves', () => {
    it('lets both ends connect to each other, one after the other', async () => {
      const pair = new EndpointPair({}, { accept: true, credentials: { psk: () => PSK } }).watch()
      const association = await pair.connect()
      pair.exchange(association)
      const back = await pair.server.endpoint.connect('192.0.2.2', 40_000, {
        credentials: pskClient,
      })
      assert.equal(back.role, 'client')
      // The device has one association: the newest, in either role.
      assert.equal(association.ended, true)
      pair.server.endpoint.send(back, Buffer.from('from the server'))
      assert.deepEqual(pair.client.received, ['re:ping', 'from the server'])
    })

    it('establishes one association if both start at once', async () => {
      const pair = new EndpointPair({}, { accept: true, credentials: { psk: () => PSK } })
      const up: Buffer[] = []
      pair.filter = (datagram, direction) => {
        if (direction === 'down') return [datagram]
        up.push(datagram)
        return []
      }
      const fromClient = pair.connect()
      const fromServer = pair.server.endpoint.connect('192.0.2.2', 40_000, {
        credentials: pskClient,
      })
      fromServer.catch(() => {})
      pair.filter = (datagram) => [datagram]
      for (const datagram of up) pair.inject('up', datagram)
      for (let i = 0; i < 10; i++) {
        await pair.settle()
        pair.clock.advance(1000)
      }
      const [a, b] = await Promise.all([fromClient, fromServer])
      assert.equal(a.ended || b.ended, false)
      pair.client.endpoint.send(a, Buffer.from('up'))
      pair.server.endpoint.send(b, Buffer.from('down'))
      assert.deepEqual(pair.server.received, ['up'])
      assert.deepEqual(pair.client.received, ['down'])
    })

    it('answers no hello if it only connects', () => {
      const pair = new EndpointPair()
      pair.connect().catch(() => {})
      const hello = pair.datagrams[0]?.bytes ?? Buffer.alloc(0)
      const before = pair.datagrams.length
      pair.inject('down', hello)
      assert.equal(pair.client.endpoint.counters.dropped.unexpected, 1)
      assert.equal(pair.datagrams.length, before)
    })
  })
})
