import assert from 'node:assert/strict'
import { Scheduler } from '../../../src/base/scheduler'
import { Path } from '../../../src/lwm2m/path'
import { GatewayInventory } from '../../../src/server/objects/gateway-inventory'
import type { Registration, ValueReport } from '../../../src/server/types'
import { FakeClock } from '../../support/fake-clock'
import { CON, Opt, type ReadMessage } from '../../support/raw-coap'
import { optionsOf, RegisteredDevice } from '../support/registered-device'

const SENML_JSON = 110
const GET = 1
const PUT = 3

/** The object of a gateway as its device answers it. */
function inventory(...devices: [instance: number, id: string, prefix: string, objects?: string][]) {
  return JSON.stringify(
    devices.flatMap(([instance, id, prefix, objects]) => [
      { n: `/25/${instance}/0`, vs: id },
      { n: `/25/${instance}/1`, vs: prefix },
      ...(objects === undefined ? [] : [{ n: `/25/${instance}/3`, vs: objects }]),
    ]),
  )
}

const TWO = inventory(
  [0, 'meter-1', 'd1', '</3/0>,</3303/0>;ver=1.1'],
  [1, 'meter-2', 'd2', '</d2/3/0>,</d2/3304/5>'],
)

describe('a gateway (object 25)', () => {
  let gateway: RegisteredDevice

  /** Registers a gateway and answers the read of its inventory. */
  async function open(
    answer: string = TWO,
    options: Parameters<typeof RegisteredDevice.open>[0] = {},
  ): Promise<ReadMessage> {
    gateway = await RegisteredDevice.open({
      endpoint: 'gw',
      links: '</1/0>,</25>;ver=2.0,</25/0>,</25/1>',
      ...options,
    })
    return giveInventory(answer)
  }

  async function giveInventory(answer: string): Promise<ReadMessage> {
    const read = await gateway.peer.message()
    await gateway.content(read, SENML_JSON, answer)
    await gateway.peer.barrier()
    return read
  }

  const listed = () =>
    gateway.server.registrations
      .list({ pattern: 'gw/*' })
      .map(({ endpoint, objects }) => [
        endpoint,
        ...objects.map(({ id, version, instances }) => `${id} ${version} ${instances.join()}`),
      ])

  afterEach(() => gateway.close())

  it('is asked for its end devices, which are listed with their objects', async () => {
    const read = await open()
    assert.equal(read.code, GET)
    assert.deepEqual(
      read.options.filter(([number]) => number === Opt.URI_PATH).map(([, value]) => String(value)),
      ['25'],
    )
    assert.deepEqual(listed(), [
      ['gw/meter-1', '3 1.1 0', '3303 1.1 0'],
      ['gw/meter-2', '3 1.1 0', '3304 1.0 5'],
    ])
    const { registrations } = gateway.server
    assert.equal(registrations.size, 3)
    assert.deepEqual(registrations.get('gw/meter-2')?.gateway, {
      endpoint: 'gw',
      instance: 1,
      prefix: 'd2',
    })
  })

  it('lets an end device be read by its own name and paths', async () => {
    await open()
    const { server, peer } = gateway
    const result = server.read('gw/meter-1', '/3303/0/5700')
    const request = await gateway.expect({
      code: GET,
      options: optionsOf({ path: 'd1/3303/0/5700', accept: 112 }),
    })
    await gateway.content(request, SENML_JSON, '[{"n":"/d1/3303/0/5700","v":21.5}]')
    const { endpoint, path, records } = await result
    assert.deepEqual([endpoint, String(path)], ['gw/meter-1', '/3303/0/5700'])
    assert.deepEqual(
      records.map((one) => [String(one.path), one.value]),
      [['/3303/0/5700', 21.5]],
    )
    await peer.barrier()
  })

  it('lets an end device be written in TLV and in LwM2M CBOR', async () => {
    await open(TWO, { version: '1.2' })
    const { server } = gateway
    const tlv = server.write('gw/meter-1', '/3303/0/5701', 'Cel', { format: 11542 })
    const first = await gateway.expect({
      code: PUT,
      options: optionsOf({ path: 'd1/3303/0/5701', format: 11542 }),
      payload: Buffer.from('e3164543656c', 'hex'),
    })
    await gateway.answer(first, 0x44)
    await tlv
    const cbor = server.write('gw/meter-1', '/3303/0/5701', 'Cel', { format: 11544 })
    const second = await gateway.expect({
      code: PUT,
      options: optionsOf({ path: 'd1/3303/0/5701', format: 11544 }),
      // {["d1", 3303, 0, 5701]: "Cel"}
      payload: Buffer.from('a184626431190ce7001916456343656c', 'hex'),
    })
    await gateway.answer(second, 0x44)
    await cbor
  })

  it('has its end devices observed by name and by pattern, with their own paths', async () => {
    const reports: ValueReport[] = []
    await open(inventory([0, 'meter-1', 'd1', '</3303/0>']))
    const { server, peer } = gateway
    server.observe(
      { target: 'gw/*', paths: ['/3303/0/5700'] },
      { onValue: (report) => reports.push(report) },
    )
    const observe = await gateway.expect({
      code: GET,
      options: optionsOf({ path: 'd1/3303/0/5700', observe: 0, accept: 112 }),
    })
    await gateway.content(observe, SENML_JSON, '[{"n":"/d1/3303/0/5700","v":1}]', 1)
    await peer.barrier()
    await gateway.notify(observe.token, 2, SENML_JSON, '[{"n":"/d1/3303/0/5700","v":2}]', CON)
    assert.deepEqual(
      reports.map(({ endpoint, cause, records }) => [
        endpoint,
        cause,
        String(records[0]?.path),
        records[0]?.value,
      ]),
      [
        ['gw/meter-1', 'first', '/3303/0/5700', 1],
        ['gw/meter-1', 'notify', '/3303/0/5700', 2],
      ],
    )
  })

  it('is asked again when its instances change; what came and went is told', async () => {
    await open()
    const { server, peer } = gateway
    const events: string[] = []
    for (const name of ['registered', 'updated', 'deregistered'] as const) {
      server.on(name, (...[{ endpoint }]) => void events.push(`${name} ${endpoint}`))
    }
    await peer.request({
      code: 2,
      options: optionsOf({ path: gateway.location, format: 40 }),
      payload: '</1/0>,</25>;ver=2.0,</25/0>,</25/2>',
    })
    await giveInventory(
      inventory([0, 'meter-1', 'd1', '</3/0>'], [2, 'meter-3', 'd3', '</3303/0>']),
    )
    assert.deepEqual(events, [
      'updated gw',
      'deregistered gw/meter-2',
      'updated gw/meter-1',
      'registered gw/meter-3',
    ])
    assert.deepEqual(listed(), [
      ['gw/meter-1', '3 1.1 0'],
      ['gw/meter-3', '3303 1.0 0'],
    ])
  })

  it('that registers anew has its end devices observed anew; one that leaves takes them along', async () => {
    await open(inventory([0, 'meter-1', 'd1', '</3303/0>']))
    const { server, peer } = gateway
    server.observe({ target: 'gw/meter-1', paths: ['/3303/0/5700'] }, { onValue: () => {} })
    const observe = await peer.message()
    await gateway.content(observe, SENML_JSON, '[{"n":"/d1/3303/0/5700","v":1}]', 1)
    await peer.barrier()
    await gateway.register()
    const paths: string[] = []
    for (let i = 0; i < 2; i++) {
      const request = await peer.message()
      const path = request.options
        .filter(([number]) => number === Opt.URI_PATH)
        .map(([, value]) => String(value))
      paths.push(path.join('/'))
      const isInventory = path[0] === '25'
      await gateway.content(
        request,
        SENML_JSON,
        isInventory
          ? inventory([0, 'meter-1', 'd1', '</3303/0>'])
          : '[{"n":"/d1/3303/0/5700","v":2}]',
        isInventory ? undefined : 2,
      )
      await peer.barrier()
    }
    assert.deepEqual(paths.sort(), ['25', 'd1/3303/0/5700'])
    assert.equal(server.registrations.size, 2)
    await peer.request({ code: 4, options: optionsOf({ path: gateway.location }) })
    assert.equal(server.registrations.size, 0)
  })

  it('cannot take the name of another endpoint, nor fill the memory', async () => {
    await open(
      inventory([0, 'a', 'd1'], [1, 'a', 'd2'], [2, 'b', '3'], [3, 'c', 'd4', '<'.repeat(9_000)]),
    )
    assert.deepEqual(listed(), [['gw/a']])
    assert.deepEqual(
      gateway.warnings.map(({ code, message }) => [code, message]),
      [
        ['end-devices', 'gw: end device 1 is left out: another one has its Device ID'],
        ['end-devices', 'gw: end device 2 is left out: its Prefix is not a segment of a path'],
        ['end-devices', 'gw: the objects of end device 3 are too many'],
      ],
    )
  })
})

describe('the inventory of gateways', () => {
  const registration = {
    endpoint: 'gw',
    id: 'x',
    version: '1.2',
    root: 'lwm2m',
    objects: [{ id: 25, version: '2.0', instances: [0] }],
  } as unknown as Registration
  let inventory: GatewayInventory

  beforeEach(() => {
    const scheduler = new Scheduler(new FakeClock(), (error) => assert.fail(String(error)))
    inventory = new GatewayInventory(
      scheduler,
      () => Promise.resolve(),
      ({ message }) => assert.fail(message),
    )
    inventory.onRegistered(registration)
  })

  function tell(path: string, value: string): void {
    const at = Path.parse(path)
    const records = [{ path: at, value }]
    const report = { path: at, records, registration, cause: 'notify', time: 1 }
    inventory.onValues(report as unknown as ValueReport)
  }

  it('takes what is read or observed of single resources, once it is complete', () => {
    tell('/25/7/1', 'd1')
    assert.equal(inventory.size, 0)
    tell('/25/7/0', 'meter')
    const device = inventory.get('gw/meter')
    assert.deepEqual([device?.root, device?.id, device?.objects], ['lwm2m/d1', 'x/d1', []])
    tell('/25/7/3', '</3303/0>')
    assert.deepEqual(
      device?.objects.map(({ id }) => id),
      [3303],
    )
    tell('/25/7/1', 'd2')
    assert.deepEqual(
      [...inventory].map(({ root }) => root),
      ['lwm2m/d2'],
    )
  })

  it('takes no value of another object, nor one of an end device, for its own', () => {
    tell('/26/0/0', 'meter')
    tell('/d1/25/0/0', 'meter')
    tell('/d1/25/0/1', 'd9')
    assert.equal(inventory.size, 0)
  })
})
