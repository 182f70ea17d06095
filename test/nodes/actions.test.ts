import assert from 'node:assert/strict'
import { registeredAt, valuesOf } from './support/devices'
import { deviceNode, type FlowNode, Flows, helperNode, serverNode } from './support/harness'
import { registerScripted } from './support/scripted-registration'
import { freeUdpPort } from '../support/ports'
import { Opt } from '../support/raw-coap'

/** An action node whose answers go to `out`, and whose errors go to `caught`. */
function action(type: string, more: { [property: string]: unknown }): FlowNode[] {
  return [
    { id: 'node', type, z: 'tab', server: 'server', wires: [['out'], ['out2']], ...more },
    helperNode('out'),
    helperNode('out2'),
    { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['caught']] },
    helperNode('caught'),
  ]
}

const OBJECTS = JSON.stringify({
  3: { 0: { 0: 'Maker', 4: null, 6: [1, 5], 9: 95, 14: '+02:00', 15: 'Europe/Berlin' } },
  3303: { 0: { 5700: 21.4, 5701: 'Cel', 5605: null } },
})

interface Caught {
  readonly error: { readonly code?: string; readonly message: string }
}

describe('action nodes', () => {
  let flows: Flows
  let port: number

  beforeEach(async () => {
    flows = new Flows()
    port = await freeUdpPort()
  })

  afterEach(() => flows.close())

  async function start(
    type: string,
    more: { [property: string]: unknown } = {},
    device: { [property: string]: unknown } = {},
  ): Promise<void> {
    await flows.load([
      serverNode(port),
      deviceNode('dev', port, { objects: OBJECTS, wires: [['device']], ...device }),
      helperNode('device'),
      ...action(type, more),
    ])
    await registeredAt(flows, 'dev')
  }

  describe('lwm2m-read', () => {
    it('reads a resource named in the dialog and keeps the rest of the message', async () => {
      await start('lwm2m-read', { endpoint: 'dev', path: '/3303/0/5700' })
      const message = await flows.ask('node', { payload: 'go', kept: 7 }, 'out')
      assert.equal(message.payload, 21.4)
      assert.equal(message.topic, 'dev/3303/0/5700')
      assert.equal(message['endpoint'], 'dev')
      assert.equal(message['path'], '/3303/0/5700')
      assert.equal(message['kept'], 7)
      assert.deepEqual(message['lwm2m'], {
        endpoint: 'dev',
        path: '/3303/0/5700',
        code: '2.05',
        format: 'senml-cbor',
        records: [{ path: '/3303/0/5700', name: 'Sensor Value', type: 'Float', value: 21.4 }],
      })
    })

    it('takes endpoint and path from the message where the dialog has none', async () => {
      await start('lwm2m-read')
      const message = await flows.ask('node', { endpoint: 'dev', path: '3/0/6' }, 'out')
      assert.deepEqual(message.payload, { 0: 1, 1: 5 })
      assert.equal(message.topic, 'dev/3/0/6')
    })

    for (const endpoint of [' dev', 'dev ', 'dev\n', '\ufeffdev', ' ']) {
      it(`does not take ${JSON.stringify(endpoint)} in a message for another name`, async () => {
        await start('lwm2m-read', { path: '/3/0/9' })
        const { error } = (await flows.ask('node', { endpoint }, 'caught')) as unknown as {
          error: { code: string }
        }
        assert.equal(error.code, 'unknown-endpoint')
      })
    }

    it('names the resources of an instance when the dialog says so', async () => {
      await start('lwm2m-read', { endpoint: 'dev', path: '/3303/0', keys: 'name' })
      const message = await flows.ask('node', {}, 'out')
      assert.deepEqual(message.payload, { 'Sensor Value': 21.4, 'Sensor Units': 'Cel' })
    })

    it('reads the object with the ids of instances and resources', async () => {
      await start('lwm2m-read', { endpoint: 'dev', path: '/3303' })
      const message = await flows.ask('node', {}, 'out')
      assert.deepEqual(message.payload, { 0: { 5700: 21.4, 5701: 'Cel' } })
    })

    it('answers an integer beyond 2^53 as decimal text, or as BigInt where the dialog says so', async () => {
      const objects = JSON.stringify({ 1: { 0: { 1: 60, 2: '-9223372036854775808' } } })
      for (const [integers, value] of [
        [undefined, '-9223372036854775808'],
        ['text', '-9223372036854775808'],
        ['bigint', -9223372036854775808n],
      ] as const) {
        await start('lwm2m-read', { endpoint: 'dev', path: '/1/0/2', integers }, { objects })
        const message = await flows.ask('node', {}, 'out')
        assert.equal(message.payload, value)
        const [record] = (message['lwm2m'] as { records: { value: unknown }[] }).records
        assert.equal(record?.value, value)
        await flows.close()
        flows = new Flows()
      }
    })

    it('reads several paths at once, each as it would be alone', async () => {
      await start('lwm2m-read', { endpoint: 'dev', path: '/3/0/9, /3/0/6, /3303/0/5700' })
      const message = await flows.ask('node', {}, 'out')
      assert.deepEqual(message.payload, {
        '/3/0/9': 95,
        '/3/0/6': { 0: 1, 1: 5 },
        '/3303/0/5700': 21.4,
      })
      assert.deepEqual(message['path'], ['/3/0/9', '/3/0/6', '/3303/0/5700'])
      assert.equal(message.topic, 'dev')
    })

    it('takes its target from the environment of the flow', async () => {
      process.env['LWM2M_TEST_ENDPOINT'] = 'dev'
      await start('lwm2m-read', {
        endpoint: 'LWM2M_TEST_ENDPOINT',
        endpointType: 'env',
        path: 'payload.where',
        pathType: 'msg',
      })
      const message = await flows.ask('node', { payload: { where: '/3/0/0' } }, 'out')
      assert.equal(message.payload, 'Maker')
    })

    it("hands the device's error to catch nodes with its code, and shows it", async () => {
      await start('lwm2m-read', { endpoint: 'dev', path: '/3303/7' })
      const status = flows.status('node', (text) => text.startsWith('4.04'))
      const message = await flows.ask('node', { kept: 7 }, 'caught')
      const { error } = message as unknown as Caught
      assert.equal(error.code, '4.04')
      assert.match(error.message, /4\.04 Not Found/)
      assert.equal(message['kept'], 7)
      assert.equal(await status, '4.04 not found')
    })

    for (const [what, message, code] of [
      ['a device that is not registered', { endpoint: 'ghost', path: '/3' }, 'unknown-endpoint'],
      ['a message without an endpoint', { path: '/3' }, 'invalid-argument'],
      ['a message without a path', { endpoint: 'dev' }, 'invalid-argument'],
      ['what is not a path', { endpoint: 'dev', path: '/3/x' }, 'invalid-path'],
    ] as const) {
      it(`refuses ${what}: ${code}`, async () => {
        await start('lwm2m-read')
        const { error } = (await flows.ask('node', message, 'caught')) as unknown as Caught
        assert.equal(error.code, code)
      })
    }
  })

  describe('lwm2m-write', () => {
    it('writes a value, and the device tells its flow', async () => {
      await start('lwm2m-write', { endpoint: 'dev', path: '/3/0/15' })
      const written = flows.next('device')
      const message = await flows.ask('node', { payload: 'Europe/Paris' }, 'out')
      assert.equal(message.payload, 'Europe/Paris')
      assert.equal((message['lwm2m'] as { code: string }).code, '2.04')
      const told = await written
      assert.equal(told['event'], 'written')
      assert.equal(told['path'], '/3/0/15')
      assert.equal(told.payload, 'Europe/Paris')
      assert.equal(told.topic, 'dev/3/0/15')
    })

    it('writes decimal text to an integer beyond 2^53, and the device tells it as text', async () => {
      const objects = JSON.stringify({ 1: { 0: { 1: 60, 2: { value: 0, operations: 'RW' } } } })
      for (const integers of ['text', 'bigint']) {
        await start('lwm2m-write', { endpoint: 'dev', path: '/1/0/2' }, { objects, integers })
        const written = flows.next('device')
        await flows.ask('node', { payload: '9007199254740993' }, 'out')
        const { payload, lwm2m } = await written
        const expected = integers === 'text' ? '9007199254740993' : 9007199254740993n
        assert.equal(payload, expected)
        const [record] = (lwm2m as { records: { value: unknown }[] }).records
        assert.equal(record?.value, expected)
        assert.equal(valuesOf(flows, 'dev', '/1/0/2')['/1/0/2'], 9007199254740993n)
        await flows.close()
        flows = new Flows()
      }
    })

    it('takes a number from 1e11 on for milliseconds where a Time is written, and says so', async () => {
      await start('lwm2m-write', { endpoint: 'dev', path: '/3/0' })
      const status = flows.status('node', (text) => text === 'done, time in ms')
      await flows.ask('node', { payload: { 13: 1_796_100_000_500 } }, 'out')
      await status
      const written = valuesOf(flows, 'dev', '/3/0/13')['/3/0/13']
      assert.deepEqual(written, new Date(1_796_100_000_000))
    })

    it('writes resources of an instance by name, keeping the rest', async () => {
      await start('lwm2m-write', { endpoint: 'dev', path: '/3/0' })
      await flows.ask('node', { payload: { Timezone: 'UTC', 14: '+00:00' } }, 'out')
      const values = valuesOf(flows, 'dev', '/3/0')
      assert.equal(values['/3/0/15'], 'UTC')
      assert.equal(values['/3/0/14'], '+00:00')
      assert.equal(values['/3/0/9'], 95)
    })

    it('writes several paths at once', async () => {
      await start('lwm2m-write', { endpoint: 'dev', what: 'composite' })
      await flows.ask('node', { payload: { '/3/0/15': 'UTC', '/3/0/14': '+00:00' } }, 'out')
      const values = valuesOf(flows, 'dev', '/3/0')
      assert.equal(values['/3/0/15'], 'UTC')
      assert.equal(values['/3/0/14'], '+00:00')
    })

    it('writes attributes, which a discover then shows', async () => {
      await start('lwm2m-write', { endpoint: 'dev', path: '/3303/0/5700', what: 'attributes' })
      const message = await flows.ask('node', { payload: { pmin: 5, pmax: '60' } }, 'out')
      assert.equal((message['lwm2m'] as { code: string }).code, '2.04')
    })

    for (const [what, payload, code] of [
      ['a value of the wrong type', 'not a number', 'encode'],
      ['no value', undefined, 'invalid-argument'],
      ['a function', () => 1, 'invalid-argument'],
    ] as const) {
      it(`refuses ${what} before anything is sent: ${code}`, async () => {
        await start('lwm2m-write', { endpoint: 'dev', path: '/3303/0/5700' })
        const { error } = (await flows.ask('node', { payload }, 'caught')) as unknown as Caught
        assert.equal(error.code, code)
      })
    }

    it('refuses an attribute that there is not', async () => {
      await start('lwm2m-write', { endpoint: 'dev', path: '/3303/0/5700', what: 'attributes' })
      const message = await flows.ask('node', { payload: { often: 1 } }, 'caught')
      assert.match(
        (message as unknown as Caught).error.message,
        /unknown attribute "often", expected one of pmin/,
      )
    })
  })

  describe('lwm2m-execute', () => {
    it('executes with arguments, which reach the flow of the device', async () => {
      await start('lwm2m-execute', { endpoint: 'dev', path: '/3303/0/5605', args: "0='a',1" })
      const executed = flows.next('device')
      const message = await flows.ask('node', {}, 'out')
      assert.equal((message['lwm2m'] as { code: string }).code, '2.04')
      const told = await executed
      assert.equal(told['event'], 'executed')
      assert.equal(told['path'], '/3303/0/5605')
      assert.deepEqual(told.payload, { 0: 'a', 1: null })
    })

    it('takes arguments by digit from the message', async () => {
      await start('lwm2m-execute', {
        endpoint: 'dev',
        path: '/3303/0/5605',
        args: 'payload',
        argsType: 'msg',
      })
      const executed = flows.next('device')
      await flows.ask('node', { payload: { 2: '10.3' } }, 'out')
      assert.deepEqual((await executed).payload, { 2: '10.3' })
    })
  })

  describe('lwm2m-discover', () => {
    it('answers what is there, named', async () => {
      await start('lwm2m-discover', { endpoint: 'dev', path: '/3303/0' })
      const message = await flows.ask('node', {}, 'out')
      const links = message.payload as { path: string; name?: string; attributes: object }[]
      assert.ok(links.some(({ path, name }) => path === '/3303/0/5700' && name === 'Sensor Value'))
    })
  })

  describe('lwm2m-create and lwm2m-delete', () => {
    it('creates an instance by names and says where it is', async () => {
      await start('lwm2m-create', { endpoint: 'dev', path: '/3303/4' })
      const created = flows.next('device', (message) => message['event'] === 'created')
      const message = await flows.ask('node', { payload: { 'Application Type': 'roof' } }, 'out')
      assert.equal((message['lwm2m'] as { code: string }).code, '2.01')
      assert.equal(message['path'], '/3303/4')
      assert.equal((await created)['path'], '/3303/4')
      assert.equal(valuesOf(flows, 'dev', '/3303/4')['/3303/4/5750'], 'roof')
    })

    it('deletes one', async () => {
      await start('lwm2m-delete', { endpoint: 'dev', path: '/3303/0' })
      const deleted = flows.next('device', (message) => message['event'] === 'deleted')
      const message = await flows.ask('node', {}, 'out')
      assert.equal((message['lwm2m'] as { code: string }).code, '2.02')
      assert.equal((await deleted)['path'], '/3303/0')
    })
  })

  describe('lwm2m-request', () => {
    const request = (message: { [property: string]: unknown }, at = 'out') =>
      flows.ask('node', { endpoint: 'dev', reqID: 9, ...message }, at)

    it('does every operation that the message names', async () => {
      await start('lwm2m-request')
      assert.equal((await request({ operation: 'read', path: '/3/0/9' })).payload, 95)
      const write = await request({ operation: 'write', path: '/3/0/15', payload: 'UTC' })
      assert.equal((write['lwm2m'] as { code: string }).code, '2.04')
      assert.equal(write['reqID'], 9)
      const several = await request({ operation: 'write', payload: { '/3/0/14': '+01:00' } })
      assert.equal((several['lwm2m'] as { code: string }).code, '2.04')
      const executed = await request({ operation: 'execute', path: '/3303/0/5605' })
      assert.equal((executed['lwm2m'] as { code: string }).code, '2.04')
      const created = await request({
        operation: 'create',
        path: '/3303/1',
        payload: { 5750: 'x' },
      })
      assert.equal(created['path'], '/3303/1')
      const links = await request({ operation: 'discover', path: '/3303' })
      assert.ok((links.payload as { path: string }[]).some(({ path }) => path === '/3303/1'))
      const attributes = { operation: 'write-attributes', path: '/3303/1', payload: { pmin: 1 } }
      assert.equal(((await request(attributes))['lwm2m'] as { code: string }).code, '2.04')
      const deleted = await request({ operation: 'delete', path: '/3303/1' })
      assert.equal((deleted['lwm2m'] as { code: string }).code, '2.02')
      const both = await request({ operation: 'read', path: ['/3/0/9', '/3/0/14'] })
      assert.deepEqual(both.payload, { '/3/0/9': 95, '/3/0/14': '+01:00' })
    })

    it('lists the registered devices', async () => {
      await start('lwm2m-request')
      const message = await request({ operation: 'list', endpoint: 'd*' })
      const [device, ...others] = message.payload as { endpoint: string; objects: object[] }[]
      assert.equal(others.length, 0)
      assert.equal(device?.endpoint, 'dev')
      assert.deepEqual(device?.objects.at(-1), {
        id: 3303,
        name: 'Temperature',
        version: '1.1',
        instances: [0],
      })
    })

    it("tells the server's counters", async () => {
      await start('lwm2m-request')
      const { payload } = await request({ operation: 'statistics' })
      const counters = payload as { registrations: number; coap: { requestsIn: number } }
      assert.equal(counters.registrations, 1)
      assert.ok(counters.coap.requestsIn >= 1)
    })

    it('observes: the first value is the answer, the next ones leave by the second output', async () => {
      await start('lwm2m-request')
      const first = await request({ operation: 'observe', path: '/3303/0/5700' })
      assert.equal(first.payload, 21.4)
      assert.equal(first['reqID'], 9)
      const next = flows.next('out2')
      flows.node('device-dev').receive({ path: '/3303/0/5700', payload: 22.5 })
      const notification = await next
      assert.equal(notification.payload, 22.5)
      assert.equal(notification['reqID'], 9)
      assert.equal(notification['operation'], 'observe')
      const cancelled = await request({ operation: 'cancel-observe', path: '/3303/0/5700' })
      assert.equal((cancelled['lwm2m'] as { code: string }).code, '2.05')
      const again = await request({ operation: 'cancel-observe', path: '/3303/0/5700' }, 'caught')
      assert.equal((again as unknown as Caught).error.code, 'not-observed')
    })

    it('observes in the format and within the timeout of the message', async () => {
      await start('lwm2m-request')
      const { peer } = await registerScripted(port, ['ep=scripted', 'lwm2m=1.1', 'lt=300'])
      try {
        const ask = { endpoint: 'scripted', operation: 'observe', path: '/3/0/9' }
        const caught = request({ ...ask, options: { format: 'text', timeout: 0.2 } }, 'caught')
        const { options, mid } = await peer.message()
        const accept = options.filter(([number]) => number === Opt.ACCEPT)
        assert.deepEqual(
          accept.map(([, value]) => value.length),
          [0],
        )
        // Acknowledged, and never answered.
        await peer.send({ type: 2, code: 0, mid })
        const { error } = (await caught) as unknown as Caught
        assert.equal(error.code, 'timeout')
        assert.match(error.message, /observation of \/3\/0\/9 of scripted .* within 200 ms/)
        const listed = await request(
          { operation: 'cancel-observe', path: '/3/0/9', endpoint: 'scripted' },
          'caught',
        )
        assert.equal((listed as unknown as Caught).error.code, 'not-observed')
      } finally {
        await peer.close()
      }
    })

    it('answers a request to observe that another one replaces, or that is cancelled', async () => {
      await start('lwm2m-request')
      const { peer } = await registerScripted(port, ['ep=scripted', 'lwm2m=1.1', 'lt=300'])
      try {
        const ask = { endpoint: 'scripted', operation: 'observe', path: '/3/0/9' }
        const first = request(ask, 'caught')
        await peer.message()
        const second = request(ask, 'caught')
        assert.equal(((await first) as unknown as Caught).error.code, 'cancelled')
        const cancel = request({ ...ask, operation: 'cancel-observe' })
        assert.equal(((await second) as unknown as Caught).error.code, 'cancelled')
        await cancel
      } finally {
        await peer.close()
      }
    })

    for (const [what, message, code] of [
      ['an unknown operation', { operation: 'destroy', path: '/3' }, 'invalid-argument'],
      ['a missing path', { operation: 'read' }, 'invalid-argument'],
      [
        'to observe who is not registered',
        { operation: 'observe', path: '/3/0/9', endpoint: 'ghost' },
        'unknown-endpoint',
      ],
      [
        'a format that there is not',
        { operation: 'read', path: '/3', options: { format: 'xml' } },
        'invalid-argument',
      ],
    ] as const) {
      it(`refuses ${what}: ${code}`, async () => {
        await start('lwm2m-request')
        const { error } = (await request(message, 'caught')) as unknown as Caught
        assert.equal(error.code, code)
      })
    }
  })
})
