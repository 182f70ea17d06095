import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, optionTexts } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { ask, next, POST, PUT, Scene, SMALL } from './support/server'

const TEXT = 0

describe('client registration', () => {
  let scene: Scene
  afterEach(() => scene.close())

  it('registers with its parameters and its object list', async () => {
    scene = await Scene.open()
    await scene.client.start()
    assert.equal(scene.client.state, 'registering')
    const request = await scene.acceptRegistration()
    assert.equal(request.type, 0)
    assert.equal(request.code, 0x02)
    assert.deepEqual(optionTexts(request, Opt.URI_QUERY), ['ep=dev1', 'lt=60', 'lwm2m=1.1', 'b=U'])
    assert.equal(optionNumber(request, Opt.CONTENT_FORMAT), 40)
    assert.equal(
      request.payload.toString(),
      '</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303>;ver=1.1,</3303/0>',
    )
    assert.equal(scene.client.state, 'registered')
    const [registration] = scene.client.registrations
    assert.deepEqual(registration?.location, ['rd', 'abc'])
    assert.equal(registration?.version, '1.1')
  })

  it('sends all parameters of its options', async () => {
    scene = await Scene.open({
      version: '1.1',
      lifetime: 86_400,
      binding: 'UT',
      queueMode: true,
      sms: '491234567',
      alternateRoot: 'lwm2m',
      attributes: { site: 'roof', flag: '' },
      sendEndpoint: false,
      formats: [11542, 0],
      objects: { 3: { version: '1.0', 0: {} }, 9: { version: '2.0' } },
    })
    await scene.client.start()
    const request = await scene.acceptRegistration()
    assert.deepEqual(optionTexts(request, Opt.URI_QUERY), [
      'lt=86400',
      'lwm2m=1.1',
      'b=UT',
      'Q',
      'sms=491234567',
      'site=roof',
      'flag',
    ])
    assert.equal(
      request.payload.toString(),
      '</lwm2m>;rt="oma.lwm2m";ct=11542,</lwm2m/1/0>,</lwm2m/3>;ver=1.0,</lwm2m/3/0>,</lwm2m/9>;ver=2.0',
    )
  })

  it('includes queue mode in the binding in 1.0', async () => {
    scene = await Scene.open({ version: '1.0', queueMode: true, binding: 'US' })
    await scene.client.start()
    const request = await scene.acceptRegistration()
    assert.deepEqual(optionTexts(request, Opt.URI_QUERY), [
      'ep=dev1',
      'lt=60',
      'lwm2m=1.0',
      'b=UQS',
    ])
  })

  it('falls back to a lower version on 4.12', async () => {
    scene = await Scene.open({ version: '1.2' })
    await scene.client.start()
    const versions: string[] = []
    for (let i = 0; i < 2; i++) {
      const request = await scene.server.message()
      versions.push(optionTexts(request, Opt.URI_QUERY)[2] ?? '')
      await scene.reply(request, 0x8c)
    }
    const accepted = await scene.acceptRegistration()
    versions.push(optionTexts(accepted, Opt.URI_QUERY)[2] ?? '')
    assert.deepEqual(versions, ['lwm2m=1.2', 'lwm2m=1.1', 'lwm2m=1.0'])
    assert.equal(scene.client.registrations[0]?.version, '1.0')
    // And uses that version from then on.
    assert.equal((await ask(scene, 1, '/3/0/9')).format, 11542)
  })

  it('updates before the lifetime ends, without parameters that did not change', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, lifetime: 60 })
    const updated = next(scene.client, 'updated')
    await clock.run(29_999)
    await scene.server.barrier()
    assert.equal(scene.server.pending.length, 0)
    await clock.run(1)
    const update = await scene.server.message()
    assert.equal(update.code, 0x02)
    assert.deepEqual(optionTexts(update, Opt.URI_PATH), ['rd', 'abc'])
    assert.deepEqual(optionTexts(update, Opt.URI_QUERY), [])
    assert.equal(update.payload.length, 0)
    await scene.reply(update, 0x44)
    await updated
    await clock.run(30_000)
    assert.equal((await scene.server.message()).code, 0x02)
  })

  it('updates at once when a server writes the lifetime', async () => {
    scene = await Scene.registered()
    const answer = await ask(scene, PUT, '/1/0/1', { format: TEXT, payload: '120' })
    assert.equal(answer.code, '2.04')
    const update = await scene.server.message()
    assert.deepEqual(optionTexts(update, Opt.URI_QUERY), ['lt=120'])
    const updated = next(scene.client, 'updated')
    await scene.reply(update, 0x44)
    assert.equal((await updated)[0].lifetime, 120)
    assert.equal((await ask(scene, PUT, '/1/0/1', { format: TEXT, payload: '0' })).code, '4.00')
  })

  it('sends one Update for several created and deleted instances', async () => {
    scene = await Scene.registered()
    scene.client.createInstance('/3303/1', { 5700: 5 })
    scene.client.createInstance('/3303/2', { 5700: 6 })
    scene.client.deleteInstance('/3303/0')
    const update = await scene.server.message()
    assert.equal(
      update.payload.toString(),
      '</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303>;ver=1.1,</3303/1>,</3303/2>',
    )
    await scene.reply(update, 0x44)
    await scene.server.barrier()
    assert.deepEqual(scene.server.pending, [])
    assert.throws(() => scene.client.deleteInstance('/3303/0'), { code: 'unknown-path' })
    assert.throws(() => scene.client.createInstance('/3303/1', {}), { code: 'invalid-argument' })
    assert.throws(() => scene.client.createInstance('/3/1', {}), { code: 'invalid-argument' })
  })

  it('sends another Update for what changed during an Update', async () => {
    scene = await Scene.registered()
    scene.client.createInstance('/3303/1', { 5700: 5 })
    const first = await scene.server.message()
    scene.client.deleteInstance('/3303/1')
    await scene.reply(first, 0x44)
    const second = await scene.server.message()
    assert.equal(
      second.payload.toString(),
      '</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303>;ver=1.1,</3303/0>',
    )
    await scene.reply(second, 0x44)
    await scene.server.barrier()
    assert.deepEqual(scene.server.pending, [])
  })

  it('updates on request of its owner and by Execute /1/0/8', async () => {
    scene = await Scene.registered()
    const done = scene.client.update()
    await scene.reply(await scene.server.message(), 0x44)
    await done
    assert.equal((await ask(scene, POST, '/1/0/8')).code, '2.04')
    const update = await scene.server.message()
    assert.deepEqual(optionTexts(update, Opt.URI_PATH), ['rd', 'abc'])
    await scene.reply(update, 0x44)
  })

  it('registers again on 4.04, and ends its observations', async () => {
    scene = await Scene.registered()
    await ask(scene, 1, '/3/0/9', { observe: 0, accept: TEXT, token: 'aa' })
    const done = scene.client.update()
    await scene.reply(await scene.server.message(), 0x84)
    await scene.acceptRegistration(['rd', 'def'])
    await done
    assert.deepEqual(scene.client.registrations[0]?.location, ['rd', 'def'])
    assert.deepEqual(scene.client.observations, [])
  })

  it('registers again when an Update is not answered', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, coap: { ackTimeout: 1000, maxRetransmit: 0 } })
    const warned = next(scene.client, 'warning')
    const done = scene.client.update()
    await scene.server.message()
    await clock.run(2000)
    assert.equal((await warned)[0].code, 'update-failed')
    await scene.acceptRegistration()
    await done
  })

  it('backs off when it is rejected', async () => {
    const clock = new FakeClock()
    scene = await Scene.open({ clock, retry: { timer: 10 } })
    await scene.client.start()
    for (const pause of [10_000, 20_000, 40_000]) {
      const warned = next(scene.client, 'warning')
      await scene.reply(await scene.server.message(), 0x83, { payload: 'who are you' })
      const [warning] = await warned
      assert.equal(warning.code, 'register-4.03')
      assert.match(warning.message, /4\.03 Forbidden: who are you/)
      assert.equal(scene.client.state, 'waiting')
      await clock.run(pause - 1)
      await scene.server.barrier()
      assert.deepEqual(scene.server.pending, [])
      await clock.run(1)
    }
    await scene.acceptRegistration()
    assert.equal(scene.client.state, 'registered')
  })

  it('gives up according to /1/0/17 to 20, until an Update is requested', async () => {
    const clock = new FakeClock()
    scene = await Scene.open({
      clock,
      objects: { ...SMALL, 1: { 0: { 0: 1, 17: 2, 18: 5, 19: 100, 20: 1 } } },
    })
    await scene.client.start()
    await scene.reply(await scene.server.message(), 0x80)
    await next(scene.client, 'warning')
    await clock.run(5000)
    await scene.reply(await scene.server.message(), 0x80)
    while (scene.client.state !== 'failed') await next(scene.client, 'state')
    await clock.run(1_000_000)
    await scene.server.barrier()
    assert.deepEqual(scene.server.pending, [])
    const done = scene.client.update()
    await scene.acceptRegistration()
    await done
  })

  it('de-registers, and closes its port', async () => {
    scene = await Scene.registered()
    const port = scene.server.target?.port ?? 0
    const deregistered = next(scene.client, 'deregistered')
    const stopped = scene.client.stop()
    const request = await scene.server.message()
    assert.equal(request.code, 0x04)
    assert.deepEqual(optionTexts(request, Opt.URI_PATH), ['rd', 'abc'])
    await scene.reply(request, 0x42)
    await stopped
    await deregistered
    assert.equal(scene.client.state, 'stopped')
    const again = await ScriptedPeer.open(port)
    await again.close()
  })

  it('stops within the timeout without an answer', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock })
    const stopped = scene.client.stop({ timeout: 3000 })
    assert.equal((await scene.server.message()).code, 0x04)
    await clock.run(3000)
    await stopped
    assert.equal(clock.pending, 0)
  })

  it('de-registers a registration that the server makes while the client stops', async () => {
    scene = await Scene.open()
    await scene.client.start()
    const request = await scene.server.message()
    const stopped = scene.client.stop({ timeout: 10_000 })
    await scene.reply(request, 0x41, {
      options: [
        [Opt.LOCATION_PATH, 'rd'],
        [Opt.LOCATION_PATH, 'late'],
      ],
    })
    const last = await scene.server.message()
    assert.equal(last.code, 0x04)
    assert.deepEqual(optionTexts(last, Opt.URI_PATH), ['rd', 'late'])
    await scene.reply(last, 0x42)
    await stopped
  })

  it('starts again after a stop', async () => {
    scene = await Scene.registered()
    await scene.client.stop({ deregister: false })
    await scene.client.stop()
    await scene.client.start()
    await scene.client.start()
    await scene.acceptRegistration()
  })

  it('is disabled for a time by Execute /1/0/4', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await ask(scene, PUT, '/1/0/5', { format: TEXT, payload: '600' })
    assert.equal((await ask(scene, POST, '/1/0/4')).code, '2.04')
    const request = await scene.server.message()
    assert.equal(request.code, 0x04)
    const disabled = next(scene.client, 'state')
    await scene.reply(request, 0x42)
    assert.equal((await disabled)[0], 'disabled')
    await clock.run(599_999, 60_000)
    await scene.server.barrier()
    assert.deepEqual(scene.server.pending, [])
    await clock.run(1)
    await scene.acceptRegistration()
  })

  it('reboots by Execute /3/0/4 without communication, then registers again', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, rebootTime: 5000 })
    const off = next(scene.client, 'state')
    assert.equal((await ask(scene, POST, '/3/0/4')).code, '2.04')
    assert.equal((await off)[0], 'waiting')
    // Off: it does not even answer a ping.
    await scene.server.send({ type: 0, code: 0, mid: 1 })
    await clock.run(4999)
    assert.deepEqual(scene.server.pending, [])
    await clock.run(1)
    await scene.acceptRegistration()
  })
})

describe('client options', () => {
  it('are rejected with a reason if invalid', () => {
    const make = (options: object): Lwm2mClient =>
      new Lwm2mClient({ endpoint: 'x', server: 'coap://127.0.0.1', ...options })
    const wrong: [object, string, RegExp][] = [
      [{ endpoint: '' }, 'invalid-argument', /endpoint is empty/],
      [{ server: undefined }, 'invalid-argument', /a server or a bootstrap server/],
      [{ server: 'http://x' }, 'invalid-argument', /not a server URI/],
      [{ server: 'coaps://x' }, 'invalid-argument', /needs a key or a certificate/],
      [{ lifetime: 0 }, 'invalid-argument', /lifetime/],
      [{ shortServerId: 65_535 }, 'invalid-argument', /Short Server ID/],
      [{ objects: { x: {} } }, 'invalid-description', /"x" is not an id/],
      [
        { objects: { 3: { 0: { 9: 'full' } } } },
        'invalid-value',
        /\/3\/0\/9: "full" is not a valid Integer/,
      ],
      [{ objects: { 3: { 0: {}, 1: {} } } }, 'invalid-description', /only one instance/],
      [{ objects: { 3: { 0: { 9: [1] } } } }, 'invalid-description', /only one value/],
      [{ objects: { 3: { version: 'new' } } }, 'invalid-description', /version/],
      [
        { objects: { 31_000: { 0: { 1: null } } } },
        'invalid-description',
        /give a value or a type/,
      ],
      [
        { objects: { 3: { 0: { 0: { signal: { type: 'ramp' } } } } } },
        'invalid-description',
        /a signal needs a number/,
      ],
      [{ objects: { 3: { 0: { 9: { colour: 1 } } } } }, 'invalid-description', /"colour"/],
    ]
    for (const [options, code, message] of wrong) {
      assert.throws(() => make(options), { code, message })
    }
  })

  it('fail the start if the port is in use', async () => {
    const other = await ScriptedPeer.open()
    const client = new Lwm2mClient({
      endpoint: 'dev2',
      server: 'coap://127.0.0.1:9',
      local: { host: '127.0.0.1', port: other.port },
    })
    await assert.rejects(client.start(), { code: 'EADDRINUSE' })
    assert.equal(client.state, 'stopped')
    await other.close()
  })
})
