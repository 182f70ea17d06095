import assert from 'node:assert/strict'
import type { BootstrapConfiguration } from '../../../src/server/bootstrap'
import { Answer, Ask, Bench, bootstrapRequest } from './support/scripted-bootstrap'

/** NoSec, short server id 101, all else as it is by default. */
const PLAIN: BootstrapConfiguration = {
  endpoint: 'a',
  servers: [{ uri: 'coap://s', shortServerId: 101 }],
}

/** Resources 0, 1, 2, 3, 4, 5, 10 of a Security instance. */
const SECURITY_TLV = 'c80008636f61703a2f2f73 c10100 c10203 c003 c004 c005 c10a65'
/** Resources 0, 1, 6, 7 of a Server instance. */
const SERVER_TLV = 'c10065 c40100015180 c10601 c10755'

const securityCbor = (instance: number) =>
  `87 a321652f302f3${instance}2f0061300368636f61703a2f2f73 a200613104f4 a20061320203 a20061330840 ` +
  'a20061340840 a20061350840 a200623130021865'
const serverCbor = (instance: number) =>
  `84 a321652f312f3${instance}2f006130021865 a2006131021a00015180 a200613604f5 a200613703 6155`

describe('a bootstrap session', () => {
  let bench: Bench
  const start = async (
    configuration: BootstrapConfiguration = PLAIN,
    options: Parameters<typeof Bench.start>[0] = {},
  ) => {
    bench = await Bench.start(options, configuration)
    return bench.device()
  }
  afterEach(() => bench.stop())

  describe('the format', () => {
    it('is what the device prefers (pct): SenML CBOR', async () => {
      const device = await start()
      await device.bootstrap('ep=a', 'pct=112')
      await device.expect(
        Ask.discover,
        Answer.links(
          '</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101;uri="coap://old",</1/0>;ssid=101,</3/0>',
        ),
      )
      await device.expect(Ask.delete('/0/1'), Answer.deleted)
      await device.expect(Ask.delete('/1'), Answer.deleted)
      await device.expect(Ask.write('/0/1', 112, securityCbor(1)), Answer.changed)
      await device.expect(Ask.write('/1/0', 112, serverCbor(0)), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      const result = await bench.result()
      assert.equal(result.outcome, 'finished')
      assert.deepEqual([result.version, result.format, result.error], ['1.1', 112, undefined])
      assert.deepEqual(result.servers, [
        {
          shortServerId: 101,
          uri: 'coap://s',
          security: 'nosec',
          identity: undefined,
          securityInstance: 1,
          serverInstance: 0,
          credentialCreated: false,
        },
      ])
      assert.deepEqual(device.peer.pending, [])
    })

    it('is TLV where nothing is known', async () => {
      const device = await start()
      await device.bootstrap('ep=a')
      await device.expect(Ask.discover, Answer.error(0x84))
      await device.expect(Ask.delete('/0'), Answer.deleted)
      await device.expect(Ask.delete('/1'), Answer.deleted)
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      const result = await bench.result()
      assert.equal(result.outcome, 'finished', 'a device need not know Bootstrap-Discover')
      assert.deepEqual(Bench.steps(result)[0], 'discover / 4.04')
      assert.deepEqual(result.notes, ['the device does not say what it has (4.04)'])
    })

    it('is SenML CBOR where the device says 1.1 or later, TLV where 1.0', async () => {
      const device = await start()
      for (const [version, security, server, format] of [
        ['1.2', securityCbor(1), serverCbor(0), 112],
        ['1.0', SECURITY_TLV, SERVER_TLV, 11542],
      ] as const) {
        await device.bootstrap('ep=a')
        await device.expect(Ask.discover, Answer.links(`</>;lwm2m=${version},</0/0>`))
        await device.expect(Ask.write('/0/1', format, security), Answer.changed)
        await device.expect(Ask.write('/1/0', format, server), Answer.changed)
        await device.expect(Ask.finish, Answer.changed)
      }
    })

    it('is the configured one before all', async () => {
      const device = await start({ ...PLAIN, format: 'tlv', discover: false, delete: [] })
      await device.bootstrap('ep=a', 'pct=112')
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      assert.equal((await bench.result()).outcome, 'finished')
    })

    it('changes when it was a guess and the device answers 4.15', async () => {
      const device = await start()
      await device.bootstrap('ep=a')
      await device.expect(Ask.discover, Answer.links('</>;lwm2m=1.1,</0/0>'))
      await device.expect(Ask.write('/0/1', 112, securityCbor(1)), Answer.error(0x8f))
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      const result = await bench.result()
      assert.equal(result.outcome, 'finished')
      assert.equal(result.format, 11542)
      assert.match(result.notes[0] ?? '', /does not take Content-Format 112: going on with 11542/)
    })

    it('stays when the device asked for it, whatever it answers', async () => {
      const device = await start({ ...PLAIN, delete: [], discover: false })
      await device.bootstrap('ep=a', 'pct=112')
      await device.expect(Ask.write('/0/1', 112, securityCbor(1)), Answer.error(0x8f))
      await device.expect(Ask.write('/1/0', 112, serverCbor(0)), Answer.error(0x8f))
      await device.expect(Ask.finish, Answer.changed)
      assert.equal((await bench.result()).outcome, 'finished-with-errors')
    })
  })

  it('a Delete that is answered 4.04 is not an error: nothing was there', async () => {
    const device = await start({ ...PLAIN, discover: false, delete: ['/1'] })
    await device.bootstrap('ep=a')
    await device.expect(Ask.delete('/1'), Answer.error(0x84))
    await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
    await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
    await device.expect(Ask.finish, Answer.changed)
    const result = await bench.result()
    assert.equal(result.outcome, 'finished')
    assert.equal(result.error, undefined)
    assert.equal(Bench.steps(result)[0], 'delete /1 4.04')
  })

  it('an endpoint without a configuration is refused, and nothing is sent', async () => {
    const device = await start()
    await device.request(bootstrapRequest('ep=b'), { code: 0x80 })
    await device.peer.barrier()
    assert.deepEqual(device.peer.pending, [])
    const [refusal] = bench.refused
    assert.equal(refusal?.code, 'unknown-endpoint')
    assert.equal(refusal.endpoint, 'b')
    assert.equal(refusal.peer.port, device.peer.port)
    assert.equal(bench.server.sessionCount, 0)
  })

  it('the bootstrap account at /0/3 is skipped, never deleted or overwritten', async () => {
    const servers = [101, 102, 103, 104].map((shortServerId) => ({
      uri: 'coap://s',
      shortServerId,
    }))
    const device = await start({ endpoint: 'a', servers })
    await device.bootstrap('ep=a')
    await device.expect(Ask.discover, Answer.links('</>;lwm2m=1.0,</0/1>;ssid=7,</0/3>,</3/0>'))
    await device.expect(Ask.delete('/0/1'), Answer.deleted)
    const security = (ssid: number) => SECURITY_TLV.replace('c10a65', `c10a${ssid.toString(16)}`)
    const server = (ssid: number) => SERVER_TLV.replace('c10065', `c100${ssid.toString(16)}`)
    for (const [instance, ssid] of [
      [0, 101],
      [1, 102],
      [2, 103],
      [4, 104],
    ] as const) {
      await device.expect(Ask.write(`/0/${instance}`, 11542, security(ssid)), Answer.changed)
    }
    for (const [instance, ssid] of [101, 102, 103, 104].entries()) {
      await device.expect(Ask.write(`/1/${instance}`, 11542, server(ssid)), Answer.changed)
    }
    await device.expect(Ask.finish, Answer.changed)
    assert.equal((await bench.result()).outcome, 'finished')
  })

  describe('errors', () => {
    it('of the device are recorded, and the session goes on to Finish', async () => {
      const device = await start({ ...PLAIN, discover: false })
      await device.bootstrap('ep=a')
      await device.expect(Ask.delete('/0'), Answer.error(0x85))
      await device.expect(Ask.delete('/1'), Answer.deleted)
      await device.expect(
        Ask.write('/0/1', 11542, SECURITY_TLV),
        Answer.error(0x80, 'no such mode'),
      )
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      const result = await bench.result()
      assert.equal(result.outcome, 'finished-with-errors')
      assert.deepEqual(Bench.steps(result), [
        'delete /0 4.05',
        'delete /1 2.02',
        'write /0/1 4.00 no such mode',
        'write /1/0 2.04',
        'finish / 2.04',
      ])
      assert.equal(result.error?.code, '4.05')
      assert.equal(result.error.message, 'delete /0: 4.05')
    })

    it('at Finish are a failure', async () => {
      const device = await start({ ...PLAIN, discover: false, delete: [] })
      await device.bootstrap('ep=a')
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.error(0x86, 'inconsistent'))
      const result = await bench.result()
      assert.equal(result.outcome, 'failed')
      assert.equal(result.error?.message, 'finish /: 4.06: inconsistent')
    })

    for (const [what, code, acknowledged] of [
      ['no acknowledgement', 'timeout', false],
      ['an acknowledgement and nothing more', 'response-timeout', true],
    ] as const) {
      it(`${what} ends the session without Finish`, async () => {
        const device = await start({ ...PLAIN, discover: false, delete: [] })
        await device.bootstrap('ep=a')
        await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
        const { mid, token } = await device.next(Ask.write('/1/0', 11542, SERVER_TLV))
        if (acknowledged) {
          await device.peer.send({ type: 2, code: 0, mid })
          await device.peer.barrier()
        }
        await bench.clock.run(120_000, 1000)
        const result = await bench.result()
        assert.equal(result.outcome, 'aborted')
        assert.equal(result.error?.code, code)
        assert.match(Bench.steps(result).join(), /write \/1\/0 none/)
        await device.peer.barrier()
        for (const message of device.peer.pending) {
          assert.deepEqual([message.code, message.mid, message.token], [0x03, mid, token])
        }
        assert.equal(bench.server.sessionCount, 0)
      })
    }

    it('a reset ends it', async () => {
      const device = await start({ ...PLAIN, discover: false })
      await device.bootstrap('ep=a')
      const { mid } = await device.next(Ask.delete('/0'))
      await device.peer.send({ type: 3, code: 0, mid })
      const result = await bench.result()
      assert.deepEqual([result.outcome, result.error?.code], ['aborted', 'reset'])
      await device.peer.barrier()
      assert.deepEqual(device.peer.pending, [])
    })

    it('a discovery reply that cannot be read counts as none', async () => {
      const device = await start()
      await device.bootstrap('ep=a')
      await device.expect(Ask.discover, Answer.links('</0/0'))
      await device.expect(Ask.delete('/0'), Answer.deleted)
      await device.expect(Ask.delete('/1'), Answer.deleted)
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      assert.match((await bench.result()).notes[0] ?? '', /cannot be read/)
    })
  })

  describe('a second request', () => {
    it('replaces the running session', async () => {
      const device = await start({ ...PLAIN, discover: false, delete: [] })
      await device.bootstrap('ep=a')
      await device.next(Ask.write('/0/1', 11542, SECURITY_TLV)) // left unanswered
      await device.bootstrap('ep=a')
      const replaced = await bench.result()
      assert.deepEqual([replaced.outcome, replaced.error?.code], ['replaced', 'cancelled'])
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      await device.expect(Ask.write('/1/0', 11542, SERVER_TLV), Answer.changed)
      await device.expect(Ask.finish, Answer.changed)
      const result = await bench.result(1)
      assert.equal(result.outcome, 'finished')
      assert.notEqual(result.id, replaced.id)
      await device.peer.barrier()
      assert.deepEqual(device.peer.pending, [])
    })

    it('from another address too', async () => {
      const device = await start({ ...PLAIN, discover: false, delete: [] })
      await device.bootstrap('ep=a')
      await device.next(Ask.write('/0/1', 11542, SECURITY_TLV))
      const moved = await bench.device()
      await moved.bootstrap('ep=a')
      assert.equal((await bench.result()).outcome, 'replaced')
      await moved.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      assert.equal(bench.server.sessionCount, 1)
    })

    it('of the same address under another name too', async () => {
      const device = await start({ ...PLAIN, endpoint: '*', discover: false, delete: [] })
      await device.bootstrap('ep=a')
      await device.next(Ask.write('/0/1', 11542, SECURITY_TLV))
      await device.bootstrap('ep=b')
      assert.equal((await bench.result()).outcome, 'replaced')
      await device.expect(Ask.write('/0/1', 11542, SECURITY_TLV), Answer.changed)
      assert.equal(bench.server.sessionCount, 1)
    })

    it('that is a mere repetition of the first does not', async () => {
      const device = await start({ ...PLAIN, discover: false, delete: [] })
      const message = { type: 0, mid: 7, token: 'aa', ...bootstrapRequest('ep=a') }
      await device.peer.send(message)
      const { bytes: first } = await device.peer.receive()
      await device.next(Ask.write('/0/1', 11542, SECURITY_TLV))
      await device.peer.send(message)
      const { bytes: second } = await device.peer.receive()
      assert.deepEqual(second, first)
      assert.equal(bench.requests.length, 1)
      assert.equal(bench.server.sessionCount, 1)
    })
  })

  it('reads /1 and /2 first where it is told to, for the result', async () => {
    const device = await start({ ...PLAIN, read: ['/1', '/2'], delete: ['/1'] })
    await device.bootstrap('ep=a')
    await device.expect(Ask.discover, Answer.links('</>;lwm2m=1.1,</0/0>,</1/0>,</2>'))
    await device.expect(Ask.read('/1', 112), {
      code: 0x45,
      options: [[12, 11542]],
      payload: Buffer.from('080007c10005c201012c', 'hex'),
    })
    await device.expect(Ask.read('/2', 112), Answer.error(0x84))
    await device.expect(Ask.delete('/1'), Answer.deleted)
    await device.expect(Ask.write('/0/1', 112, securityCbor(1)), Answer.changed)
    await device.expect(Ask.write('/1/0', 112, serverCbor(0)), Answer.changed)
    await device.expect(Ask.finish, Answer.changed)
    const result = await bench.result()
    assert.deepEqual(
      result.records.map(({ path, value }) => `${path} ${String(value)}`),
      ['/1/0/0 5', '/1/0/1 300'],
    )
    assert.equal(result.outcome, 'finished-with-errors')
  })

  it('reports its progress step by step', async () => {
    const device = await start({ ...PLAIN, delete: [] })
    await device.bootstrap('ep=a')
    await device.expect(Ask.discover, Answer.links('</>;lwm2m=1.1,</0/0>'))
    await device.expect(Ask.write('/0/1', 112, securityCbor(1)), Answer.changed)
    await device.expect(Ask.write('/1/0', 112, serverCbor(0)), Answer.changed)
    await device.expect(Ask.finish, Answer.changed)
    const { id } = await bench.result()
    assert.deepEqual(
      bench.progress.map(({ step, done, total }) => [step.operation, step.code, done, total]),
      [
        ['discover', '2.05', 1, undefined],
        ['write', '2.04', 2, 4],
        ['write', '2.04', 3, 4],
        ['finish', '2.04', 4, 4],
      ],
    )
    assert.ok(bench.progress.every((one) => one.id === id && one.endpoint === 'a'))
    assert.equal(bench.requests[0]?.id, id)
  })

  it('is ended by the stop of the server, with nothing sent any more', async () => {
    const device = await start({ ...PLAIN, discover: false })
    await device.bootstrap('ep=a')
    await device.next(Ask.delete('/0'))
    await bench.server.stop()
    const result = await bench.result()
    assert.deepEqual([result.outcome, result.error?.code], ['stopped', 'cancelled'])
    await device.request(bootstrapRequest('ep=a'), { code: 0xa3, options: [[14, 30]] })
    assert.equal(bench.refused[0]?.code, 'overload')
  })
})
