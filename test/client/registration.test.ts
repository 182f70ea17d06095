import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, optionTexts } from '../support/raw-coap'
import { Scene, next } from './support/server'

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

  it('updates before the lifetime ends, and says nothing that did not change', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, lifetime: 60 })
    const updated = next(scene.client, 'updated')
    await clock.run(29_999)
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
})
