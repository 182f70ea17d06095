import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { BootstrapConfiguration } from '../../../src/server/bootstrap'
import { CredentialStore } from '../../../src/server/credentials'
import { MemoryStore } from '../../../src/storage/memory-store'
import { StoreError } from '../../../src/storage/store'
import { codeText, optionNumber, Opt, readCoap } from '../../support/raw-coap'
import { Answer, Ask, Bench, bootstrapRequest, type Content } from './support/scripted-bootstrap'

const PLAIN: BootstrapConfiguration = {
  endpoint: 'a',
  servers: [{ uri: 'coap://s', shortServerId: 101 }],
  discover: false,
  delete: [],
}
/** The same, with the instances of the account in the configuration. */
const PLACED: BootstrapConfiguration = {
  ...PLAIN,
  servers: [{ uri: 'coap://s', shortServerId: 101, securityInstance: 1, serverInstance: 0 }],
}
const PSK: BootstrapConfiguration = {
  endpoint: 'dev-*',
  servers: [{ uri: 'coaps://s', shortServerId: 101, security: 'psk', createCredential: true }],
  discover: false,
  delete: [],
}

const packRequest = (accept: number | undefined, ...query: string[]): Content => ({
  code: 0x01,
  options: [
    [Opt.URI_PATH, 'bspack'],
    ...query.map((one) => [Opt.URI_QUERY, one] as const),
    ...(accept === undefined ? [] : [[Opt.ACCEPT, accept] as const]),
  ],
})

describe('the bootstrap server', () => {
  let bench: Bench
  afterEach(() => bench.stop())

  describe('requests', () => {
    it('that are wrong are refused with the right code, and say why to the operator', async () => {
      bench = await Bench.start({}, PLAIN)
      const device = await bench.device()
      for (const [request, code, reason] of [
        [bootstrapRequest(), 0x80, 'it names no endpoint (ep)'],
        [bootstrapRequest('ep='), 0x80, 'its endpoint name is empty'],
        [bootstrapRequest('ep=a\u0007'), 0x80, 'its endpoint name has control characters'],
        [bootstrapRequest('ep=a', 'ep=b'), 0x80, 'it has the parameter "ep" twice'],
        [
          bootstrapRequest('ep=a', 'pct=abc'),
          0x80,
          'its preferred format (pct) is not a Content-Format',
        ],
        [
          bootstrapRequest('ep=a', 'pct=70000'),
          0x80,
          'its preferred format (pct) is not a Content-Format',
        ],
        [bootstrapRequest('ep=a', 'pct=0'), 0x8f, 'nothing can be written in Content-Format 0'],
        [{ ...bootstrapRequest('ep=a'), code: 0x01 }, 0x85, 'only POST /bs is bootstrapping'],
        [{ ...packRequest(112, 'ep=a'), code: 0x02 }, 0x85, 'only GET /bspack is bootstrapping'],
        [packRequest(40, 'ep=a'), 0x86, 'nothing can be written in Content-Format 40'],
      ] as const) {
        await device.request(request, { code })
        assert.equal(bench.refused.pop()?.reason, reason)
      }
      await device.peer.barrier()
      assert.deepEqual(device.peer.pending, [])
      assert.deepEqual(bench.requests, [])
    })

    it('that are not confirmable start nothing', async () => {
      bench = await Bench.start({}, PLAIN)
      const device = await bench.device()
      await device.peer.send({ type: 1, mid: 5, token: 'cc', ...bootstrapRequest('ep=a') })
      assert.equal(codeText((await device.peer.message()).code), '4.00')
      assert.equal(bench.refused[0]?.reason, 'it is not confirmable')
      assert.equal(bench.server.sessionCount, 0)
    })

    it('for other paths get 4.04', async () => {
      bench = await Bench.start({}, PLAIN)
      const device = await bench.device()
      await device.request({ code: 0x02, options: [[Opt.URI_PATH, 'rd']] }, { code: 0x84 })
      await device.request(
        {
          code: 0x02,
          options: [
            [Opt.URI_PATH, 'bs'],
            [Opt.URI_PATH, 'x'],
          ],
        },
        { code: 0x84 },
      )
    })

    it('with the longest endpoint name, and a format that nobody knows, are read', async () => {
      bench = await Bench.start({}, PLAIN)
      const device = await bench.device()
      await device.request(bootstrapRequest(`ep=${'x'.repeat(252)}`), { code: 0x80 })
      assert.equal(bench.refused[0]?.code, 'unknown-endpoint')
      await device.request(bootstrapRequest('ep=a', 'pct=65535'), { code: 0x8f })
    })

    it('with parameters that nobody knows are taken', async () => {
      bench = await Bench.start({}, PLAIN)
      const device = await bench.device()
      await device.bootstrap('vendor=x', 'ep=a', 'flag')
      assert.equal(bench.requests[0]?.endpoint, 'a')
    })

    it('beyond the limit of sessions get 5.03 and when to come again', async () => {
      bench = await Bench.start({ maxSessions: 1 }, { ...PLAIN, endpoint: '*' })
      const [first, second] = [await bench.device(), await bench.device()]
      await first.bootstrap('ep=a')
      await second.request(bootstrapRequest('ep=b'), { code: 0xa3, options: [[14, 30]] })
      assert.equal(bench.refused[0]?.code, 'overload')
      assert.equal((await first.peer.message()).code, 0x03)
      await first.bootstrap('ep=a')
      assert.equal(bench.refused.length, 1, 'a session of its own makes room for it')
    })

    it('are refused with 5.00 when the configuration does not fit this device', async () => {
      const long: BootstrapConfiguration = {
        ...PSK,
        servers: [{ uri: 'coaps://s', shortServerId: 1, security: 'psk', key: '00' }],
      }
      bench = await Bench.start({}, long)
      const device = await bench.device()
      await device.request(bootstrapRequest(`ep=dev-${'x'.repeat(130)}`), { code: 0xa0 })
      assert.equal(bench.refused[0]?.code, 'invalid-configuration')
      assert.match(bench.refused[0]?.reason ?? '', /servers\[0\]\.identity has more than 128 bytes/)
    })
  })

  describe('under security', () => {
    async function startSecure(): Promise<void> {
      const credentials = new CredentialStore()
      await credentials.setList([{ endpoint: 'a', use: 'bootstrap', key: '00' }])
      bench = await Bench.start({ credentials }, PLAIN)
    }

    it('refuses an endpoint with a bootstrap credential that comes without', async () => {
      await startSecure()
      const device = await bench.device()
      await device.request(bootstrapRequest('ep=a'), { code: 0x80 })
      assert.equal(bench.refused[0]?.code, 'security-required')
      assert.equal(bench.refused[0].endpoint, 'a')
    })

    it('takes the endpoint from the identity, and no other', async () => {
      await startSecure()
      const peer = {
        id: 'dtls:1',
        identity: { kind: 'psk' as const, identity: Buffer.from('a') },
        address: '192.0.2.1',
        port: 1,
        secure: true,
      }
      const ask = (...query: string[]) =>
        bench.server.handle(bench.coap, {
          peer,
          code: 0x02,
          confirmable: true,
          path: ['bs'],
          query,
        } as never)
      assert.equal((await ask()).code, 0x44)
      assert.equal(bench.requests[0]?.endpoint, 'a')
      assert.equal((await ask('ep=b')).code, 0x80)
      assert.equal(bench.refused[0]?.code, 'identity-mismatch')
    })
  })

  describe('decisions', () => {
    const decided = { ...PLAIN, endpoint: undefined } as never

    it('are asked for unknown endpoints where so chosen; the request waits', async () => {
      bench = await Bench.start({ decisions: 'unknown' }, PLAIN)
      const device = await bench.device()
      await device.bootstrap('ep=a')
      assert.equal(bench.requests[0]?.pending, false)
      const other = await bench.device()
      await other.peer.send({ type: 0, mid: 9, token: 'dd', ...bootstrapRequest('ep=b') })
      while (bench.requests.length < 2) await other.peer.barrier()
      const request = bench.requests[1]
      assert.ok(request?.pending)
      assert.equal(request.endpoint, 'b')
      assert.deepEqual(bench.server.pending, [request])
      await bench.clock.run(1000)
      const { type, code } = await other.peer.message()
      assert.deepEqual([type, code], [2, 0], 'an empty ACK while it waits')
      assert.equal(bench.server.decide(request.id, decided), true)
      const answer = await other.peer.message()
      assert.deepEqual([answer.type, answer.code, answer.token], [0, 0x44, 'dd'])
      await other.peer.send({ type: 2, code: 0, mid: answer.mid })
      assert.equal((await other.peer.message()).code, 0x03, 'the session begins')
      assert.equal(bench.server.decide(request.id, decided), false)
    })

    it('may come at once, from the listener itself', async () => {
      bench = await Bench.start({ decisions: 'always' }, PLAIN)
      bench.server.on('request', ({ id }) => bench.server.decide(id, 'stored'))
      const device = await bench.device()
      await device.bootstrap('ep=a')
      assert.equal((await device.peer.message()).code, 0x03)
    })

    it('may refuse', async () => {
      bench = await Bench.start({ decisions: 'always' }, PLAIN)
      bench.server.on('request', ({ id }) => bench.server.decide(id, 'refuse'))
      await (await bench.device()).request(bootstrapRequest('ep=a'), { code: 0x80 })
      assert.equal(bench.refused[0]?.code, 'refused')
    })

    it('that are wrong are told so, and the request goes on waiting', async () => {
      bench = await Bench.start({ decisions: 'always' })
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 9, token: 'dd', ...bootstrapRequest('ep=b') })
      while (bench.requests.length < 1) await device.peer.barrier()
      const { id } = bench.requests[0] ?? assert.fail()
      assert.throws(
        () => bench.server.decide(id, { servers: [{ uri: 'http://x', shortServerId: 1 }] }),
        { code: 'invalid-configuration', message: /servers\[0\]\.uri must begin with coap/ },
      )
      assert.equal(bench.server.pending.length, 1)
      bench.server.decide(id, 'refuse')
    })

    it('that do not come in time: 5.03', async () => {
      bench = await Bench.start({ decisions: 'always', decisionTimeout: 300 }, PLAIN)
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 9, token: 'dd', ...bootstrapRequest('ep=a') })
      while (bench.requests.length < 1) await device.peer.barrier()
      await bench.clock.run(299)
      assert.equal(bench.server.pending.length, 1)
      await bench.clock.run(1)
      const answer = await device.peer.message()
      assert.equal(codeText(answer.code), '5.03')
      assert.equal(bench.refused[0]?.code, 'undecided')
      assert.equal(bench.server.decide(bench.requests[0]?.id ?? '', 'stored'), false)
    })

    it('are for the latest request of a device', async () => {
      bench = await Bench.start({ decisions: 'always' }, PLAIN)
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 9, token: 'd1', ...bootstrapRequest('ep=a') })
      await device.peer.send({ type: 0, mid: 10, token: 'd2', ...bootstrapRequest('ep=a') })
      const answer = await device.peer.message()
      assert.deepEqual([codeText(answer.code), answer.token], ['5.03', 'd1'])
      assert.equal(bench.refused[0]?.code, 'superseded')
      assert.equal(bench.server.pending.length, 1)
    })

    it('wait in bounded number, and end with the server', async () => {
      bench = await Bench.start({ decisions: 'always', maxPending: 1 }, PLAIN)
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 9, token: 'd1', ...bootstrapRequest('ep=a') })
      await device.peer.send({ type: 0, mid: 10, token: 'd2', ...bootstrapRequest('ep=b') })
      const full = await device.peer.message()
      assert.deepEqual([codeText(full.code), full.token], ['5.03', 'd2'])
      await bench.server.stop()
      const stopped = await device.peer.message()
      assert.deepEqual([codeText(stopped.code), stopped.token], ['5.03', 'd1'])
    })

    it('nobody listens for are not waited for', async () => {
      bench = await Bench.start({ decisions: 'always' }, PLAIN)
      bench.ignoreRequests()
      await (await bench.device()).bootstrap('ep=a')
    })
  })

  describe('a Bootstrap-Pack', () => {
    const payload = [
      '8b a321612f0065302f312f30 0368 636f61703a2f2f73', // base "/", "0/1/0" "coap://s"
      'a20065302f312f3104f4 a20065302f312f320203', // 1 false, 2 NoSec
      'a20065302f312f330840 a20065302f312f340840 a20065302f312f350840', // 3, 4, 5 empty
      'a20066302f312f3130021865', // 10 is 101
      'a20065312f302f30021865 a20065312f302f31021a00015180', // /1/0: 0 is 101, 1 is 86400
      'a20065312f302f3604f5 a20065312f302f37036155', // 6 true, 7 "U"
    ].join('')

    it('is handed out as SenML CBOR, and nothing else is sent', async () => {
      bench = await Bench.start({}, PLACED)
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 3, token: 'ee', ...packRequest(112, 'ep=a') })
      const { bytes } = await device.peer.receive()
      const answer = readCoap(bytes)
      assert.deepEqual([answer.type, answer.code, answer.token], [2, 0x45, 'ee'])
      assert.equal(optionNumber(answer, Opt.CONTENT_FORMAT), 112)
      assert.equal(answer.payload.toString('hex'), payload.replaceAll(' ', ''))
      await device.peer.barrier()
      assert.deepEqual(device.peer.pending, [])
      assert.equal((await bench.result()).outcome, 'pack-sent')
    })

    it('is SenML CBOR where the device does not say, and SenML JSON on demand', async () => {
      bench = await Bench.start({}, PLACED)
      const device = await bench.device()
      for (const [accept, format] of [
        [undefined, 112],
        [110, 110],
        [11544, 11544],
      ] as const) {
        await device.peer.send({
          type: 0,
          mid: device.peer.nextMid(),
          token: 'ee',
          ...packRequest(accept, 'ep=a'),
        })
        assert.equal(optionNumber(await device.peer.message(), Opt.CONTENT_FORMAT), format)
      }
    })

    it('is 5.01 where packs are off, for all or for this device, so that it goes on with /bs', async () => {
      bench = await Bench.start({ pack: false }, PLAIN)
      await (await bench.device()).request(packRequest(112, 'ep=a'), { code: 0xa1 })
      await bench.stop()
      bench = await Bench.start({}, { ...PLAIN, pack: false })
      const device = await bench.device()
      await device.request(packRequest(112, 'ep=a'), { code: 0xa1 })
      await device.bootstrap('ep=a')
    })

    it('is 5.01 where an instance would have to be guessed; its session tells what the device has', async () => {
      bench = await Bench.start({}, { ...PLAIN, discover: true })
      const device = await bench.device()
      await device.request(packRequest(112, 'ep=a'), { code: 0xa1 })
      assert.equal(bench.refused[0]?.code, 'pack-unknown')
      await device.bootstrap('ep=a', 'pct=112')
      // The bootstrap account is /0/1, as with many clients, and /0/0 a server's; so is /1/3.
      await device.expect(
        Ask.discover,
        Answer.links('</>;lwm2m=1.2,</0/0>;ssid=7,</0/1>,</1/3>;ssid=7'),
      )
      for (;;) {
        const request = await device.peer.message()
        await device.peer.send({ type: 2, code: 0x44, mid: request.mid, token: request.token })
        if (request.code === 0x02) break
      }
      const [server] = (await bench.result()).servers
      assert.equal((await bench.result()).outcome, 'finished')
      assert.deepEqual([server?.securityInstance, server?.serverInstance], [2, 0])
      await device.peer.send({ type: 0, mid: 3, token: 'ee', ...packRequest(110, 'ep=a') })
      const { code, payload } = await device.peer.message()
      assert.equal(code, 0x45)
      const [first] = JSON.parse(payload.toString()) as { n: string }[]
      assert.equal(first?.n, '0/2/0')
      const pack = await bench.result(1)
      assert.deepEqual(
        pack.servers.map((one) => [one.securityInstance, one.serverInstance]),
        [[2, 0]],
      )
    })

    it('is 4.00 for an unknown endpoint', async () => {
      bench = await Bench.start({}, PLAIN)
      await (await bench.device()).request(packRequest(112, 'ep=b'), { code: 0x80 })
      assert.equal(bench.refused[0]?.code, 'unknown-endpoint')
    })
  })

  describe('createCredential', () => {
    let store: MemoryStore
    let credentials: CredentialStore

    beforeEach(async () => {
      store = new MemoryStore()
      await store.open()
      credentials = new CredentialStore()
      await credentials.open(store)
      bench = await Bench.start({ credentials }, PSK)
    })

    /** Resources 3 and 5 of a written Security instance in TLV. */
    function material(payload: Buffer): { identity: string; key: string } {
      const hex = payload.toString('hex')
      const found = /^c80009636f6170733a2f2f73c10100c10200c803([0-9a-f]{2})(.*)$/.exec(hex)
      assert.ok(found, hex)
      const length = parseInt(found[1] ?? '', 16)
      const identity = Buffer.from((found[2] ?? '').slice(0, 2 * length), 'hex').toString()
      const rest = /^c004c80510([0-9a-f]{32})c10a65$/.exec((found[2] ?? '').slice(2 * length))
      assert.ok(rest, hex)
      return { identity, key: rest[1] ?? '' }
    }

    async function bootstrapOnce(): Promise<{ identity: string; key: string }> {
      const device = await bench.device()
      await device.bootstrap('ep=dev-1')
      const { payload, mid, token } = await device.peer.message()
      const found = material(payload)
      await device.peer.send({ type: 2, mid, token, ...Answer.changed })
      const second = await device.peer.message()
      await device.peer.send({ type: 2, mid: second.mid, token: second.token, ...Answer.changed })
      await device.expect(Ask.finish, Answer.changed)
      return found
    }

    const keyOf = (of: CredentialStore, identity: string) =>
      Buffer.from(of.lookups(['server']).psk(Buffer.from(identity)) ?? '').toString('hex')

    it('writes a new key to the device and takes it itself, kept in the store', async () => {
      const { identity, key } = await bootstrapOnce()
      assert.match(identity, /^dev-1-[0-9a-f]{8}$/)
      assert.equal(keyOf(credentials, identity), key)
      const [info] = credentials.list()
      assert.equal(info?.endpoint, 'dev-1')
      assert.ok(info.generated)
      const restarted = new CredentialStore()
      await restarted.open(store)
      assert.equal(keyOf(restarted, identity), key)
      const result = await bench.result()
      assert.equal(result.servers[0]?.identity, identity)
      assert.equal(result.servers[0]?.credentialCreated, true)
    })

    it('gives up the former key only when the device has finished', async () => {
      const first = await bootstrapOnce()
      await bench.result()
      const device = await bench.device()
      await device.bootstrap('ep=dev-1')
      const { payload } = await device.peer.message()
      const second = material(payload)
      assert.notEqual(second.identity, first.identity)
      assert.notEqual(second.key, first.key)
      assert.equal(keyOf(credentials, first.identity), first.key)
      assert.equal(keyOf(credentials, second.identity), second.key, 'good before the device has it')
      const third = await bootstrapOnce()
      await bench.result(2)
      assert.deepEqual(
        credentials.list().map((one) => one.identity),
        [third.identity],
      )
    })

    it('keeps the former key when the device refused the new one', async () => {
      const first = await bootstrapOnce()
      const device = await bench.device()
      await device.bootstrap('ep=dev-1')
      const write = await device.peer.message()
      await device.peer.send({ type: 2, mid: write.mid, token: write.token, code: 0x80 })
      const second = await device.peer.message()
      await device.peer.send({ type: 2, mid: second.mid, token: second.token, ...Answer.changed })
      await device.expect(Ask.finish, Answer.changed)
      assert.equal((await bench.result(1)).outcome, 'finished-with-errors')
      assert.equal(keyOf(credentials, first.identity), first.key)
    })

    it('sends nothing when the key cannot be kept', async () => {
      store.batch = () => Promise.reject(new StoreError('store-failed', 'disk full'))
      const device = await bench.device()
      await device.bootstrap('ep=dev-1')
      const result = await bench.result()
      assert.deepEqual([result.outcome, result.error?.code], ['aborted', 'store-failed'])
      await device.peer.barrier()
      assert.deepEqual(device.peer.pending, [])
    })

    it('is refused on a server without credentials', async () => {
      await bench.stop()
      bench = await Bench.start({}, PSK)
      await (await bench.device()).request(bootstrapRequest('ep=dev-1'), { code: 0xa0 })
      assert.match(
        bench.refused[0]?.reason ?? '',
        /createCredential needs a server with credentials/,
      )
    })

    it('works by pack too; the key is confirmed by the first registration with it', async () => {
      const [server] = PSK.servers ?? []
      await bench.stop()
      bench = await Bench.start(
        { credentials },
        { ...PSK, servers: [{ ...server, securityInstance: 1, serverInstance: 0 } as never] },
      )
      const before = await bootstrapOnce()
      await bench.result()
      const device = await bench.device()
      await device.peer.send({ type: 0, mid: 3, token: 'ee', ...packRequest(112, 'ep=dev-1') })
      const { payload } = await device.peer.message()
      const result = await bench.result(1)
      const identity = result.servers[0]?.identity ?? ''
      assert.ok(payload.includes(Buffer.from(identity)))
      assert.ok(payload.includes(Buffer.from(keyOf(credentials, identity), 'hex')))
      assert.equal(keyOf(credentials, before.identity), before.key)
      const changed = new Promise((resolve) => credentials.on('changed', resolve))
      const came = { kind: 'psk' as const, identity: Buffer.from(identity) }
      assert.equal(credentials.authority('server').refuse('dev-1', came), undefined)
      await changed
      assert.equal(keyOf(credentials, before.identity), '')
    })

    it('announces nothing secret, but that keys went without security', async () => {
      const { key } = await bootstrapOnce()
      const { requests, progress, results, warnings, refused } = bench
      await bench.result()
      const announced = inspect([requests, progress, results, warnings, refused], { depth: 20 })
      const json = JSON.stringify([requests, progress, results, warnings, refused])
      for (const shown of [announced, json]) {
        assert.ok(!shown.includes(key))
        assert.ok(!shown.includes(Buffer.from(key, 'hex').toString('base64')))
      }
      assert.deepEqual(
        warnings.map((one) => one.code),
        ['bootstrap-insecure'],
      )
    })
  })
})
