import assert from 'node:assert/strict'
import { Opt, optionTexts } from '../support/raw-coap'
import {
  ask,
  DELETE,
  FETCH,
  GET,
  IPATCH,
  next,
  POST,
  PUT,
  Scene,
  SMALL,
  type Answer,
} from './support/server'

const TEXT = 0
const LINK = 40
const OPAQUE = 42
const CBOR = 60
const SENML_JSON = 110
const SENML_CBOR = 112
const TLV = 11542
const JSON_1_0 = 11543
const LWM2M_CBOR = 11544

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

function assertAnswer(answer: Answer, code: string, payload?: string): void {
  assert.equal(answer.code, code, answer.text)
  if (payload !== undefined) assert.equal(answer.text, payload)
}

describe('client operations', () => {
  let scene: Scene
  afterEach(() => scene.close())

  describe('Read', () => {
    it('answers a resource in every requested format', async () => {
      scene = await Scene.registered({ version: '1.2' })
      assert.equal((await ask(scene, GET, '/3/0/9', { accept: TEXT })).text, '100')
      assert.equal((await ask(scene, GET, '/3/0/9', { accept: CBOR })).hex, '1864')
      assert.equal((await ask(scene, GET, '/3/0/9', { accept: TLV })).hex, 'c10964')
      assert.equal(
        (await ask(scene, GET, '/3/0/9', { accept: SENML_JSON })).text,
        '[{"bn":"/3/0/9","v":100}]',
      )
      assert.equal(
        (await ask(scene, GET, '/3/0/9', { accept: SENML_CBOR })).hex,
        '81a221662f332f302f39021864',
      )
      assert.equal(
        (await ask(scene, GET, '/3/0/9', { accept: JSON_1_0 })).text,
        '{"bn":"/3/0/","e":[{"n":"9","v":100}]}',
      )
      const nested = await ask(scene, GET, '/3/0/9', { accept: LWM2M_CBOR })
      assert.equal(nested.code, '2.05')
      assert.equal(nested.format, LWM2M_CBOR)
    })

    it('answers instances and objects, including multiple resources', async () => {
      scene = await Scene.registered()
      const tlv = await ask(scene, GET, '/3303/0', { accept: TLV })
      assert.equal(tlv.code, '2.05')
      assert.equal(tlv.format, TLV)
      assert.equal(tlv.hex, 'e4164441ac0000' + 'e3164543656c')
      const device = await ask(scene, GET, '/3/0/11', { accept: TLV })
      assert.equal(device.hex, '830b410000')
      const object = await ask(scene, GET, '/3303', { accept: TLV })
      assert.equal(object.hex, '08000d' + tlv.hex)
    })

    it('answers 4.06 to formats that cannot represent the values', async () => {
      scene = await Scene.registered()
      assertAnswer(await ask(scene, GET, '/3/0', { accept: TEXT }), '4.06')
      assertAnswer(await ask(scene, GET, '/3/0/0', { accept: OPAQUE }), '4.06')
      assertAnswer(await ask(scene, GET, '/3/0/11', { accept: TEXT }), '4.06')
      assertAnswer(await ask(scene, GET, '/3/0/9', { accept: 666 }), '4.06')
      assertAnswer(await ask(scene, GET, '/3/0/9', { accept: LWM2M_CBOR }), '4.06')
    })

    it('answers in its preferred format without Accept', async () => {
      scene = await Scene.registered({ version: '1.0' })
      assert.equal((await ask(scene, GET, '/3/0/9')).format, TLV)
      await scene.close()
      scene = await Scene.registered({ version: '1.1' })
      assert.equal((await ask(scene, GET, '/3/0/9')).format, SENML_CBOR)
    })

    it('answers errors for missing, forbidden and hidden paths', async () => {
      scene = await Scene.registered()
      assertAnswer(await ask(scene, GET, '/'), '4.05')
      assertAnswer(await ask(scene, GET, '/9'), '4.04')
      assertAnswer(await ask(scene, GET, '/3/1'), '4.04')
      assertAnswer(await ask(scene, GET, '/3/0/99'), '4.04')
      assertAnswer(await ask(scene, GET, '/3/0/11/5'), '4.04')
      assertAnswer(await ask(scene, GET, '/3/0/9/0'), '4.04')
      assertAnswer(await ask(scene, GET, '/3/0/4'), '4.05')
      assertAnswer(await ask(scene, GET, '/0/0'), '4.04')
      assertAnswer(await ask(scene, GET, '/0'), '4.04')
      assertAnswer(await ask(scene, GET, '/.well-known/core'), '4.00')
      assertAnswer(await ask(scene, GET, '/3/70000'), '4.00')
    })

    it('answers only its server', async () => {
      scene = await Scene.registered()
      const { ScriptedPeer } = await import('../support/scripted-device')
      const unregistered = await ScriptedPeer.open()
      unregistered.connect(scene.server.target?.port ?? 0)
      const answer = await unregistered.request({ code: GET, options: [[Opt.URI_PATH, '3']] })
      assert.equal(answer.code, 0x81)
      await unregistered.close()
    })

    it('serves its alternate root', async () => {
      scene = await Scene.registered({ alternateRoot: 'lwm2m' })
      assertAnswer(await ask(scene, GET, '/3/0/9', { accept: TEXT }), '4.04')
      assertAnswer(await ask(scene, GET, '/lwm2m/3/0/9', { accept: TEXT }), '2.05', '100')
      assert.equal(
        (await ask(scene, GET, '/lwm2m/3/0/9', { accept: SENML_JSON })).text,
        '[{"bn":"/lwm2m/3/0/9","v":100}]',
      )
    })
  })

  describe('Discover', () => {
    it('lists objects, instances and resources with their attributes', async () => {
      scene = await Scene.registered()
      await ask(scene, PUT, '/3/0', { query: ['pmin=10'] })
      await ask(scene, PUT, '/3/0/9', { query: ['gt=50', 'lt=42.2'] })
      assertAnswer(
        await ask(scene, GET, '/3/0', { accept: LINK }),
        '2.05',
        '</3/0>;pmin=10,</3/0/0>,</3/0/1>,</3/0/4>,</3/0/9>;gt=50;lt=42.2,</3/0/11>;dim=1,' +
          '</3/0/12>,</3/0/13>,</3/0/14>,</3/0/16>',
      )
      assertAnswer(
        await ask(scene, GET, '/3/0/9', { accept: LINK }),
        '2.05',
        '</3/0/9>;pmin=10;gt=50;lt=42.2',
      )
      assertAnswer(
        await ask(scene, GET, '/3303', { accept: LINK }),
        '2.05',
        '</3303>;ver=1.1,</3303/0>,</3303/0/5700>,</3303/0/5701>',
      )
      assertAnswer(await ask(scene, GET, '/9', { accept: LINK }), '4.04')
      assertAnswer(await ask(scene, GET, '/0', { accept: LINK }), '4.04')
      assertAnswer(await ask(scene, GET, '/', { accept: LINK }), '4.05')
    })

    it('follows the requested depth since 1.2', async () => {
      scene = await Scene.registered({ version: '1.2' })
      const links = async (path: string, depth: string): Promise<string> =>
        (await ask(scene, GET, path, { accept: LINK, query: [`depth=${depth}`] })).text
      assert.equal(await links('/3303', '0'), '</3303>;ver=1.1')
      assert.equal(await links('/3303', '1'), '</3303>;ver=1.1,</3303/0>')
      assert.equal(await links('/3/0/11', '1'), '</3/0/11>;dim=1,</3/0/11/0>')
      assertAnswer(await ask(scene, GET, '/3', { accept: LINK, query: ['depth=4'] }), '4.00')
    })
  })

  describe('Write', () => {
    it('replaces a resource in each format', async () => {
      scene = await Scene.registered({ version: '1.2' })
      const written = next(scene.client, 'written')
      assertAnswer(
        await ask(scene, PUT, '/3/0/14', { format: TEXT, payload: '+02:00' }),
        '2.04',
        '',
      )
      assert.equal(scene.client.get('/3/0/14'), '+02:00')
      const [event] = await written
      assert.equal(event.path.toString(), '/3/0/14')
      assert.equal(event.value, '+02:00')
      const put = (format: number, bytes: string): Promise<Answer> =>
        ask(scene, PUT, '/3/0/14', { format, payload: hex(bytes) })
      assertAnswer(await put(TLV, 'c60e 2b30333a3030'), '2.04')
      assert.equal(scene.client.get('/3/0/14'), '+03:00')
      assertAnswer(await put(CBOR, '66 2b30343a3030'), '2.04')
      assert.equal(scene.client.get('/3/0/14'), '+04:00')
      assertAnswer(await put(SENML_CBOR, '81 a2 00 67 2f332f302f3134 03 66 2b30353a3030'), '2.04')
      assert.equal(scene.client.get('/3/0/14'), '+05:00')
      assertAnswer(await put(LWM2M_CBOR, 'a1 83 03 00 0e 66 2b30363a3030'), '2.04')
      assert.equal(scene.client.get('/3/0/14'), '+06:00')
    })

    it('updates an instance, or replaces it', async () => {
      scene = await Scene.registered()
      // Default pmin 101, default pmax 1010, storing true, binding U (facts of the ETS).
      const payload = hex('C10265 C20303F2 C20507D0 C10601 C10755')
      assertAnswer(await ask(scene, POST, '/1/0', { format: TLV, payload }), '2.04')
      assert.equal(scene.client.get('/1/0/2'), 101)
      assert.equal(scene.client.get('/1/0/3'), 1010)
      assert.equal(scene.client.get('/1/0/5'), 2000)
      assert.equal(scene.client.get('/1/0/1'), 60)
      assertAnswer(
        await ask(scene, PUT, '/1/0', { format: TLV, payload: hex('C10601 C10755') }),
        '2.04',
      )
      assert.equal(scene.client.get('/1/0/2'), undefined)
      assert.equal(scene.client.get('/1/0/5'), undefined)
      // Mandatory ones are kept, and those that cannot be written at all.
      assert.equal(scene.client.get('/1/0/1'), 60)
      assert.equal(scene.client.get('/1/0/0'), 1)
    })

    it('changes nothing if a write is partly invalid', async () => {
      scene = await Scene.registered()
      // Time zone fine, manufacturer not writable.
      const payload = hex('C60E 2b30323a3030 C1 00 41')
      assertAnswer(await ask(scene, POST, '/3/0', { format: TLV, payload }), '4.05')
      assert.equal(scene.client.get('/3/0/14'), '+00:00')
    })

    it('reports the reason of an error', async () => {
      scene = await Scene.registered()
      const put = (path: string, format: number | undefined, payload: string): Promise<Answer> =>
        ask(scene, PUT, path, { format, payload })
      assertAnswer(await put('/3/0/0', TEXT, 'x'), '4.05')
      assertAnswer(await put('/3/0/14', 666, 'x'), '4.15')
      assertAnswer(await put('/3/0/14', undefined, 'x'), '4.00')
      assertAnswer(await put('/3/0/99', TEXT, 'x'), '4.04')
      assertAnswer(await put('/3/1/14', TEXT, 'x'), '4.04')
      assertAnswer(await put('/3', TLV, 'x'), '4.05')
      assertAnswer(await put('/1/0/1', TEXT, 'soon'), '4.00')
      assertAnswer(await put('/0/0/0', TEXT, 'coap://evil'), '4.04')
      assertAnswer(
        await ask(scene, PUT, '/3/0', { format: TLV, payload: hex('0011223344556677889900') }),
        '4.00',
      )
    })

    it('writes resource instances and updates multiple resources', async () => {
      scene = await Scene.registered({
        version: '1.2',
        objects: { ...SMALL, 3442: { 0: { 1110: ['a', 'b'] } } },
      })
      assertAnswer(await ask(scene, PUT, '/3442/0/1110/1', { format: TEXT, payload: 'B' }), '2.04')
      assert.deepEqual(
        scene.client.get('/3442/0/1110'),
        new Map([
          [0, 'a'],
          [1, 'B'],
        ]),
      )
      // POST keeps what it does not contain.
      assertAnswer(
        await ask(scene, POST, '/3442/0/1110', {
          format: SENML_JSON,
          payload: '[{"n":"/3442/0/1110/2","vs":"C"}]',
        }),
        '2.04',
      )
      assert.deepEqual(
        scene.client.get('/3442/0/1110'),
        new Map([
          [0, 'a'],
          [1, 'B'],
          [2, 'C'],
        ]),
      )
      assertAnswer(
        await ask(scene, PUT, '/3442/0/1110', {
          format: SENML_JSON,
          payload: '[{"n":"/3442/0/1110/7","vs":"z"}]',
        }),
        '2.04',
      )
      assert.deepEqual(scene.client.get('/3442/0/1110'), new Map([[7, 'z']]))
      assertAnswer(await ask(scene, DELETE, '/3442/0/1110/7'), '2.02')
      assert.deepEqual(scene.client.get('/3442/0/1110'), new Map())
    })
  })

  describe('Write-Attributes', () => {
    it('validates them', async () => {
      scene = await Scene.registered()
      const put = (path: string, ...query: string[]): Promise<Answer> =>
        ask(scene, PUT, path, { query })
      assertAnswer(await put('/3/0/9', 'pmin=1', 'pmax=5', 'gt=50', 'lt=20', 'st=10'), '2.04')
      assertAnswer(await put('/3/0/9', 'lt=60'), '4.00')
      assertAnswer(await put('/3/0/9', 'st=20'), '4.00')
      assertAnswer(await put('/3/0/9', 'pmin=abc'), '4.00')
      assertAnswer(await put('/3/0/9', 'color=red'), '4.00')
      assertAnswer(await put('/3/0', 'gt=5'), '4.00')
      assertAnswer(await put('/3/0/9', 'edge=1'), '4.00')
      assertAnswer(await put('/', 'pmin=1'), '4.05')
      assertAnswer(await put('/3/0/99', 'pmin=1'), '4.04')
      assertAnswer(await put('/3/0/9', 'pmin'), '2.04')
      assertAnswer(
        await ask(scene, GET, '/3/0/9', { accept: LINK }),
        '2.05',
        '</3/0/9>;pmax=5;gt=50;lt=20;st=10',
      )
    })
  })

  describe('Execute', () => {
    it('passes on its arguments', async () => {
      scene = await Scene.registered()
      const executed = next(scene.client, 'executed')
      assertAnswer(
        await ask(scene, POST, '/3/0/12', { format: TEXT, payload: "0='a',1" }),
        '2.04',
        '',
      )
      const [event] = await executed
      assert.equal(event.path.toString(), '/3/0/12')
      assert.deepEqual(
        event.args,
        new Map([
          [0, 'a'],
          [1, undefined],
        ]),
      )
      assertAnswer(await ask(scene, POST, '/3/0/12'), '2.04')
    })

    it('rejects resources that cannot be executed', async () => {
      scene = await Scene.registered()
      assertAnswer(await ask(scene, POST, '/3/0/0'), '4.05')
      assertAnswer(await ask(scene, POST, '/3/0/99'), '4.04')
      assertAnswer(await ask(scene, POST, '/3/1/4'), '4.04')
      assertAnswer(await ask(scene, POST, '/3/0/12', { format: TEXT, payload: "0='a" }), '4.00')
      assertAnswer(await ask(scene, POST, '/3/0/12', { format: TLV, payload: 'x' }), '4.15')
    })
  })

  describe('Create and Delete', () => {
    it('creates an instance with an id chosen by the device', async () => {
      scene = await Scene.registered()
      const created = next(scene.client, 'created')
      // Object 3303 has no mandatory writable resource; application type 5750 = "x".
      const answer = await ask(scene, POST, '/3303', { format: TLV, payload: hex('E1 1676 78') })
      assertAnswer(answer, '2.01', '')
      assert.deepEqual(optionTexts(answer.message, Opt.LOCATION_PATH), ['3303', '1'])
      assert.equal((await created)[0].toString(), '/3303/1')
      assert.equal(scene.client.get('/3303/1/5750'), 'x')
      const update = await scene.server.message()
      assert.equal(update.payload.toString().endsWith('</3303/0>,</3303/1>'), true)
      await scene.reply(update, 0x44)
    })

    it('creates the instance named by the server', async () => {
      scene = await Scene.registered()
      const answer = await ask(scene, POST, '/3303', {
        format: TLV,
        payload: hex('08 07 04 E1 1676 78'),
      })
      assertAnswer(answer, '2.01')
      assert.deepEqual(optionTexts(answer.message, Opt.LOCATION_PATH), [])
      assert.equal(scene.client.get('/3303/7/5750'), 'x')
      await scene.reply(await scene.server.message(), 0x44)
      const senml = await ask(scene, POST, '/3303', {
        format: SENML_JSON,
        payload: '[{"n":"/3303/8/5750","vs":"y"}]',
      })
      assertAnswer(senml, '2.01')
      assert.equal(scene.client.get('/3303/8/5750'), 'y')
    })

    it('rejects what cannot be created', async () => {
      scene = await Scene.registered()
      const post = (path: string, bytes: string): Promise<Answer> =>
        ask(scene, POST, path, { format: TLV, payload: hex(bytes) })
      assertAnswer(await post('/9', 'c10041'), '4.04')
      assertAnswer(await post('/3', 'c10041'), '4.05')
      assertAnswer(await post('/1', '08 07 03 C10105'), '4.05')
      assertAnswer(await post('/0', '08 07 03 C10105'), '4.04')
      assertAnswer(await post('/3303', '08 00 04 E1 1676 78'), '4.00')
      assertAnswer(await post('/3303', '0011223344556677889900'), '4.00')
      // 5700 with text: the type is wrong, and nothing is created.
      assertAnswer(await post('/3303', '08 07 06 E3 1644 414243'), '4.00')
      assert.deepEqual(scene.client.records('/3303/7'), [])
    })

    it('deletes instances, but not those of single-instance objects', async () => {
      scene = await Scene.registered()
      const deleted = next(scene.client, 'deleted')
      assertAnswer(await ask(scene, DELETE, '/3303/0'), '2.02', '')
      assert.equal((await deleted)[0].toString(), '/3303/0')
      const update = await scene.server.message()
      assert.equal(
        update.payload.toString(),
        '</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303>;ver=1.1',
      )
      await scene.reply(update, 0x44)
      assertAnswer(await ask(scene, DELETE, '/3303/0'), '4.04')
      assertAnswer(await ask(scene, DELETE, '/3/0'), '4.05')
      assertAnswer(await ask(scene, DELETE, '/3303'), '4.05')
      assertAnswer(await ask(scene, DELETE, '/1/0'), '4.05')
      assertAnswer(await ask(scene, DELETE, '/0/0'), '4.04')
      assertAnswer(await ask(scene, DELETE, '/3/0/11/0'), '4.05')
    })
  })

  describe('Composite operations', () => {
    it('read the existing ones of several paths', async () => {
      scene = await Scene.registered()
      const answer = await ask(scene, FETCH, '/', {
        format: SENML_JSON,
        accept: SENML_JSON,
        payload: '[{"n":"/3/0/0"},{"n":"/3303/0"},{"n":"/9/9"},{"n":"/0"},{"n":"/3/0/0"}]',
      })
      assertAnswer(answer, '2.05')
      assert.equal(
        answer.text,
        '[{"bn":"/","n":"3/0/0","vs":"ACME"},{"n":"3303/0/5700","v":21.5},{"n":"3303/0/5701","vs":"Cel"}]',
      )
    })

    it('reject invalid formats, other paths than the root, and 1.0', async () => {
      scene = await Scene.registered()
      const payload = '[{"n":"/3/0/0"}]'
      assertAnswer(await ask(scene, FETCH, '/', { format: TLV, payload }), '4.15')
      assertAnswer(await ask(scene, FETCH, '/3', { format: SENML_JSON, payload }), '4.05')
      assertAnswer(
        await ask(scene, FETCH, '/', { format: SENML_JSON, accept: TLV, payload }),
        '4.06',
      )
      assertAnswer(await ask(scene, FETCH, '/', { format: SENML_JSON, payload: '{' }), '4.00')
      await scene.close()
      scene = await Scene.registered({ version: '1.0' })
      assertAnswer(await ask(scene, FETCH, '/', { format: SENML_JSON, payload }), '4.05')
    })

    it('write all or nothing', async () => {
      scene = await Scene.registered()
      const write = (payload: string): Promise<Answer> =>
        ask(scene, IPATCH, '/', { format: SENML_JSON, payload })
      assertAnswer(await write('[{"n":"/1/0/2","v":24},{"n":"/3/0/14","vs":"+09:00"}]'), '2.04', '')
      assert.equal(scene.client.get('/1/0/2'), 24)
      assert.equal(scene.client.get('/3/0/14'), '+09:00')
      assertAnswer(await write('[{"n":"/1/0/2","v":25},{"n":"/3/0/0","vs":"x"}]'), '4.05')
      assertAnswer(await write('[{"n":"/1/0/2","v":25},{"n":"/9/0/0","vs":"x"}]'), '4.04')
      assertAnswer(await write('[{"n":"/1/0/2","vs":"many"}]'), '4.00')
      assertAnswer(await write('[{"n":"/0/0/0","vs":"coap://evil"}]'), '4.04')
      assert.equal(scene.client.get('/1/0/2'), 24)
    })

    it('delete resource instances by null since 1.2', async () => {
      scene = await Scene.registered({
        version: '1.2',
        objects: { ...SMALL, 3442: { 0: { 1110: ['a', 'b'] } } },
      })
      assertAnswer(
        await ask(scene, IPATCH, '/', {
          format: 320,
          payload: '[{"n":"/3442/0/1110/0","v":null},{"n":"/3442/0/1110/2","vs":"c"}]',
        }),
        '2.04',
      )
      assert.deepEqual(
        scene.client.get('/3442/0/1110'),
        new Map([
          [1, 'b'],
          [2, 'c'],
        ]),
      )
    })
  })
})
