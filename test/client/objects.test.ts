import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, optionTexts } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { ask, GET, next, POST, PUT, Scene, SMALL, type Answer } from './support/server'

const TEXT = 0
const OPAQUE = 42

describe('client objects', () => {
  let scene: Scene
  let clock: FakeClock
  beforeEach(() => (clock = new FakeClock()))
  afterEach(() => scene.close())

  async function read(path: string): Promise<string> {
    return (await ask(scene, GET, path, { accept: TEXT })).text
  }

  describe('3 Device', () => {
    it('keeps the time set by a server running', async () => {
      scene = await Scene.registered({ clock, lifetime: 86_400 })
      assert.equal(await read('/3/0/13'), String(Date.UTC(2026, 0, 1) / 1000))
      await clock.run(5000)
      assert.equal(await read('/3/0/13'), String(Date.UTC(2026, 0, 1) / 1000 + 5))
      await ask(scene, PUT, '/3/0/13', { format: TEXT, payload: '1000' })
      await clock.run(7000)
      assert.equal(await read('/3/0/13'), '1007')
    })

    it('resets its error codes', async () => {
      scene = await Scene.registered({ objects: { 3: { 0: { 11: [3, 7] } } } })
      assert.equal((await ask(scene, POST, '/3/0/12')).code, '2.04')
      assert.deepEqual(scene.client.get('/3/0/11'), new Map([[0, 0]]))
    })
  })

  describe('IPSO sensors such as 3303', () => {
    it('keep the minimum and maximum value until they are reset', async () => {
      scene = await Scene.registered({
        objects: { 3303: { 0: { 5700: 20, 5601: 99, 5602: 99, 5603: -40, 5604: 85 } } },
      })
      assert.equal(await read('/3303/0/5601'), '20')
      scene.client.set('/3303/0/5700', 15)
      scene.client.set('/3303/0/5700', 25)
      scene.client.set('/3303/0/5700', 18)
      assert.deepEqual([await read('/3303/0/5601'), await read('/3303/0/5602')], ['15', '25'])
      assert.equal((await ask(scene, POST, '/3303/0/5605')).code, '2.04')
      assert.deepEqual([await read('/3303/0/5601'), await read('/3303/0/5602')], ['18', '18'])
    })
  })

  describe('the default device', () => {
    it('has the expected objects and values', async () => {
      scene = await Scene.open({ objects: undefined, clock })
      await scene.client.start()
      const request = await scene.acceptRegistration()
      assert.equal(
        request.payload.toString(),
        '</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</4/0>,</6/0>,</3303>;ver=1.1,</3303/0>',
      )
      assert.equal(await read('/3/0/2'), 'dev1')
      assert.equal(await read('/3303/0/5700'), '21.5')
      await clock.run(25_000)
      // A sine of 600 s and 3 degrees around 21.5, 25 s later.
      assert.equal(await read('/3303/0/5700'), '22.3')
      assert.equal(await read('/3303/0/5602'), '22.3')
    })
  })

  describe('a gateway', () => {
    it('answers for the devices behind it by their prefix', async () => {
      scene = await Scene.registered({
        objects: { ...SMALL, gateway: { dev9: { 3303: { 0: { 5700: 7.5 } } } } },
      })
      assert.equal(await read('/25/0/1'), 'dev9')
      assert.equal(await read('/25/0/3'), '</3303/0>')
      assert.equal(await read('/dev9/3303/0/5700'), '7.5')
      assert.equal((await ask(scene, GET, '/dev8/3303/0/5700')).code, '4.04')
      const json = await ask(scene, GET, '/dev9/3303/0', { accept: 110 })
      assert.equal(json.text, '[{"bn":"/dev9/3303/0/","n":"5700","v":7.5}]')
      await ask(scene, GET, '/dev9/3303/0/5700', { observe: 0, accept: TEXT, token: 'aa' })
      scene.client.set('/dev9/3303/0/5700', 8)
      assert.equal((await scene.server.message()).payload.toString(), '8')
      const composite = (payload: string): Promise<Answer> =>
        ask(scene, 5, '/dev9', { format: 110, accept: 110, payload })
      const both = await composite('[{"n":"/dev9/3303/0/5700"}]')
      assert.equal(both.text, '[{"bn":"/dev9/","n":"3303/0/5700","v":8}]')
      assert.equal((await composite('[{"n":"/3/0/0"}]')).code, '4.00')
      // Its own objects are not listed: object 25 lists them.
      assert.equal((await ask(scene, GET, '/25', { accept: 40 })).code, '2.05')
    })
  })

  describe('5 Firmware Update', () => {
    const PACKAGE = Buffer.alloc(300, 'firmware ')

    function push(payload: Uint8Array): Promise<Answer> {
      return ask(scene, PUT, '/5/0/0', { format: OPAQUE, payload })
    }

    /** State and result. */
    async function status(): Promise<string> {
      return `${await read('/5/0/3')} ${await read('/5/0/5')}`
    }

    it('accepts a pushed package, installs it and reboots with the result', async () => {
      scene = await Scene.registered({
        clock,
        lifetime: 86_400,
        firmware: { version: '2.0.0', updateTime: 3000 },
        rebootTime: 1000,
      })
      assert.equal(await status(), '0 0')
      assert.equal((await ask(scene, POST, '/5/0/2')).code, '4.05')
      assert.equal((await push(PACKAGE)).code, '2.04')
      assert.equal(await status(), '2 0')
      assert.equal((await ask(scene, GET, '/5/0/0')).code, '4.05')
      assert.equal((await ask(scene, POST, '/5/0/2')).code, '2.04')
      assert.equal(await status(), '3 0')
      assert.equal((await push(PACKAGE)).code, '4.05')
      const off = next(scene.client, 'state')
      await clock.run(3000)
      assert.equal((await off)[0], 'waiting')
      await clock.run(1000)
      await scene.acceptRegistration()
      assert.equal(await status(), '0 1')
      assert.equal(await read('/5/0/7'), '2.0.0')
      assert.equal(await read('/3/0/3'), '2.0.0')
    })

    it('accepts a package block by block', async () => {
      scene = await Scene.registered({ firmware: {} })
      const block = async (num: number, more: boolean): Promise<Answer> =>
        ask(scene, PUT, '/5/0/0', {
          format: OPAQUE,
          payload: PACKAGE.subarray(num * 128, num * 128 + 128),
          block1: (num << 4) | (more ? 8 : 0) | 3,
        })
      assert.equal((await block(0, true)).code, '2.31')
      assert.equal((await block(1, true)).code, '2.31')
      assert.equal((await block(2, false)).code, '2.04')
      assert.equal(await status(), '2 0')
    })

    it('resets on an empty package, an empty URI and Cancel', async () => {
      scene = await Scene.registered({ firmware: {}, version: '1.2' })
      await push(PACKAGE)
      assert.equal((await push(Buffer.from([0]))).code, '2.04')
      assert.equal(await status(), '0 0')
      await push(PACKAGE)
      await ask(scene, PUT, '/5/0/1', { format: TEXT, payload: '' })
      assert.equal(await status(), '0 0')
      await push(PACKAGE)
      assert.equal((await ask(scene, POST, '/5/0/10')).code, '2.04')
      assert.equal(await status(), '0 10')
      assert.equal((await ask(scene, POST, '/5/0/10')).code, '4.05')
    })

    it('fails with the result of its description', async () => {
      scene = await Scene.registered({
        clock,
        lifetime: 86_400,
        firmware: { maxSize: 400, result: 8 },
        rebootTime: 0,
      })
      await push(Buffer.alloc(401))
      assert.equal(await status(), '0 2')
      await push(PACKAGE)
      await ask(scene, POST, '/5/0/2')
      await clock.run(1000)
      await scene.acceptRegistration()
      assert.equal(await status(), '0 8')
      await scene.close()
      scene = await Scene.registered({ firmware: { downloadResult: 5 } })
      await push(PACKAGE)
      assert.equal(await status(), '0 5')
    })

    it('downloads a package block by block from the given URI', async () => {
      scene = await Scene.registered({ firmware: {} })
      const host = await ScriptedPeer.open()
      const uri = `coap://127.0.0.1:${host.port}/fw/a?v=2`
      const written = await ask(scene, PUT, '/5/0/1', { format: TEXT, payload: uri })
      assert.equal(written.code, '2.04')
      assert.equal(await status(), '1 0')
      await ask(scene, GET, '/5/0/3', { observe: 0, accept: TEXT, token: 'aa' })
      for (const [num, more] of [
        [0, 8],
        [1, 0],
      ] as const) {
        const get = await host.message()
        assert.equal(get.code, 1)
        assert.deepEqual(optionTexts(get, Opt.URI_PATH), ['fw', 'a'])
        assert.deepEqual(optionTexts(get, Opt.URI_QUERY), ['v=2'])
        if (num > 0) assert.equal((optionNumber(get, Opt.BLOCK2) ?? 0) >> 4, num)
        await host.send({
          type: 2,
          code: 0x45,
          mid: get.mid,
          token: get.token,
          options: [
            [4, Buffer.from('e1')],
            [Opt.CONTENT_FORMAT, OPAQUE],
            [Opt.BLOCK2, (num << 4) | more | 4],
          ],
          payload: PACKAGE.subarray(num * 256, num * 256 + 256),
        })
      }
      assert.equal((await scene.server.message()).payload.toString(), '2')
      assert.equal(await status(), '2 0')
      await host.close()
    })

    it('reports why a download failed', async () => {
      scene = await Scene.registered({ firmware: {} })
      const failed = async (uri: string): Promise<string> => {
        await ask(scene, PUT, '/5/0/1', { format: TEXT, payload: uri })
        while ((await read('/5/0/3')) !== '0');
        return status()
      }
      assert.equal(await failed('https://example.org/fw'), '0 9')
      assert.equal(await failed('nonsense'), '0 7')
      const host = await ScriptedPeer.open()
      const refused = failed(`coap://127.0.0.1:${host.port}/none`)
      const get = await host.message()
      await host.send({ type: 2, code: 0x84, mid: get.mid, token: get.token })
      assert.equal(await refused, '0 4')
      await host.close()
    })
  })
})
