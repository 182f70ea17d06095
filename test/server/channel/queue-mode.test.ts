import assert from 'node:assert/strict'
import { CON, Opt, optionNumber, type ReadMessage } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import { Harness, OBJECTS, register, registerOk, toLocation } from '../registration/support/harness'

const DELETE = 4
const QUEUE = ['ep=a', 'lwm2m=1.1', 'Q', 'lt=86400']
/** The window of these tests, ms. */
const WINDOW = 5_000

/** The path of a request, `/3/0`. */
function pathOf(message: ReadMessage): string {
  const segments = message.options.filter(([number]) => number === Opt.URI_PATH)
  return '/' + segments.map(([, value]) => String(value)).join('/')
}

/** Answers the next request of the server with 2.04 and returns its path. */
async function answer(device: ScriptedPeer): Promise<string> {
  const request = await device.message()
  await device.send({ type: 2, code: 0x44, mid: request.mid, token: request.token })
  return pathOf(request)
}

describe('queue mode (Core §6.5)', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await Harness.start({ awakeWindow: WINDOW })
  })
  afterEach(() => harness.stop())

  /** A device that registered in queue mode, and sleeps now. */
  async function sleeping(query = QUEUE): Promise<[ScriptedPeer, string]> {
    const [device, id] = await harness.registered(query)
    harness.clock.advance(WINDOW)
    return [device, id]
  }

  const write = (
    path: string,
    options?: Parameters<typeof harness.server.write>[3],
  ): Promise<string> =>
    harness.server.write('a', path, 1, options).then(
      ({ code }) => (code === 0x44 ? 'done' : String(code)),
      (error: { code: string }) => error.code,
    )

  it('a device is awake for its window after each message of whatever kind', async () => {
    const [device, id] = await harness.registered(QUEUE)
    const registration = harness.server.registrations.get('a')
    harness.clock.advance(4_900)
    assert.equal(registration?.state, 'online')
    assert.equal((await device.request(toLocation(id))).code, 0x44)
    harness.clock.advance(4_900)
    assert.equal(registration?.state, 'online')
    // A ping; then an answer to a request.
    await device.barrier()
    harness.clock.advance(4_900)
    const done = write('/1/0/1')
    await answer(device)
    assert.equal(await done, 'done')
    harness.clock.advance(4_900)
    assert.deepEqual(harness.named('asleep'), [])
    harness.clock.advance(200)
    assert.equal(registration?.state, 'asleep')
    assert.equal(harness.named('asleep').length, 1)
    await device.barrier()
    assert.equal(registration?.state, 'online')
    assert.equal(harness.named('awake').length, 1)
  })

  it('a device without queue mode never sleeps', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1'])
    harness.clock.advance(80_000_000)
    assert.equal(harness.server.registrations.get('a')?.state, 'online')
    assert.deepEqual(harness.named('asleep'), [])
  })

  it('waiting requests go out after the 2.04, one at a time, in order', async () => {
    const [device, id] = await sleeping()
    let announced = 0
    const onQueued = (): void => void announced++
    const outcomes = ['/1/0/1', '/1/0/2', '/1/0/3'].map((path) => write(path, { onQueued }))
    assert.equal(announced, 3)
    assert.deepEqual(
      harness.server.queued('a').map(({ operation, path }) => [operation, path]),
      [
        ['write', '/1/0/1'],
        ['write', '/1/0/2'],
        ['write', '/1/0/3'],
      ],
    )
    assert.equal(harness.named('queue').at(-1)?.[1], 3)
    await device.send({ ...toLocation(id), mid: 1, token: '01' })
    assert.equal((await device.message()).code, 0x44)
    for (const path of ['/1/0/1', '/1/0/2', '/1/0/3']) {
      const request = await device.message()
      assert.equal(pathOf(request), path)
      // Nothing else comes before this one is answered.
      await device.barrier()
      assert.deepEqual(device.pending, [])
      await device.send({ type: 2, code: 0x44, mid: request.mid, token: request.token })
    }
    assert.deepEqual(await Promise.all(outcomes), ['done', 'done', 'done'])
    assert.equal(harness.named('queue').at(-1)?.[1], 0)
    // A fourth, after the window: stays.
    harness.clock.advance(WINDOW + 1_000)
    const fourth = write('/1/0/5')
    await device.barrier()
    assert.equal(await answer(device), '/1/0/5')
    assert.equal(await fourth, 'done')
  })

  it('a Send drains the queue too, after its answer', async () => {
    const [device] = await sleeping()
    const done = write('/1/0/1')
    await device.send({
      type: CON,
      code: 2,
      mid: 5,
      token: '05',
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 110],
      ],
      payload: '[{"n":"/3/0/9","v":21}]',
    })
    assert.equal((await device.message()).code, 0x44)
    assert.equal(await answer(device), '/1/0/1')
    assert.equal(await done, 'done')
  })

  it('a request expires when it waited for its time to live', async () => {
    const [device] = await sleeping()
    const [short, long] = [write('/1/0/1', { ttl: 60_000 }), write('/1/0/2', { ttl: 120_000 })]
    harness.clock.advance(60_001)
    assert.equal(await short, 'expired')
    assert.equal(harness.named('queue').at(-1)?.[1], 1)
    await device.barrier()
    assert.equal(await answer(device), '/1/0/2')
    assert.equal(await long, 'done')
  })

  it('the default time to live and length are the configured ones', async () => {
    await harness.stop()
    harness = await Harness.start({ awakeWindow: WINDOW, queue: { ttl: 10_000, maxLength: 2 } })
    await sleeping()
    const [one, two] = [write('/1/0/1'), write('/1/0/2')]
    assert.equal(await write('/1/0/3'), 'queue-full')
    harness.clock.advance(10_001)
    assert.deepEqual([await one, await two], ['expired', 'expired'])
  })

  it('with no time to live a sleeping device is not waited for', async () => {
    const [device] = await sleeping()
    assert.equal(await write('/1/0/1', { ttl: 0 }), 'asleep')
    await device.barrier()
    assert.deepEqual(device.pending, [])
    const done = write('/1/0/1', { ttl: 0 })
    await answer(device)
    assert.equal(await done, 'done')
  })

  it('a later write may take the place of an earlier one of the same path', async () => {
    const [device] = await sleeping()
    const [one, other] = [write('/1/0/1'), write('/1/0/2')]
    const later = write('/1/0/1', { replaceQueued: true })
    assert.equal(await one, 'cancelled')
    const path = (): string[] => harness.server.queued('a').map((queued) => queued.path)
    assert.deepEqual(path(), ['/1/0/1', '/1/0/2'])
    // Without that choice it stands at the end.
    const again = write('/1/0/1')
    assert.deepEqual(path(), ['/1/0/1', '/1/0/2', '/1/0/1'])
    await device.barrier()
    for (let i = 0; i < 3; i++) await answer(device)
    assert.deepEqual(await Promise.all([later, other, again]), ['done', 'done', 'done'])
  })

  it('the latest of several is the one that is replaced, so that the last value wins', async () => {
    const [device] = await sleeping()
    const two = [write('/1/0/1'), write('/1/0/2'), write('/1/0/1')]
    const later = write('/1/0/1', { replaceQueued: true })
    assert.equal(await two[2], 'cancelled')
    assert.deepEqual(
      harness.server.queued('a').map(({ path }) => path),
      ['/1/0/1', '/1/0/2', '/1/0/1'],
    )
    await device.barrier()
    for (let i = 0; i < 3; i++) await answer(device)
    assert.equal(await later, 'done')
  })

  it('takes no place before what changes the same: that would have the last word', async () => {
    await sleeping()
    const { server } = harness
    write('/1/0/1')
    server.write('a', '/1/0', { 1: 5, 2: 6 }).catch(() => {})
    write('/1/0/1', { replaceQueued: true })
    assert.deepEqual(
      server.queued('a').map(({ path }) => path),
      ['/1/0/1', '/1/0', '/1/0/1'],
    )
  })

  it('a partial update takes the place only of one that it says all of', async () => {
    await sleeping()
    const { server } = harness
    const replaceQueued = true
    const say = (promise: Promise<unknown>): void => void promise.catch(() => {})
    say(server.write('a', '/1/0', { 2: 5 }, { replaceQueued }))
    say(server.write('a', '/1/0', { 3: 6 }, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'another resource')
    say(server.write('a', '/1/0', { 3: 7, 6: true }, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'all of the second, and more')
    say(server.write('a', '/1/0', { 1: 60, 7: 'U' }, { replaceQueued, mode: 'replace' }))
    assert.equal(server.queued('a').length, 2, 'the whole instance')
    say(server.write('a', '/1/0', { 1: 60, 7: 'U' }, { replaceQueued }))
    assert.equal(server.queued('a').length, 3, 'the whole instance says more')
    server.cancelQueued('a')
    say(server.writeComposite('a', { '/3/0/14': '+01' }, { replaceQueued }))
    say(server.writeComposite('a', { '/3/0/15': 'UTC' }, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'composite writes of other paths')
    say(server.writeComposite('a', { '/3/0/15': 'CET' }, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'a composite write of the same')
    server.cancelQueued('a')
    say(server.writeAttributes('a', '/3/0/9', { pmin: 5, pmax: 9 }, { replaceQueued }))
    say(server.writeAttributes('a', '/3/0/9', { pmin: 6 }, { replaceQueued }))
    say(server.writeAttributes('a', '/3/0/9', { pmin: null }, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'attributes of other names')
    server.cancelQueued('a')
    say(server.execute('a', '/3/0/4', undefined, { replaceQueued }))
    say(server.execute('a', '/3/0/4', undefined, { replaceQueued }))
    assert.equal(server.queued('a').length, 2, 'nothing that is executed')
  })

  it('a request that could not be delivered expires nevertheless', async () => {
    const [device] = await sleeping()
    const outcome = write('/1/0/1', { ttl: 300_000 })
    await device.barrier()
    await device.message()
    await harness.clock.run(100_000, 1_000)
    assert.equal(harness.server.queued('a').length, 1)
    harness.clock.advance(200_000)
    assert.equal(await outcome, 'expired')
  })

  it('waiting requests can be cancelled, one by one, all, and by signal', async () => {
    const [device] = await sleeping()
    const abort = new AbortController()
    const outcomes = [
      write('/1/0/1'),
      write('/1/0/2', { signal: abort.signal }),
      write('/1/0/3'),
      write('/1/0/5'),
    ]
    abort.abort()
    assert.equal(await outcomes[1], 'cancelled')
    const [first] = harness.server.queued('a')
    assert.equal(harness.server.cancelQueued('a', first?.id), 1)
    assert.equal(harness.server.cancelQueued('a', first?.id), 0)
    assert.equal(await outcomes[0], 'cancelled')
    assert.equal(harness.server.queued('a').length, 2)
    assert.equal(harness.server.cancelQueued('a'), 2)
    assert.equal(harness.server.cancelQueued('nobody'), 0)
    assert.equal(harness.named('queue').at(-1)?.[1], 0)
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('an aborted request under way is cancelled and the next one goes', async () => {
    const [device] = await harness.registered(QUEUE)
    const abort = new AbortController()
    const [one, two] = [write('/1/0/1', { signal: abort.signal }), write('/1/0/2')]
    assert.equal(pathOf(await device.message()), '/1/0/1')
    abort.abort()
    assert.equal(await one, 'cancelled')
    assert.equal(await answer(device), '/1/0/2')
    assert.equal(await two, 'done')
    assert.equal(await write('/1/0/3', { signal: abort.signal }), 'cancelled')
  })

  it('a request that is not acknowledged waits on, first in line, and the device sleeps', async () => {
    const [device] = await harness.registered(QUEUE)
    let announced = 0
    const done = write('/1/0/1', { onQueued: () => void announced++ })
    const next = write('/1/0/2')
    assert.equal(pathOf(await device.message()), '/1/0/1')
    assert.equal(announced, 0)
    // Delivery failed after all retransmissions; the window was over long before.
    await harness.clock.run(100_000, 1_000)
    await harness.seen('asleep')
    assert.equal(announced, 1)
    assert.deepEqual(
      harness.server.queued('a').map(({ path }) => path),
      ['/1/0/1', '/1/0/2'],
    )
    while (device.pending.length > 0) await device.message()
    await device.barrier()
    assert.equal(await answer(device), '/1/0/1')
    assert.equal(await done, 'done')
    assert.equal(await answer(device), '/1/0/2')
    assert.equal(await next, 'done')
  })

  it('or fails, by policy; what waits behind it waits on', async () => {
    await harness.stop()
    harness = await Harness.start({ awakeWindow: WINDOW, queue: { onDeliveryFailure: 'fail' } })
    const [device] = await harness.registered(QUEUE)
    const [one, two] = [write('/1/0/1'), write('/1/0/2')]
    await device.message()
    await harness.clock.run(100_000, 1_000)
    assert.equal(await one, 'timeout')
    assert.equal(harness.server.queued('a')[0]?.path, '/1/0/2')
    while (device.pending.length > 0) await device.message()
    await device.barrier()
    await answer(device)
    assert.equal(await two, 'done')
  })

  it('a request that was acknowledged but never answered fails: the device has it', async () => {
    const [device] = await harness.registered(QUEUE)
    const done = write('/1/0/1')
    const request = await device.message()
    await device.send({ type: 2, code: 0, mid: request.mid })
    await device.barrier()
    await harness.clock.run(100_000, 1_000)
    assert.equal(await done, 'response-timeout')
    assert.equal(harness.server.registrations.get('a')?.state, 'asleep')
  })

  it('a device that owes an answer is not taken to sleep', async () => {
    const [device] = await harness.registered(QUEUE)
    const done = write('/1/0/1')
    const request = await device.message()
    await device.send({ type: 2, code: 0, mid: request.mid })
    await device.barrier()
    await harness.clock.run(30_000, 1_000)
    assert.equal(harness.server.registrations.get('a')?.state, 'online')
    await device.send({ type: CON, code: 0x44, mid: 0x99, token: request.token })
    assert.equal(await done, 'done')
    assert.equal((await device.message()).mid, 0x99)
    harness.clock.advance(WINDOW)
    assert.equal(harness.server.registrations.get('a')?.state, 'asleep')
  })

  it('what waits is kept over a re-registration, and sent after the 2.01', async () => {
    await sleeping()
    const outcomes = [write('/1/0/1'), write('/1/0/2', { ttl: 3_600_000 })]
    const device = await harness.device()
    await device.send({ ...register(QUEUE), type: CON, mid: 1, token: '01' })
    assert.equal((await device.message()).code, 0x41)
    assert.equal(await answer(device), '/1/0/1')
    assert.equal(await answer(device), '/1/0/2')
    assert.deepEqual(await Promise.all(outcomes), ['done', 'done'])
  })

  it('what waits is encoded for the version and formats that the device registers with in between', async () => {
    await sleeping()
    const outcomes = [
      harness.server.write('a', '/1/0/1', 60),
      harness.server.read('a', '/1/0').catch((error: { code: string }) => error.code),
    ]
    const device = await harness.device()
    await registerOk(device, ['ep=a', 'lwm2m=1.0', 'b=UQ'], '</lwm2m>;rt="oma.lwm2m",</lwm2m/1/0>')
    const written = await device.message()
    assert.equal(pathOf(written), '/lwm2m/1/0/1')
    // TLV, as every client of 1.0 has it.
    assert.equal(optionNumber(written, Opt.CONTENT_FORMAT), 11542)
    assert.equal(written.payload.toString('hex'), 'c1013c')
    await device.send({ type: 2, code: 0x44, mid: written.mid, token: written.token })
    const read = await device.message()
    assert.equal(pathOf(read), '/lwm2m/1/0')
    assert.equal(optionNumber(read, Opt.ACCEPT), 11542)
    await device.send({ type: 2, code: 0x84, mid: read.mid, token: read.token })
    const [first, second] = await Promise.all(outcomes)
    assert.equal((first as { code: number }).code, 0x44)
    assert.equal(second, '4.04')
  })

  it('a request that the device cannot be asked any more fails with the reason', async () => {
    await sleeping()
    const composite = harness.server.readComposite('a', ['/1/0/1', '/3/0']).then(
      () => 'done',
      (error: { code: string }) => error.code,
    )
    const after = write('/1/0/2')
    const device = await harness.device()
    await registerOk(device, ['ep=a', 'lwm2m=1.0', 'b=UQ'])
    assert.equal(await answer(device), '/1/0/2')
    assert.deepEqual(await Promise.all([composite, after]), ['unsupported', 'done'])
  })

  it('what was under way is sent again after a re-registration, in order, each once', async () => {
    const [old] = await harness.registered(QUEUE)
    const outcomes = [write('/1/0/1'), write('/1/0/2')]
    await old.message()
    const device = await harness.device()
    await registerOk(device, QUEUE)
    assert.equal(await answer(device), '/1/0/1')
    assert.equal(await answer(device), '/1/0/2')
    assert.deepEqual(await Promise.all(outcomes), ['done', 'done'])
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('but not what may not be done twice, once it was sent', async () => {
    const [old] = await harness.registered(QUEUE)
    const code = (error: { code: string }): string => error.code
    const reboot = harness.server.execute('a', '/3/0/4').then(() => 'done', code)
    const second = harness.server.execute('a', '/3/0/5').then(() => 'done', code)
    assert.equal(pathOf(await old.message()), '/3/0/4')
    const device = await harness.device()
    await registerOk(device, QUEUE)
    assert.equal(await reboot, 'cancelled')
    assert.equal(await answer(device), '/3/0/5')
    assert.equal(await second, 'done')
  })

  it('or dropped, by policy', async () => {
    await harness.stop()
    harness = await Harness.start({ awakeWindow: WINDOW, queue: { onReregister: 'drop' } })
    await sleeping()
    const outcome = write('/1/0/1')
    const device = await harness.device()
    await registerOk(device, QUEUE)
    assert.equal(await outcome, 'cancelled')
    assert.equal(harness.named('queue').at(-1)?.[1], 0)
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('DELETE and expiry drop what waits', async () => {
    const [device, id] = await sleeping()
    const one = write('/1/0/1')
    assert.equal((await device.request(toLocation(id, [], '', DELETE))).code, 0x42)
    assert.equal(await one, 'cancelled')
    await sleeping(['ep=a', 'lwm2m=1.1', 'Q', 'lt=60'])
    const two = write('/1/0/1')
    harness.clock.advance(60_000)
    assert.equal(await two, 'cancelled')
    assert.equal(harness.named('expired').length, 1)
    assert.equal(harness.named('queue').at(-1)?.[1], 0)
  })

  it('the window can be set by endpoint and by pattern, before and at run time', async () => {
    await harness.stop()
    harness = await Harness.start({
      awakeWindow: WINDOW,
      awakeWindows: { 'meter-*': 1_000, 'meter-7': 2_000 },
    })
    for (const ep of ['a', 'meter-1', 'meter-7']) {
      await harness.registered([`ep=${ep}`, 'lwm2m=1.1', 'Q'])
    }
    const asleep = (): string[] => harness.named('asleep').map(([{ endpoint }]) => endpoint)
    harness.clock.advance(1_000)
    assert.deepEqual(asleep(), ['meter-1'])
    harness.clock.advance(1_000)
    assert.deepEqual(asleep(), ['meter-1', 'meter-7'])
    // At run time, counted from the last message: longer, then over at once.
    await harness.server.setAwakeWindow('a', 20_000)
    harness.clock.advance(10_000)
    assert.equal(harness.server.registrations.get('a')?.state, 'online')
    await harness.server.setAwakeWindow('a', undefined)
    harness.clock.advance(1)
    assert.deepEqual(asleep(), ['meter-1', 'meter-7', 'a'])
    await assert.rejects(harness.server.setAwakeWindow('a', -1), { code: 'invalid-argument' })
    await assert.rejects(harness.server.setAwakeWindow('', 1), { code: 'invalid-argument' })
  })

  it('endpoints may be treated as queue-mode devices by pattern', async () => {
    await harness.stop()
    harness = await Harness.start({ awakeWindow: WINDOW, queue: { patterns: ['a*'] } })
    const [device] = await sleeping(['ep=a', 'lwm2m=1.1'])
    assert.equal(harness.server.registrations.get('a')?.queueMode, false)
    const done = write('/1/0/1')
    await device.barrier()
    await answer(device)
    assert.equal(await done, 'done')
  })

  it('1.0 devices queue by their binding, and an Update may end it', async () => {
    const [device, id] = await sleeping(['ep=a', 'lwm2m=1.0', 'b=UQ'])
    const done = write('/1/0/1')
    await device.send({ ...toLocation(id, ['b=U']), mid: 1, token: '01' })
    assert.equal((await device.message()).code, 0x44)
    await answer(device)
    assert.equal(await done, 'done')
    harness.clock.advance(WINDOW * 10)
    assert.equal(harness.server.registrations.get('a')?.state, 'online')
  })

  it('a device without queue mode has its requests in line, bounded, and none is kept', async () => {
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1'], OBJECTS)
    const first = write('/1/0/1')
    const others = Array.from({ length: 1001 }, () => write('/1/0/2'))
    assert.equal(await others.at(-1), 'queue-full')
    assert.equal(pathOf(await device.message()), '/1/0/1')
    await harness.server.stop()
    assert.equal(await first, 'cancelled')
    assert.deepEqual(new Set(await Promise.all(others)), new Set(['cancelled', 'queue-full']))
    await assert.rejects(harness.server.read('a', '/3'), { code: 'not-running' })
  })
})
