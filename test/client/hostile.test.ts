import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { rawCoap, Opt } from '../support/raw-coap'
import { seededRandom } from '../support/random'
import { ask, GET, Scene, SMALL, uriPath } from './support/server'

const FORMATS = [0, 40, 42, 60, 110, 112, 320, 322, 11542, 11543, 11544, 666]
const PATHS = [
  '/',
  '/0',
  '/0/0',
  '/1/0',
  '/1/0/1',
  '/1/0/8',
  '/2',
  '/3',
  '/3/0',
  '/3/0/11',
  '/3/0/11/0',
  '/3/0/14',
  '/3303',
  '/3303/0/5700',
  '/3303/9',
  '/dev9/3303/0',
  '/rd',
  '/bs',
  '/65535',
]
/** Valid payloads, to be mutated. */
const SEEDS = [
  '',
  '+02:00',
  "0='a',1",
  '[{"n":"/3/0/14","vs":"x"}]',
  '[{"bn":"/3303/0/","n":"5700","v":1e400},{"n":"5701","vb":true}]',
  '{"bn":"/3/0/","e":[{"n":"14","sv":"x"}]}',
].map((text) => Buffer.from(text))
const BINARY = [
  'c10265c20303f2',
  '0800037c10005',
  '82a3216a2f3330332f302f00',
  'bf03bf00bf0e61610fffff',
].map((hex) => Buffer.from(hex, 'hex'))

describe('client and a hostile server', () => {
  let scene: Scene
  afterEach(() => scene.close())

  /**
   * Requests of every kind with payloads that are nearly valid. Answers with 5.xx are errors of the
   * client.
   */
  it('handles thousands of malformed requests without errors', async () => {
    scene = await Scene.registered({
      version: '1.2',
      lifetime: 86_400,
      objects: { ...SMALL, gateway: { dev9: { 3303: { 0: { 5700: 1 } } } } },
    })
    const faults: string[] = []
    scene.client.on('warning', ({ code, message }) => {
      if (code === 'operation-failed') faults.push(message)
    })
    const random = seededRandom(7)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const bend = (seed: Buffer): Buffer => {
      const bytes = Buffer.from(seed)
      for (let i = Math.floor(random() * 3); i > 0 && bytes.length > 0; i--) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      }
      return random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
    }
    for (let i = 0; i < 3000; i++) {
      const options: [number, string | number][] = []
      if (random() < 0.2) options.push([Opt.OBSERVE, Math.floor(random() * 3)])
      options.push(...uriPath(pick(PATHS)).map(([n, v]): [number, string] => [n, v]))
      if (random() < 0.8) options.push([Opt.CONTENT_FORMAT, pick(FORMATS)])
      if (random() < 0.2) options.push([Opt.URI_QUERY, pick(['pmin=1', 'gt=x', 'depth=9', 'st'])])
      if (random() < 0.3) options.push([Opt.ACCEPT, pick(FORMATS)])
      const payload = bend(pick(random() < 0.5 ? SEEDS : BINARY))
      const code = 1 + Math.floor(random() * 7)
      await scene.server.send(
        rawCoap({
          type: 1,
          code,
          mid: i & 0xffff,
          token: randomBytes(2).toString('hex'),
          options,
          payload,
        }),
      )
      if (i % 100 === 0) await scene.server.barrier()
    }
    await scene.server.barrier()
    assert.deepEqual(faults, [])
    const answers = scene.server.pending.filter(({ type }) => type === 1)
    assert.deepEqual(
      answers.filter(({ code }) => code >> 5 === 5),
      [],
    )
    assert.equal(answers.length > 1500, true)
    // Among other messages (Updates, notifications) is the response to a valid request.
    await scene.server.send({
      type: 0,
      code: GET,
      mid: 0xfffe,
      token: 'f0f0',
      options: [...uriPath('/3/0/0'), [Opt.ACCEPT, 0]],
    })
    for (;;) {
      const message = await scene.server.message()
      if (message.type !== 2 || message.token !== 'f0f0') continue
      assert.equal(message.payload.toString(), 'ACME')
      break
    }
  })

  it('limits the number of observations', async () => {
    scene = await Scene.registered({ lifetime: 86_400 })
    let observed = 0
    for (let i = 0; i < 1010; i++) {
      const answer = await ask(scene, GET, '/3/0/9', {
        observe: 0,
        accept: 0,
        token: i.toString(16).padStart(8, '0'),
      })
      if (answer.message.options.some(([n]) => n === Opt.OBSERVE)) observed++
    }
    assert.equal(observed, 1000)
    assert.equal(scene.client.observations.length, 1000)
  })
})
