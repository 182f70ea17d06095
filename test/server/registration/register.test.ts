import assert from 'node:assert/strict'
import { rawCoap, NON, Opt } from '../../support/raw-coap'
import { Harness, locationOf, OBJECTS, register, registerOk, toLocation } from './support/harness'

describe('Register (Core §6.2.1)', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await Harness.start()
  })
  afterEach(() => harness.stop())

  /** The code a Register is answered with, as `4.00`. */
  async function answerTo(
    query: readonly string[],
    payload: string | Uint8Array = OBJECTS,
  ): Promise<string> {
    const device = await harness.device()
    const { code } = await device.request(register(query, payload))
    return `${code >> 5}.${String(code & 31).padStart(2, '0')}`
  }

  it('is answered 2.01 with the location in two options, byte by byte', async () => {
    const device = await harness.device()
    await device.send(
      rawCoap({
        ...register(['ep=a', 'lt=60', 'lwm2m=1.1', 'b=U']),
        type: 0,
        code: 2,
        mid: 0x1234,
        token: 'abcd',
      }),
    )
    const { bytes } = await device.receive()
    // ACK 2.01, Message-ID, token; Location-Path "rd", then one of 16 url-safe characters.
    assert.equal(bytes.subarray(0, 6).toString('hex'), '62411234abcd')
    assert.equal(bytes.subarray(6, 9).toString('latin1'), '\x82rd')
    assert.equal(bytes.subarray(9, 11).toString('hex'), '0d03')
    assert.match(bytes.subarray(11).toString('latin1'), /^[A-Za-z0-9_-]{16}$/)

    const [registration] = await harness.seen('registered')
    assert.deepEqual(
      {
        endpoint: registration.endpoint,
        version: registration.version,
        lifetime: registration.lifetime,
        binding: registration.binding,
        queueMode: registration.queueMode,
        objects: registration.objects,
        root: registration.root,
        contentFormats: registration.contentFormats,
        port: registration.peer.port,
        address: registration.peer.address,
        expiresAt: registration.expiresAt - registration.registeredAt,
        state: registration.state,
      },
      {
        endpoint: 'a',
        version: '1.1',
        lifetime: 60,
        binding: 'U',
        queueMode: false,
        objects: [
          { id: 1, version: '1.1', instances: [0] },
          { id: 3, version: '1.1', instances: [0] },
        ],
        root: '',
        contentFormats: [112],
        port: device.port,
        address: '127.0.0.1',
        expiresAt: 60_000,
        state: 'online',
      },
    )
    assert.equal(harness.server.registrations.get('a'), registration)
    assert.equal(harness.server.registrations.byId(registration.id), registration)
    assert.equal(harness.server.registrations.byPeer(registration.peer), registration)
  })

  it('without objects is answered 4.00, or 4.09 with an unknown profile', async () => {
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1'], ''), '4.00')
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.2', 'pid=6:27354b9a'], ''), '4.09')
    assert.equal(harness.server.registrations.size, 0)
  })

  it('knows 1.0, 1.1, 1.2 and their revisions; 4.12 for others; 4.00 for none', async () => {
    const answers: { [version: string]: string } = {}
    for (const version of ['1.0', '1.1', '1.2', '1.1.1', '9.9', '1.3', '2', 'x', '']) {
      answers[version] = await answerTo([`ep=v${version}`, `lwm2m=${version}`])
    }
    assert.deepEqual(answers, {
      '1.0': '2.01',
      '1.1': '2.01',
      '1.2': '2.01',
      '1.1.1': '2.01',
      '9.9': '4.12',
      '1.3': '4.12',
      '2': '4.12',
      x: '4.00',
      '': '4.00',
    })
    assert.equal(await answerTo(['ep=a']), '4.00')
    assert.equal(harness.server.registrations.get('v1.1.1')?.version, '1.1')
  })

  it('takes a Register without version as 1.0 where the options say so', async () => {
    assert.equal(await answerTo(['ep=a', 'b=UQ']), '4.00')
    await harness.stop()
    harness = await Harness.start({ defaultVersion: '1.0' })
    assert.equal(await answerTo(['ep=a', 'b=UQ']), '2.01')
    const registration = harness.server.registrations.get('a')
    assert.deepEqual([registration?.version, registration?.queueMode], ['1.0', true])
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1']), '2.01')
    assert.equal(await answerTo(['ep=a', 'lwm2m=']), '4.00')
    assert.equal(harness.server.registrations.get('a')?.version, '1.1')
  })

  it('ignores empty query options', async () => {
    assert.equal(await answerTo(['', 'ep=a', '', 'lwm2m=1.1']), '2.01')
    assert.deepEqual(harness.server.registrations.get('a')?.attributes, {})
  })

  it('refuses lifetimes that are none, and keeps odd ones that are', async () => {
    for (const lt of ['abc', '-5', '99999999999999', '4294967296', '', '1.5', '+5', '0x10']) {
      assert.equal(await answerTo(['ep=a', 'lwm2m=1.1', `lt=${lt}`]), '4.00', lt)
    }
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.0', 'lt=0']), '4.00')
    assert.equal(harness.server.registrations.size, 0)
    assert.equal(await answerTo(['ep=most', 'lwm2m=1.1', 'lt=4294967295']), '2.01')
    assert.equal(await answerTo(['ep=ever', 'lwm2m=1.1', 'lt=0']), '2.01')
    assert.equal(await answerTo(['ep=none', 'lwm2m=1.1']), '2.01')
    const { registrations } = harness.server
    assert.equal(registrations.get('most')?.lifetime, 4294967295)
    assert.equal(registrations.get('none')?.lifetime, 86400)
    // Never: the last moment that a Date can be.
    assert.equal(registrations.get('ever')?.expiresAt, 8.64e15)
  })

  it('knows the bindings and queue modes of each version', async () => {
    const cases: [query: string[], answer: string, queueMode?: boolean, binding?: string][] = [
      [['lwm2m=1.0', 'b=UQ'], '2.01', true, 'U'],
      [['lwm2m=1.0', 'b=UQS'], '2.01', true, 'US'],
      [['lwm2m=1.0', 'b=SQ'], '2.01', true, 'S'],
      [['lwm2m=1.0', 'b=US'], '2.01', false, 'US'],
      [['lwm2m=1.0'], '2.01', false, 'U'],
      [['lwm2m=1.1', 'b=UQ'], '4.00'],
      [['lwm2m=1.0', 'b=UT'], '4.00'],
      [['lwm2m=1.0', 'b=QU'], '4.00'],
      [['lwm2m=1.0', 'b=constructor'], '4.00'],
      [['lwm2m=1.1', 'b=UT'], '2.01', false, 'UT'],
      [['lwm2m=1.1', 'b=NSTU'], '2.01', false, 'NSTU'],
      [['lwm2m=1.1', 'b=UU'], '4.00'],
      [['lwm2m=1.1', 'b=UM'], '4.00'],
      [['lwm2m=1.1', 'b=u'], '4.00'],
      [['lwm2m=1.1', 'b='], '4.00'],
      [['lwm2m=1.2', 'b=UMH'], '2.01', false, 'UMH'],
      [['lwm2m=1.1', 'Q'], '2.01', true, 'U'],
      [['lwm2m=1.1', 'Q='], '2.01', true, 'U'],
      [['lwm2m=1.1', 'Q=true'], '4.00'],
      [['lwm2m=1.0', 'Q'], '4.00'],
    ]
    for (const [query, answer, queueMode, binding] of cases) {
      const ep = query.join('&')
      assert.equal(await answerTo([`ep=${ep}`, ...query]), answer, ep)
      const registration = harness.server.registrations.get(ep)
      assert.equal(registration?.queueMode, queueMode, ep)
      assert.equal(registration?.binding, binding, ep)
    }
  })

  it('without ep over NoSec is answered 4.00; an empty or controlling ep too', async () => {
    assert.equal(await answerTo(['lwm2m=1.1']), '4.00')
    assert.equal(await answerTo(['lwm2m=1.1', 'ep=']), '4.00')
    assert.equal(await answerTo(['lwm2m=1.1', 'ep']), '4.00')
    assert.equal(await answerTo(['lwm2m=1.1', 'ep=a\nb']), '4.00')
    assert.equal(await answerTo(['lwm2m=1.1', 'ep=a', 'ep=b']), '4.00')
    assert.equal(await answerTo(['lwm2m=1.1', 'ep=Zürich 1/2*?']), '2.01')
    assert.ok(harness.server.registrations.get('Zürich 1/2*?'))
  })

  it('keeps unknown parameters as attributes, whatever they are called', async () => {
    const odd = ['foo=bar', 'flag', '__proto__=x', 'constructor=y', 'a=b=c']
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1', 'pid=later', ...odd]), '2.01')
    const attributes = harness.server.registrations.get('a')?.attributes ?? {}
    assert.deepEqual(Object.entries(attributes), [
      ['pid', 'later'],
      ['foo', 'bar'],
      ['flag', ''],
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['a', 'b=c'],
    ])
    const many = Array.from({ length: 33 }, (_, i) => `x${i}`)
    assert.equal(await answerTo(['ep=b', 'lwm2m=1.1', ...many]), '4.00')
    assert.equal(await answerTo(['ep=b', 'lwm2m=1.1', '=x']), '4.00')
  })

  it('finds objects below an alternate root', async () => {
    const [device] = await harness.registered(
      ['ep=a', 'lwm2m=1.1'],
      '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>',
    )
    const registration = harness.server.registrations.get('a')
    assert.equal(registration?.root, 'lwm2m')
    assert.deepEqual(registration.objects, [{ id: 3, version: '1.1', instances: [0] }])
    const read = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    const request = await device.message()
    assert.equal(request.code, 1)
    assert.deepEqual(
      request.options.filter(([number]) => number === Opt.URI_PATH).map(([, v]) => String(v)),
      ['lwm2m', '3', '0'],
    )
    await device.send({ type: 2, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(((await read) as { code: string }).code, '4.04')
  })

  it('refuses malformed link lists with 4.00 and stays alive', async () => {
    for (const list of ['</', '<>', '</>;param=', '</>;=', '</1/0>,', '</1/0>;', '<//>']) {
      assert.equal(await answerTo(['ep=a', 'lwm2m=1.1'], list), '4.00', list)
    }
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1'], Buffer.from([0x3c, 0xff, 0x3e])), '4.00')
    assert.equal(harness.server.registrations.size, 0)
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1'], '</1/0>, </3/0>'), '2.01')
    assert.equal(harness.server.registrations.get('a')?.objects.length, 2)
  })

  it('says what was wrong: to the device in the answer, to the operator as a warning', async () => {
    const device = await harness.device()
    const answer = await device.request(register(['ep=a', 'lwm2m=1.1', 'lt=abc']))
    assert.equal(String(answer.payload), 'lt is not a number of seconds up to 4294967295')
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'registration-refused')
    assert.match(warning.message, /4\.00: lt is not a number/)
    assert.equal(warning.peer?.port, device.port)
    assert.equal(warning.endpoint, 'a', 'for those who listen to this device alone')
  })

  it('names in such a warning the device that a refused Update is of, and no unreadable name', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    assert.equal((await device.request(toLocation(id, ['lt=abc']))).code, 0x80)
    const [update] = await harness.seen('warning')
    assert.equal(update.endpoint, 'a')
    const unregistered = await harness.device()
    await unregistered.request(register(['ep=\u0007', 'lwm2m=1.1']))
    const [unreadable] = await harness.seen('warning', 2)
    assert.equal(unreadable.endpoint, undefined)
  })

  it('refuses a payload in another format', async () => {
    const device = await harness.device()
    const { code } = await device.request({
      ...register(['ep=a', 'lwm2m=1.1']),
      options: [
        [Opt.URI_PATH, 'rd'],
        [Opt.CONTENT_FORMAT, 0],
        [Opt.URI_QUERY, 'ep=a'],
        [Opt.URI_QUERY, 'lwm2m=1.1'],
      ],
    })
    assert.equal(code, 0x8f)
  })

  it('takes the list in three blocks, and repeats the answer to a repeated last block', async () => {
    const device = await harness.device()
    const list = `${OBJECTS},${Array.from({ length: 12 }, (_, i) => `</3303/${i}>`).join(',')}`
    const payload = Buffer.from(list)
    assert.ok(payload.length > 128 && payload.length <= 192)
    const block = (number: number, more: number): number => (number << 4) | (more << 3) | 2
    const send = async (number: number): Promise<Buffer> => {
      const more = number < 2 ? 1 : 0
      await device.send(
        rawCoap({
          type: 0,
          code: 2,
          mid: 0x2000 + number,
          // A new token for each block, as libcoap and Anjay have it.
          token: `0${number}`,
          options: [
            [Opt.URI_PATH, 'rd'],
            [Opt.CONTENT_FORMAT, 40],
            [Opt.URI_QUERY, 'ep=a'],
            [Opt.URI_QUERY, 'lwm2m=1.1'],
            [Opt.BLOCK1, block(number, more)],
          ],
          payload: payload.subarray(number * 64, number * 64 + 64),
        }),
      )
      return (await device.receive()).bytes
    }
    assert.equal((await send(0)).toString('hex'), '615f2000' + '00' + 'd10e0a')
    assert.equal((await send(1)).toString('hex'), '615f2001' + '01' + 'd10e1a')
    const created = await send(2)
    assert.equal(created[1], 0x41)
    assert.deepEqual(await send(2), created)
    assert.equal(harness.named('registered').length, 1)
    assert.equal(harness.server.registrations.get('a')?.objects.length, 3)
    assert.equal(harness.server.registrations.get('a')?.objects[2]?.instances.length, 12)
  })

  it('takes no registration from a NON', async () => {
    const device = await harness.device()
    const answer = await device.request(register(['ep=a', 'lwm2m=1.1'], OBJECTS, { type: NON }))
    assert.equal(answer.type, NON)
    assert.equal(answer.code, 0x80)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('shares one object list between devices that say the same', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1'])
    await harness.registered(['ep=b', 'lwm2m=1.1'])
    await harness.registered(['ep=c', 'lwm2m=1.0'])
    const [a, b, c] = ['a', 'b', 'c'].map((ep) => harness.server.registrations.get(ep)?.objects)
    assert.equal(a, b)
    assert.notEqual(a, c)
    assert.equal(c?.[1]?.version, '1.0')
  })

  it('turns devices away with 5.03 when there is no room, but not those that are in', async () => {
    await harness.stop()
    harness = await Harness.start({ maxRegistrations: 1 })
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1']), '2.01')
    assert.equal(await answerTo(['ep=b', 'lwm2m=1.1']), '5.03')
    assert.equal(await answerTo(['ep=a', 'lwm2m=1.1']), '2.01')
  })

  it('limits lifetimes as configured, and reports it', async () => {
    await harness.stop()
    harness = await Harness.start({ lifetime: { default: 300, min: 60, max: 3600 } })
    for (const [ep, lt] of [
      ['none', ''],
      ['short', '5'],
      ['long', '86400'],
      ['ever', '0'],
    ] as const) {
      const query = [`ep=${ep}`, 'lwm2m=1.1', ...(lt === '' ? [] : [`lt=${lt}`])]
      assert.equal(await answerTo(query), '2.01')
    }
    const lifetimes = [...harness.server.registrations].map(({ lifetime }) => lifetime)
    assert.deepEqual(lifetimes, [300, 60, 3600, 3600])
    assert.deepEqual(
      harness.named('warning').map(([{ code, endpoint }]) => [code, endpoint]),
      [
        ['lifetime-limited', 'short'],
        ['lifetime-limited', 'long'],
        ['lifetime-limited', 'ever'],
      ],
    )
  })

  it('a profile stands for the list that an earlier device sent with it', async () => {
    const pid = 'pid=6:27354b9a'
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.2', pid])
    await harness.registered(['ep=b', 'lwm2m=1.2', pid], '')
    const [a, b] = ['a', 'b'].map((ep) => harness.server.registrations.get(ep))
    assert.equal(b?.objects, a?.objects)
    assert.equal(b?.profileId, '6:27354b9a')
    // Several in quotes, one of them unknown.
    assert.equal(await answerTo(['ep=c', 'lwm2m=1.2', 'pid="6:27354b9a,v:x"'], ''), '4.09')
    for (const bad of ['6', '6:', '6:XY', 'x:1', '"6:ab', '6:ab,', 'oma:a_b']) {
      assert.equal(await answerTo(['ep=c', 'lwm2m=1.2', `pid=${bad}`]), '4.00', bad)
    }
    // Update with a profile instead of a list.
    const { code } = await device.request(toLocation(id, ['pid=1:00']))
    assert.equal(code, 0x89)
  })

  it('profiles may be configured, and several make one list', async () => {
    await harness.stop()
    harness = await Harness.start({
      profiles: { 'v:base': '</1/0>,</3/0>', 'oma:sensor': '</3303/0>' },
    })
    await harness.registered(['ep=a', 'lwm2m=1.2', 'pid="v:base,oma:sensor"'], '')
    assert.deepEqual(
      harness.server.registrations.get('a')?.objects.map(({ id }) => id),
      [1, 3, 3303],
    )
  })

  it('serves nothing else at /rd', async () => {
    const device = await harness.device()
    const id = await registerOk(device, ['ep=a', 'lwm2m=1.1'])
    const code = async (method: number, ...path: string[]): Promise<number> => {
      const options = path.map((segment) => [Opt.URI_PATH, segment] as const)
      return (await device.request({ code: method, options })).code
    }
    assert.equal(await code(1, 'rd'), 0x85)
    assert.equal(await code(4, 'rd'), 0x85)
    assert.equal(await code(3, 'rd', id), 0x85)
    assert.equal(await code(1, 'rd', id), 0x85)
    assert.equal(await code(2, 'rd', id, 'x'), 0x84)
    assert.equal(await code(2, 'other'), 0x84)
    assert.equal(await code(2), 0x84)
    assert.deepEqual(locationOf(await device.request(register(['ep=b', 'lwm2m=1.1'])))[0], 'rd')
  })
})
