import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionTexts } from '../support/raw-coap'
import { ask, GET, next, PUT, Scene } from './support/server'

const TEXT = 0
const SENML_JSON = 110
const VALUE = '/3303/0/5700'

describe('client queue mode', () => {
  let scene: Scene
  let clock: FakeClock
  beforeEach(() => (clock = new FakeClock()))
  afterEach(() => scene.close())

  async function asleep(): Promise<void> {
    const slept = next(scene.client, 'state')
    await clock.run(5000)
    assert.equal((await slept)[0], 'sleeping')
  }

  it('falls asleep after its window and receives nothing then', async () => {
    scene = await Scene.registered({
      clock,
      queueMode: true,
      lifetime: 600,
      sleep: { window: 5000 },
    })
    await clock.run(4000)
    // An exchange restarts the window.
    assert.equal((await ask(scene, GET, '/3/0/9', { accept: TEXT })).text, '100')
    await clock.run(4999)
    assert.equal(scene.client.state, 'registered')
    await clock.run(1)
    assert.equal(scene.client.state, 'sleeping')
    await scene.server.send({
      type: 0,
      code: 1,
      mid: 7,
      token: '77',
      options: [[Opt.URI_PATH, '3']],
    })
    await scene.server.send({ type: 0, code: 0, mid: 8 })
    // It wakes up for the Update (lifetime 600 - 93 s), and sends nothing before.
    const woke = next(scene.client, 'state')
    await clock.run(507_000 - 9000, 100_000)
    assert.equal((await woke)[0], 'registered')
    const update = await scene.server.message()
    assert.deepEqual(optionTexts(update, Opt.URI_PATH), ['rd', 'abc'])
    await scene.reply(update, 0x44)
    assert.equal((await ask(scene, GET, '/3/0/9', { accept: TEXT })).text, '100')
  })

  it('wakes up at the configured interval', async () => {
    scene = await Scene.registered({
      clock,
      queueMode: true,
      lifetime: 86_400,
      sleep: { window: 5000, wakeEvery: 60 },
    })
    await asleep()
    await clock.run(55_000)
    const update = await scene.server.message()
    assert.deepEqual(optionTexts(update, Opt.URI_PATH), ['rd', 'abc'])
    await scene.reply(update, 0x44)
  })

  it('wakes up to notify', async () => {
    scene = await Scene.registered({
      clock,
      queueMode: true,
      lifetime: 86_400,
      sleep: { window: 5000 },
    })
    await ask(scene, GET, VALUE, { observe: 0, accept: TEXT, token: 'aa' })
    await asleep()
    const woke = next(scene.client, 'state')
    scene.client.set(VALUE, 30)
    assert.equal((await woke)[0], 'registered')
    assert.equal((await scene.server.message()).payload.toString(), '30')
    assert.equal((await ask(scene, GET, VALUE, { accept: TEXT })).text, '30')
  })

  it('keeps notifications for the next wake-up, with their times', async () => {
    scene = await Scene.registered({
      clock,
      queueMode: true,
      version: '1.2',
      lifetime: 86_400,
      sleep: { window: 5000, holdNotifications: true },
    })
    await ask(scene, PUT, VALUE, { query: ['hqmax=2'] })
    await ask(scene, GET, VALUE, { observe: 0, accept: SENML_JSON, token: 'aa' })
    await asleep()
    for (const value of [1, 2, 3]) {
      scene.client.set(VALUE, value)
      await clock.run(1000)
    }
    await clock.run(1000)
    assert.deepEqual(scene.server.pending, [])
    const done = scene.client.update()
    const first = await scene.server.message()
    const second = await scene.server.message()
    const [kept, update] = first.token === 'aa' ? [first, second] : [second, first]
    // Two at most, the oldest is gone: one and two seconds after 5 s after 2026-01-01.
    assert.deepEqual(JSON.parse(kept.payload.toString()), [
      { bn: VALUE, t: 1_767_225_606, v: 2 },
      { t: 1_767_225_607, v: 3 },
    ])
    await scene.reply(update, 0x44)
    await done
  })

  for (const [name, format, hex] of [
    ['text', TEXT, '33'],
    ['TLV', 11542, 'e4164440400000'],
    ['LwM2M CBOR', 11544, 'a183190ce70019164403'],
  ] as const) {
    it(`keeps only the last value if ${name} has no time`, async () => {
      scene = await Scene.registered({
        clock,
        queueMode: true,
        version: '1.2',
        lifetime: 86_400,
        sleep: { window: 5000, holdNotifications: true },
      })
      await ask(scene, PUT, VALUE, { query: ['hqmax=5'] })
      await ask(scene, GET, VALUE, { observe: 0, accept: format, token: 'aa' })
      await asleep()
      for (const value of [1, 2, 3]) scene.client.set(VALUE, value)
      const done = scene.client.update()
      const first = await scene.server.message()
      const second = await scene.server.message()
      const [kept, update] = first.token === 'aa' ? [first, second] : [second, first]
      assert.equal(kept.code, 0x45)
      assert.equal(kept.payload.toString('hex'), hex)
      await scene.reply(update, 0x44)
      await done
    })
  }

  it('can be put to sleep, and still receives with dropIncoming false', async () => {
    scene = await Scene.registered({
      clock,
      queueMode: true,
      lifetime: 86_400,
      sleep: { window: 5000, dropIncoming: false },
    })
    scene.client.sleep()
    assert.equal(scene.client.state, 'sleeping')
    assert.equal((await ask(scene, GET, '/3/0/9', { accept: TEXT })).text, '100')
  })

  it('uses queue mode from the binding of a server account', async () => {
    scene = await Scene.open({ clock, binding: 'UQ' })
    await scene.client.start()
    const request = await scene.acceptRegistration()
    assert.deepEqual(optionTexts(request, Opt.URI_QUERY).slice(-2), ['b=U', 'Q'])
  })
})
