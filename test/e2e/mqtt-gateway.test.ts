import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { NodeRed } from '../support/node-red'
import { Opt, RST } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { requireTool } from '../support/tools'
import { Broker, type Listener } from './support/broker'
import { moveExample } from './support/examples'
import { TcpGate } from './support/tcp-gate'

const DEVICE = 'plant-1'
const POST = 2

/** A command as EMQX users publish it; the answer's `data` below. */
interface Answer {
  readonly reqID: number
  readonly msgType: string
  readonly data: { readonly [name: string]: unknown }
}

describe('the example mqtt-gateway, with mosquitto', function () {
  this.timeout(120_000)
  let broker: Broker
  /** Between the gateway and the broker. */
  let way: TcpGate
  let red: NodeRed
  let all: Listener
  let device: Lwm2mClient
  let coapPort: number
  let lastId = 0

  before(async function () {
    broker = await Broker.start(requireTool(this, 'mosquitto'))
    all = await broker.listen('lwm2m/#')
    red = await NodeRed.start({ settings: { mqttReconnectTime: 200 } })
    way = await TcpGate.closed(broker.port)
    const { flow, port } = await moveExample('mqtt-gateway', {
      'mqtt-broker': { broker: '127.0.0.1', port: String(way.port) },
      // So that a device that is gone is known to be in seconds instead of a minute and a half.
      'lwm2m-server': { ackTimeout: '0.4', maxRetransmit: '2' },
    })
    coapPort = port(56931)
    await red.deploy(flow)
    device = new Lwm2mClient({
      endpoint: DEVICE,
      server: `coap://127.0.0.1:${coapPort}`,
      lifetime: 300,
      objects: {
        3: { 0: { 0: 'Works', 4: null, 13: 1_700_000_000, 14: '+00:00' } },
        5: { 0: { 1: '', 2: null, 3: 0, 5: 0 } },
        19: { 0: { 0: { value: ['AP8='], operations: 'RW' } } },
        3303: { 0: { 5700: 21.5, 5701: 'Cel', 5605: null, 5601: 21.5, 5602: 21.5 } },
        3306: { 0: { 5850: false, 5851: 20, 5852: 0, 5853: 'idle' } },
      },
    })
    const registered = new Promise((resolve) => device.once('registered', resolve))
    await device.start()
    await registered
    // The device was there before the gateway was connected: it is told all the same.
    await way.open()
    await all.until(({ topic }) => topic === `lwm2m/${DEVICE}/up/resp`)
  })

  after(async () => {
    await device?.stop()
    await red?.stop()
    await way?.close()
    await all?.close()
    await broker?.stop()
  })

  /** Publishes a command, and waits for the answer with its reqID. */
  async function ask(msgType: string, data: object, endpoint = DEVICE): Promise<Answer> {
    const reqID = ++lastId
    await all.client.publishAsync(
      `lwm2m/${endpoint}/dn/cmd`,
      JSON.stringify({ reqID, msgType, data }),
      { qos: 1 },
    )
    const { message } = await all.until(
      ({ topic, message }) =>
        topic === `lwm2m/${endpoint}/up/resp` && (message as Answer).reqID === reqID,
    )
    return message as Answer
  }

  /** Like {@link ask}, for what is no proper command: the next answer is its own. */
  async function askRaw(text: string): Promise<Answer> {
    const from = all.heard.length
    await all.client.publishAsync(`lwm2m/${DEVICE}/dn/x/y`, text, { qos: 1 })
    const { message } = await all.until(({ topic }) => topic === `lwm2m/${DEVICE}/up/resp`, from)
    return message as Answer
  }

  const done = (reqPath: string, code = '2.04', codeMsg = 'changed') => ({ reqPath, code, codeMsg })

  it('tells a registration', async () => {
    const { message } = await all.until(({ topic }) => topic === `lwm2m/${DEVICE}/up/resp`)
    assert.deepEqual(message, {
      msgType: 'register',
      data: {
        ep: DEVICE,
        lt: 300,
        sms: null,
        lwm2m: '1.1',
        b: 'U',
        alternatePath: '/',
        objectList: ['/1/0', '/3/0', '/5/0', '/19/0', '/3303/0', '/3306/0'],
      },
    })
  })

  it('tells the registrations again when the broker was away', async () => {
    // What the first connection has to tell was told before it answers a command.
    await ask('read', { path: '/3/0/0' })
    await way.close()
    const from = all.heard.length
    await way.open()
    // The broker may hear an answer again whose acknowledgement was lost with the connection.
    await all.until(
      ({ topic, message }) =>
        topic === `lwm2m/${DEVICE}/up/resp` && (message as Answer).msgType === 'register',
      from,
    )
    const { data } = await ask('read', { path: '/3/0/0' })
    assert.equal(data['code'], '2.05')
  })

  it('tells an update', async () => {
    await device.update()
    const { message } = await all.until(({ topic }) => topic === `lwm2m/${DEVICE}/up/update`)
    const { msgType, data } = message as Answer
    assert.equal(msgType, 'update')
    assert.equal(data['ep'], DEVICE)
    assert.equal(data['lt'], 300)
    assert.equal((data['objectList'] as string[]).length, 6)
  })

  it('reads a resource', async () => {
    assert.deepEqual(await ask('read', { path: '/3/0/0' }), {
      reqID: lastId,
      msgType: 'read',
      data: {
        reqPath: '/3/0/0',
        code: '2.05',
        codeMsg: 'content',
        content: [{ path: '/3/0/0', value: 'Works' }],
      },
    })
  })

  it('reads an instance, each value with its path', async () => {
    const { data } = await ask('read', { path: '/3306/0' })
    assert.deepEqual(data['content'], [
      { path: '/3306/0/5850', value: false },
      { path: '/3306/0/5851', value: 20 },
      { path: '/3306/0/5852', value: 0 },
      { path: '/3306/0/5853', value: 'idle' },
    ])
  })

  it('reads bytes as base64 and times as seconds', async () => {
    const bytes = await ask('read', { path: '/19/0/0' })
    assert.deepEqual(bytes.data['content'], [{ path: '/19/0/0/0', value: 'AP8=' }])
    const time = await ask('read', { path: '/3/0/13' })
    const [{ value }] = time.data['content'] as [{ value: number }]
    assert.ok(Number.isInteger(value) && value >= 1_700_000_000, `${value}`)
  })

  for (const [type, path, value, kept] of [
    ['String', '/3306/0/5853', 'busy', 'busy'],
    ['Boolean', '/3306/0/5850', 'true', true],
    ['Integer', '/3306/0/5852', 200, 200],
    ['Integer', '/3306/0/5852', '-7', -7],
    ['Integer', '/3306/0/5852', '9007199254740993', '9007199254740993'],
    ['Integer', '/3306/0/5852', '0', 0],
  ] as const) {
    it(`writes a ${type}: ${JSON.stringify(value)}`, async () => {
      const answer = await ask('write', { path, type, value })
      assert.deepEqual(answer, { reqID: lastId, msgType: 'write', data: done(path) })
      const { data } = await ask('read', { path })
      assert.deepEqual(data['content'], [{ path, value: kept }])
    })
  }

  it('writes a Time', async () => {
    const value = 1_800_000_000
    const { data } = await ask('write', { path: '/3/0/13', type: 'Time', value })
    assert.equal(data['code'], '2.04')
    const [record] = device.records('/3/0/13')
    assert.ok(record?.value instanceof Date && Math.abs(record.value.getTime() / 1000 - value) < 5)
  })

  it('writes bytes as hex and as base64', async () => {
    const path = '/19/0/0/0'
    await ask('write', { path, type: 'Opaque', value: 'c0ffee', encoding: 'hex' })
    assert.equal(
      Buffer.from(device.records(path)[0]?.value as Uint8Array).toString('hex'),
      'c0ffee',
    )
    await ask('write', { path, type: 'Opaque', value: 'AQID' })
    assert.equal(
      Buffer.from(device.records(path)[0]?.value as Uint8Array).toString('hex'),
      '010203',
    )
  })

  it('writes several values below a base path, and leaves the others as they are', async () => {
    const answer = await ask('write', {
      basePath: '/3306/0/',
      content: [
        { path: '5851', type: 'Integer', value: 75 },
        { path: '5853', type: 'String', value: 'several' },
      ],
    })
    assert.deepEqual(answer.data, done('/3306/0/'))
    const { data } = await ask('read', { path: '/3306/0' })
    assert.deepEqual(data['content'], [
      { path: '/3306/0/5850', value: true },
      { path: '/3306/0/5851', value: 75 },
      { path: '/3306/0/5852', value: 0 },
      { path: '/3306/0/5853', value: 'several' },
    ])
  })

  it('executes, with EMQX’s bare argument, with an argument list and with any text', async () => {
    const seen: unknown[] = []
    const stop = device.on('executed', ({ args }) => seen.push([...args]))
    for (const args of ['0', "1='ab',2", 'off', undefined]) {
      const { msgType, data } = await ask('execute', { path: '/3303/0/5605', args })
      assert.deepEqual([msgType, data], ['execute', done('/3303/0/5605')])
    }
    stop()
    assert.deepEqual(seen, [
      [[0, undefined]],
      [
        [1, 'ab'],
        [2, undefined],
      ],
      [[0, 'off']],
      [],
    ])
  })

  it('creates and deletes an instance', async () => {
    const created = await ask('create', {
      basePath: '/3306',
      content: [
        { path: '/4/5850', type: 'Boolean', value: true },
        { path: '/4/5853', type: 'String', value: 'new' },
      ],
    })
    assert.deepEqual([created.msgType, created.data], ['create', done('/3306', '2.01', 'created')])
    const read = await ask('read', { path: '/3306/4/5853' })
    assert.deepEqual(read.data['content'], [{ path: '/3306/4/5853', value: 'new' }])
    const deleted = await ask('delete', { path: '/3306/4' })
    assert.deepEqual(
      [deleted.msgType, deleted.data],
      ['delete', done('/3306/4', '2.02', 'deleted')],
    )
    assert.equal((await ask('read', { path: '/3306/4' })).data['code'], '4.04')
  })

  it('writes attributes, given as text or as numbers, and discovers them', async () => {
    const path = '/3303/0/5700'
    const written = await ask('write-attr', { path, pmin: '1', pmax: 60, gt: '25.5' })
    assert.deepEqual([written.msgType, written.data], ['write-attr', done(path)])
    const { msgType, data } = await ask('discover', { path: '/3303/0' })
    assert.equal(msgType, 'discover')
    assert.equal(data['code'], '2.05')
    assert.deepEqual(data['content'], [
      '</3303/0>',
      '</3303/0/5601>',
      '</3303/0/5602>',
      '</3303/0/5605>',
      '</3303/0/5700>;pmin=1;pmax=60;gt=25.5',
      '</3303/0/5701>',
    ])
    await ask('write-attr', { path, pmin: '', pmax: '', gt: '' })
    const after = await ask('discover', { path })
    assert.deepEqual(after.data['content'], ['</3303/0/5700>'])
  })

  it('notifies of the firmware object on the topic of its own, too', async () => {
    const path = '/5/0/3'
    await ask('observe', { path })
    const reqID = lastId
    device.set(path, 1)
    const [own, usual] = await Promise.all(
      [`lwm2m/${DEVICE}//v1/up/dm`, `lwm2m/${DEVICE}/up/notify`].map((wanted) =>
        all.until(({ topic }) => topic === wanted),
      ),
    )
    assert.deepEqual(own?.message, {
      reqID,
      msgType: 'notify',
      seqNum: 1,
      data: { code: '2.05', codeMsg: 'content', reqPath: path, content: [{ path, value: 1 }] },
    })
    assert.deepEqual(usual?.message, own?.message)
    await ask('cancel-observe', { path })
  })

  it('observes, notifies with the reqID of the observation, and cancels', async () => {
    const path = '/3306/0/5851'
    const answer = await ask('observe', { path })
    const reqID = lastId
    assert.deepEqual(answer.data, {
      ...done(path, '2.05', 'content'),
      content: [{ path, value: 75 }],
    })
    for (const [seqNum, value] of [
      [1, 76],
      [2, 77],
    ]) {
      device.set(path, value as number)
      const { message } = await all.until(
        ({ topic, message }) =>
          topic === `lwm2m/${DEVICE}/up/notify` &&
          (message as { reqID?: number }).reqID === reqID &&
          (message as { seqNum?: number }).seqNum === seqNum,
      )
      assert.deepEqual(message, {
        reqID,
        msgType: 'notify',
        seqNum,
        data: { code: '2.05', codeMsg: 'content', reqPath: path, content: [{ path, value }] },
      })
    }
    assert.equal(device.observations.length, 1)
    const cancelled = await ask('cancel-observe', { path })
    assert.equal(cancelled.msgType, 'cancel-observe')
    assert.deepEqual(cancelled.data, done(path, '2.05', 'content'))
    // The next answer comes over the same channel: by then the device has been told.
    await ask('read', { path })
    assert.equal(device.observations.length, 0)
    const again = await ask('cancel-observe', { path })
    assert.deepEqual([again.data['code'], again.data['codeMsg']], ['4.04', 'not_found'])
  })

  for (const [what, msgType, data, code, codeMsg] of [
    ['what is not there', 'read', { path: '/3306/9' }, '4.04', 'not_found'],
    ['an observation of what is not there', 'observe', { path: '/3306/9/1' }, '4.04', 'not_found'],
    [
      'a write of what is only readable',
      'write',
      { path: '/3303/0/5700', type: 'Float', value: 1 },
      '4.05',
      'method_not_allowed',
    ],
    ['an execution of a value', 'execute', { path: '/3/0/0' }, '4.05', 'method_not_allowed'],
    ['a deletion of what cannot go', 'delete', { path: '/3/0' }, '4.05', 'method_not_allowed'],
    ['a path that is none', 'read', { path: '/a/b' }, '4.00', 'bad_request'],
    [
      'a value of another type',
      'write',
      { path: '/3306/0/5851', type: 'Integer', value: 'much' },
      '4.00',
      'bad_request',
    ],
    ...(
      [
        ['Integer', '/3306/0/5852', ''],
        ['Integer', '/3306/0/5852', '1.5'],
        ['Float', '/3306/0/5852', ' '],
        ['Boolean', '/3306/0/5850', 'yes'],
        ['Time', '/3/0/13', 'soon'],
        ['Opaque', '/19/0/0/0', 'no base64!'],
      ] as const
    ).map(
      ([type, path, value]) =>
        [
          `${JSON.stringify(value)} as ${type}`,
          'write',
          { path, type, value },
          '4.00',
          'bad_request',
        ] as const,
    ),
    [
      'bytes that are not hex',
      'write',
      { path: '/19/0/0/0', type: 'Opaque', value: 'abc', encoding: 'hex' },
      '4.00',
      'bad_request',
    ],
    [
      'an attribute that is not a number',
      'write-attr',
      { path: '/3/0/0', pmin: 'x' },
      '4.00',
      'bad_request',
    ],
    ['a read without a path', 'read', {}, '4.00', 'bad_request'],
    ['an execution without a path', 'execute', {}, '4.00', 'bad_request'],
    [
      'a write without a value',
      'write',
      { path: '/3/0/14', type: 'String' },
      '4.00',
      'bad_request',
    ],
    ['a write without a path', 'write', { type: 'String', value: '' }, '4.00', 'bad_request'],
    ['attributes without a path', 'write-attr', { pmin: 1 }, '4.00', 'bad_request'],
    [
      'content that is not a list',
      'write',
      { basePath: '/3/0', content: {} },
      '4.00',
      'bad_request',
    ],
    [
      'content without paths',
      'create',
      { basePath: '/3306', content: [null] },
      '4.00',
      'bad_request',
    ],
    ['an unknown msgType', 'reboot', { path: '/3/0/4' }, '4.00', 'bad_request'],
  ] as const) {
    it(`answers ${code} to ${what}`, async () => {
      const answer = await ask(msgType, data)
      assert.equal(answer.msgType, msgType)
      assert.deepEqual([answer.data['code'], answer.data['codeMsg']], [code, codeMsg])
      assert.equal(typeof answer.data['reason'], 'string')
      assert.equal(
        answer.data['reqPath'],
        (data as { path?: string }).path ?? (data as { basePath?: string }).basePath,
      )
    })
  }

  for (const [what, text] of [
    ['no JSON', '{"reqID":'],
    ['JSON that is not an object', '7'],
    ['null', 'null'],
    ['an array', '[]'],
    ['a command without data', '{"msgType":"read"}'],
    ['data that is not an object', '{"msgType":"read","data":"/3/0/0"}'],
  ]) {
    it(`answers 4.00 to ${what}`, async () => {
      const { data } = await askRaw(text as string)
      assert.deepEqual([data['code'], data['codeMsg']], ['4.00', 'bad_request'])
    })
  }

  it('answers 4.04 for a device that is not registered', async () => {
    const { data } = await ask('read', { path: '/3/0/0' }, 'nobody')
    assert.deepEqual([data['code'], data['codeMsg']], ['4.04', 'not_found'])
  })

  it('answers coap_timeout when a device is silent, coap_reset when it resets', async () => {
    const peer = await ScriptedPeer.open()
    peer.connect(coapPort)
    const registered = await peer.request({
      code: 2,
      options: [
        [Opt.URI_PATH, 'rd'],
        [Opt.CONTENT_FORMAT, 40],
        [Opt.URI_QUERY, 'ep=mute-1'],
        [Opt.URI_QUERY, 'lt=60'],
        [Opt.URI_QUERY, 'lwm2m=1.1'],
        [Opt.URI_QUERY, 'b=U'],
      ],
      payload: '</3/0>',
    })
    assert.equal(registered.code, 0x41)
    await all.until(({ topic }) => topic === 'lwm2m/mute-1/up/resp')

    const silent = await ask('read', { path: '/3/0/0' }, 'mute-1')
    assert.deepEqual(silent, {
      reqID: lastId,
      msgType: 'coap_timeout',
      data: { reqPath: '/3/0/0' },
    })

    const answer = ask('execute', { path: '/3/0/4' }, 'mute-1')
    let request = await peer.message()
    // The read and its repetition come first.
    while (request.code !== POST) request = await peer.message()
    await peer.send({ type: RST, code: 0, mid: request.mid })
    assert.deepEqual(await answer, {
      reqID: lastId,
      msgType: 'coap_reset',
      data: { reqPath: '/3/0/4' },
    })
    await peer.close()
  })

  it('keeps devices with MQTT’s special characters in their names apart', async () => {
    const odd = new Lwm2mClient({
      endpoint: 'a/+#',
      server: `coap://127.0.0.1:${coapPort}`,
      objects: { 3: { 0: { 0: 'Odd' } } },
    })
    await odd.start()
    await all.until(({ topic }) => topic === 'lwm2m/a%2F%2B%23/up/resp')
    const { data } = await ask('read', { path: '/3/0/0' }, 'a%2F%2B%23')
    assert.deepEqual(data['content'], [{ path: '/3/0/0', value: 'Odd' }])
    await odd.stop()
  })

  it('logs no error of its own', () => {
    assert.doesNotMatch(red.output, /\[error\]|TypeError|ReferenceError/)
  })
})
