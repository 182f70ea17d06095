import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, type ReadMessage } from '../support/raw-coap'
import { ask, FETCH, GET, next, PUT, Scene, SMALL } from './support/server'

const TEXT = 0
const SENML_JSON = 110
const NON = 1
const CON = 0

describe('client observations', () => {
  let scene: Scene
  let clock: FakeClock
  beforeEach(() => (clock = new FakeClock()))
  afterEach(() => scene.close())

  const VALUE = '/3303/0/5700'

  /** Advances time during which nothing may be sent. */
  async function quiet(ms: number): Promise<void> {
    await clock.run(ms, Math.max(1, ms / 4))
    await scene.server.barrier()
    assert.deepEqual(scene.server.pending, [])
  }

  async function notification(): Promise<ReadMessage> {
    return scene.server.message()
  }

  async function observeValue(query: readonly string[] = []): Promise<void> {
    const answer = await ask(scene, GET, VALUE, { observe: 0, accept: TEXT, token: 'aa01', query })
    assert.equal(answer.code, '2.05', answer.text)
    assert.notEqual(optionNumber(answer.message, Opt.OBSERVE), undefined)
  }

  it('notify each change, with the token, the format and an increasing number', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    const observed = next(scene.client, 'observed')
    const answer = await ask(scene, GET, VALUE, { observe: 0, accept: TEXT, token: 'aa01' })
    assert.equal(answer.text, '21.5')
    assert.deepEqual((await observed)[0].map(String), [VALUE])
    const numbers = [optionNumber(answer.message, Opt.OBSERVE) ?? -1]
    for (const value of [22, 23.5]) {
      scene.client.set(VALUE, value)
      const message = await notification()
      assert.equal(message.type, NON)
      assert.equal(message.code, 0x45)
      assert.equal(message.token, 'aa01')
      assert.equal(message.payload.toString(), String(value))
      assert.equal(optionNumber(message, Opt.CONTENT_FORMAT), TEXT)
      numbers.push(optionNumber(message, Opt.OBSERVE) ?? -1)
    }
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    )
    assert.equal(new Set(numbers).size, 3)
    // The same value again is no change.
    scene.client.set(VALUE, 23.5)
    await quiet(1000)
  })

  it('end by Observe=1 with the same token, and by RST', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await observeValue()
    const cancelled = next(scene.client, 'observationEnded')
    const answer = await ask(scene, GET, VALUE, { observe: 1, accept: TEXT, token: 'aa01' })
    assert.equal(answer.code, '2.05')
    assert.equal(optionNumber(answer.message, Opt.OBSERVE), undefined)
    assert.equal((await cancelled)[1], 'cancelled')
    scene.client.set(VALUE, 1)
    await quiet(1000)
    await observeValue()
    scene.client.set(VALUE, 2)
    const message = await notification()
    const reset = next(scene.client, 'observationEnded')
    await scene.server.send({ type: 3, code: 0, mid: message.mid })
    assert.equal((await reset)[1], 'reset')
    assert.deepEqual(scene.client.observations, [])
    scene.client.set(VALUE, 3)
    await quiet(1000)
  })

  it('are independent of each other', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await observeValue()
    await ask(scene, GET, '/3303/0', { observe: 0, accept: SENML_JSON, token: 'aa02' })
    await ask(scene, GET, '/3/0/9', { observe: 0, accept: TEXT, token: 'aa03' })
    assert.equal(scene.client.observations.length, 3)
    scene.client.set(VALUE, 25)
    const tokens = [(await notification()).token, (await notification()).token]
    assert.deepEqual(tokens.sort(), ['aa01', 'aa02'])
    scene.client.set('/3/0/9', 80)
    assert.equal((await notification()).token, 'aa03')
    await quiet(1000)
  })

  it('follow pmin and pmax', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await ask(scene, PUT, VALUE, { query: ['pmin=10', 'pmax=60'] })
    await observeValue()
    scene.client.set(VALUE, 30)
    await clock.run(4000)
    scene.client.set(VALUE, 31)
    await quiet(5999)
    await clock.run(1)
    assert.equal((await notification()).payload.toString(), '31')
    await quiet(59_999)
    await clock.run(1)
    assert.equal((await notification()).payload.toString(), '31')
  })

  it('use the defaults of the Server object, and new attributes at once', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await ask(scene, PUT, '/1/0/3', { format: TEXT, payload: '30' })
    await observeValue()
    await clock.run(30_000, 10_000)
    assert.equal((await notification()).payload.toString(), '21.5')
    await ask(scene, PUT, '/3303', { query: ['pmax=5'] })
    await clock.run(5000)
    assert.equal((await notification()).payload.toString(), '21.5')
    // The resource's own attributes override the object's.
    await ask(scene, PUT, VALUE, { query: ['pmax=20'] })
    await quiet(19_999)
    await clock.run(1)
    await notification()
  })

  it('follow gt, lt and st', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    scene.client.set(VALUE, 45)
    await ask(scene, PUT, VALUE, { query: ['gt=45', 'st=10'] })
    await observeValue()
    for (const [value, wanted] of [
      [50, true],
      [48, false],
      [42, false],
      [52, true],
      [60, false],
      [62, true],
    ] as const) {
      scene.client.set(VALUE, value)
      if (wanted) assert.equal((await notification()).payload.toString(), String(value))
      else await quiet(1000)
    }
  })

  it('ignore attributes of a resource for its instance (OMA#478)', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await ask(scene, PUT, VALUE, { query: ['gt=100'] })
    await ask(scene, GET, '/3303/0', { observe: 0, accept: SENML_JSON, token: 'aa02' })
    scene.client.set(VALUE, 22)
    assert.equal((await notification()).token, 'aa02')
  })

  it('notify confirmably if con=1 or the Server object says so', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400, version: '1.2' })
    await ask(scene, PUT, VALUE, { query: ['con=1'] })
    await observeValue()
    scene.client.set(VALUE, 22)
    const message = await notification()
    assert.equal(message.type, CON)
    await scene.server.send({ type: 2, code: 0, mid: message.mid })
    await ask(scene, PUT, VALUE, { query: ['con'] })
    scene.client.set(VALUE, 23)
    assert.equal((await notification()).type, NON)
    await ask(scene, PUT, '/1/0/26', { format: TEXT, payload: '1' })
    scene.client.set(VALUE, 24)
    const again = await notification()
    assert.equal(again.type, CON)
    await scene.server.send({ type: 2, code: 0, mid: again.mid })
  })

  it('apply edge to Booleans', async () => {
    const objects = { ...SMALL, 3342: { 0: { 5500: false } } }
    scene = await Scene.registered({ clock, lifetime: 86_400, version: '1.2', objects })
    await ask(scene, PUT, '/3342/0/5500', { query: ['edge=1'] })
    await ask(scene, GET, '/3342/0/5500', { observe: 0, accept: TEXT, token: 'bb01' })
    scene.client.set('/3342/0/5500', true)
    assert.equal((await notification()).payload.toString(), '1')
    scene.client.set('/3342/0/5500', false)
    await quiet(1000)
    scene.client.set('/3342/0/5500', true)
    await notification()
  })

  it('accept attributes in the Observe request since 1.2', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400, version: '1.2' })
    await observeValue(['pmin=10'])
    scene.client.set(VALUE, 30)
    await quiet(9999)
    await clock.run(1)
    await notification()
    const wrong = await ask(scene, GET, VALUE, { observe: 0, token: 'cc', query: ['pmin=x'] })
    assert.equal(wrong.code, '4.00')
  })

  it('notify 4.04 when the observed path is deleted', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    await observeValue()
    scene.client.deleteInstance('/3303/0')
    const messages = [await notification(), await notification()]
    const ended = messages.find(({ token }) => token === 'aa01')
    assert.equal(ended?.code, 0x84)
    assert.deepEqual(scene.client.observations, [])
  })

  it('cover several paths at once', async () => {
    scene = await Scene.registered({ clock, lifetime: 86_400 })
    const composite = (observe: number): ReturnType<typeof ask> =>
      ask(scene, FETCH, '/', {
        observe,
        format: SENML_JSON,
        accept: SENML_JSON,
        token: 'dd01',
        payload: `[{"n":"${VALUE}"},{"n":"/3/0/9"}]`,
      })
    const answer = await composite(0)
    assert.equal(answer.text, '[{"bn":"/","n":"3303/0/5700","v":21.5},{"n":"3/0/9","v":100}]')
    scene.client.set('/3/0/9', 99)
    const message = await notification()
    assert.equal(message.token, 'dd01')
    assert.equal(
      message.payload.toString(),
      '[{"bn":"/","n":"3303/0/5700","v":21.5},{"n":"3/0/9","v":99}]',
    )
    scene.client.set('/3/0/14', '+01:00')
    await quiet(100)
    await composite(1)
    scene.client.set('/3/0/9', 98)
    await quiet(100)
  })

  it('follow a signal', async () => {
    const objects = {
      ...SMALL,
      3303: { 0: { 5700: { signal: { type: 'sequence', values: [1, 2, 2, 3], interval: 10 } } } },
    } as const
    scene = await Scene.registered({ clock, lifetime: 86_400, objects })
    const answer = await ask(scene, GET, VALUE, { observe: 0, accept: TEXT, token: 'aa01' })
    assert.equal(answer.text, '1')
    await clock.run(10_000)
    assert.equal((await notification()).payload.toString(), '2')
    await quiet(10_000)
    await clock.run(10_000)
    assert.equal((await notification()).payload.toString(), '3')
    // A value set by the owner is kept.
    scene.client.set(VALUE, 42)
    assert.equal((await notification()).payload.toString(), '42')
    await quiet(60_000)
  })
})
