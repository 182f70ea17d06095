import assert from 'node:assert/strict'
import type { AttributeSet } from '../../../src/lwm2m/attributes'
import { operationNames } from '../../../src/server/operations'
import type { ExecuteArguments } from '../../../src/server/types'
import { type DeviceOptions, RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const GET = 0x01
const POST = 0x02
const PUT = 0x03
const DELETE = 0x04
const CHANGED = 0x44

let device: RegisteredDevice
const open = async (options: DeviceOptions) => {
  device = await RegisteredDevice.open(options)
}

/** Nothing was sent. */
async function silent(): Promise<void> {
  await device.peer.barrier()
  assert.deepEqual(device.peer.pending, [])
}

describe('Execute', () => {
  afterEach(() => device.close())

  const execute = async (
    path: string,
    args: ExecuteArguments | undefined,
    payload: string | undefined,
  ) => {
    const result = device.server.execute('dev1', path, args)
    const format = payload === undefined ? undefined : 0
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path, format }),
      payload,
    })
    await device.answer(request, CHANGED)
    assert.equal((await result).code, CHANGED)
  }

  it('sends arguments as text, or nothing', async () => {
    await open({})
    await execute('/3/0/4', undefined, undefined)
    await execute('/3/0/4', '', undefined)
    await execute('/3/0/4', "0='a',1", "0='a',1")
    await execute('/3/0/4', { 0: 'a', 1: undefined }, "0='a',1")
    await execute('/3/0/4', { 5: undefined }, '5')
    await execute('/3/0/4', "2='10.3'", "2='10.3'")
  })

  it('refuses what is not an argument or no resource', async () => {
    await open({})
    await assert.rejects(device.server.execute('dev1', '/3/0/4', 'reboot'), {
      code: 'invalid-argument',
    })
    await assert.rejects(device.server.execute('dev1', '/3/0'), { code: 'invalid-argument' })
    await silent()
  })

  it('names a transport to the Registration Update Trigger in the query (1.2)', async () => {
    await open({ version: '1.2' })
    const result = device.server.execute('dev1', '/1/0/8', { 0: 'U' })
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/1/0/8', query: ['0=U'] }),
    })
    await device.answer(request, CHANGED)
    await result
    await execute('/1/0/8', undefined, undefined)
  })

  it('refuses that argument to an older device', async () => {
    await open({ version: '1.1' })
    await assert.rejects(device.server.execute('dev1', '/1/0/8', { 0: 'U' }), {
      code: 'unsupported',
    })
    await silent()
  })

  it('rejects with 4.05', async () => {
    await open({})
    const result = device.server.execute('dev1', '/3/0/9')
    const rejected = assert.rejects(result, { code: '4.05' })
    await device.answer(await device.peer.message(), 0x85)
    await rejected
  })
})

describe('Create', () => {
  afterEach(() => device.close())

  it('leaves the instance id to the device in TLV, and answers where it is', async () => {
    await open({ version: '1.1', links: '</2>,</3/0>' })
    const result = device.server.create('dev1', '/3303', { 5700: 21.5, 5701: 'Cel' })
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/3303', format: 11542 }),
      payload: hex('E4 1644 41AC0000 E3 1645 43656C'),
    })
    await device.answer(request, 0x41, {
      options: [
        [8, '3303'],
        [8, '4'],
      ],
    })
    const { code, location } = await result
    assert.equal(code, 0x41)
    assert.equal(String(location), '/3303/4')
  })

  it('says the instance id in the payload', async () => {
    await open({ version: '1.0' })
    const result = device.server.create('dev1', '/2/1', { 0: 1, 3: 102 })
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/2', format: 11542 }),
      payload: hex('06 01 C10001 C10366'),
    })
    await device.answer(request, 0x41)
    assert.equal(String((await result).location), '/2/1')
  })

  it('says it in SenML CBOR to a 1.1 device', async () => {
    await open({ version: '1.1' })
    const result = device.server.create('dev1', '/3303/1', { 5701: 'Cel' })
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/3303', format: 112 }),
      payload: hex('81 a3 21 66 2f333330332f 00 66 312f35373031 03 63 43656c'),
    })
    await device.answer(request, 0x41)
    assert.equal(String((await result).location), '/3303/1')
  })

  it('picks a free id for a device that prefers a format which cannot leave it out', async () => {
    await open({ version: '1.2', links: '</>;rt="oma.lwm2m";ct=110,</3303/0>,</3303/1>,</3303/3>' })
    const result = device.server.create('dev1', '/3303', { 5701: 'Cel' })
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/3303', format: 110 }),
      payload: '[{"bn":"/3303/","n":"2/5701","vs":"Cel"}]',
    })
    await device.answer(request, 0x41)
    assert.equal(String((await result).location), '/3303/2')
  })

  it('does so too when the device refuses TLV', async () => {
    await open({ version: '1.1' })
    const result = device.server.create('dev1', '/3303', { 5701: 'Cel' })
    await device.answer(await device.peer.message(), 0x8f)
    const request = await device.expect({
      code: POST,
      options: optionsOf({ path: '/3303', format: 112 }),
      payload: hex('81 a3 21 66 2f333330332f 00 66 312f35373031 03 63 43656c'),
    })
    await device.answer(request, 0x41, {
      options: [
        [8, '3303'],
        [8, '1'],
      ],
    })
    assert.equal(String((await result).location), '/3303/1')
  })

  it('creates an instance without resources', async () => {
    await open({ version: '1.0' })
    for (const [path, payload] of [
      ['/2', ''],
      ['/2/1', hex('0001')],
      ['/2/300', hex('20012c')],
    ] as const) {
      const result = device.server.create('dev1', path)
      const request = await device.expect({
        code: POST,
        options: optionsOf({ path: '/2', format: 11542 }),
        payload,
      })
      await device.answer(request, 0x41)
      await result
    }
  })

  it('understands a Location-Path of one option, and one below the alternate root', async () => {
    await open({ links: '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>' })
    for (const options of [
      [[8, '/3303/4']],
      [
        [8, 'lwm2m'],
        [8, '3303'],
        [8, '4'],
      ],
    ] as [number, string][][]) {
      const result = device.server.create('dev1', '/3303', { 5701: 'Cel' })
      await device.answer(await device.peer.message(), 0x41, { options })
      assert.equal(String((await result).location), '/3303/4')
    }
  })
})

describe('Create answered with a location that is none', () => {
  afterEach(() => device.close())

  it('has created the instance all the same', async () => {
    await open({})
    const result = device.server.create('dev1', '/3303/7', { 5701: 'Cel' })
    await device.answer(await device.peer.message(), 0x41, { options: [[8, 'a b']] })
    assert.equal(String((await result).location), '/3303/7')
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['value'],
    )
  })
})

describe('Delete', () => {
  afterEach(() => device.close())

  it('deletes an instance; since 1.2 a resource instance', async () => {
    await open({ version: '1.2' })
    for (const path of ['/2/1', '/3/0/6/1']) {
      const result = device.server.delete('dev1', path)
      await device.answer(await device.expect({ code: DELETE, options: optionsOf({ path }) }), 0x42)
      assert.equal((await result).code, 0x42)
    }
  })

  it('refuses what cannot be deleted', async () => {
    await open({ version: '1.1' })
    await assert.rejects(device.server.delete('dev1', '/3'), { code: 'invalid-argument' })
    await assert.rejects(device.server.delete('dev1', '/3/0/6'), { code: 'invalid-argument' })
    await assert.rejects(device.server.delete('dev1', '/3/0/6/1'), { code: 'unsupported' })
    await silent()
  })
})

describe('Discover', () => {
  afterEach(() => device.close())

  it('answers links with their attributes', async () => {
    await open({})
    const result = device.server.discover('dev1', '/3/0')
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/3/0', accept: 40 }),
    })
    await device.content(
      request,
      40,
      '</3/0>;pmin=10;ver="1.1",</3/0/6>;dim=8,</3/0/7>;dim=8;gt=50;lt=-42.2;con',
    )
    const { links, records, format } = await result
    assert.equal(format, 40)
    assert.deepEqual(records, [])
    assert.deepEqual(
      links?.map(({ path, attributes }) => [String(path), attributes]),
      [
        ['/3/0', { pmin: 10, ver: '1.1' }],
        ['/3/0/6', { dim: 8 }],
        ['/3/0/7', { dim: 8, gt: 50, lt: -42.2, con: true }],
      ],
    )
  })

  it('asks for a depth (1.2)', async () => {
    await open({ version: '1.2' })
    const result = device.server.discover('dev1', '/3', { depth: 0 })
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/3', query: ['depth=0'], accept: 40 }),
    })
    await device.content(request, 40, '</3>')
    assert.equal((await result).links?.length, 1)
    await assert.rejects(device.server.discover('dev1', '/3', { depth: 4 }), {
      code: 'invalid-argument',
    })
  })

  it('has no depth before', async () => {
    await open({ version: '1.1' })
    await assert.rejects(device.server.discover('dev1', '/3', { depth: 1 }), {
      code: 'unsupported',
    })
    await silent()
  })

  it('takes the alternate root off, and warns of links that are not paths', async () => {
    await open({ links: '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>' })
    const result = device.server.discover('dev1', '/3')
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/lwm2m/3', accept: 40 }),
    })
    await device.content(request, 40, '</lwm2m/3/0>,</lwm2m/3/0/1/2/3>')
    assert.deepEqual(
      (await result).links?.map(({ path }) => String(path)),
      ['/3/0'],
    )
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['value'],
    )
  })

  it('takes a list of links whatever number stands for its format, with a warning', async () => {
    await open({})
    for (const format of [undefined, 0, 65535]) {
      const result = device.server.discover('dev1', '/3')
      await device.content(await device.peer.message(), format, '</3/0>')
      assert.deepEqual(
        (await result).links?.map(({ path }) => String(path)),
        ['/3/0'],
      )
    }
    assert.deepEqual(
      device.warnings.map(({ code, message }) => [code, message]),
      [
        ['value', 'Discover answered in Content-Format 0, read as link format (40)'],
        ['value', 'Discover answered in Content-Format 65535, read as link format (40)'],
      ],
    )
  })

  it('fails on what is not a list of links', async () => {
    await open({})
    for (const [format, payload] of [
      [40, '</'],
      [0, 'hello'],
      [60, '</3>'],
    ] as const) {
      const result = device.server.discover('dev1', '/3')
      const rejected = assert.rejects(result, { code: 'decode' })
      await device.content(await device.peer.message(), format, payload)
      await rejected
    }
  })
})

describe('Write-Attributes', () => {
  afterEach(() => device.close())

  const write = async (path: string, attributes: AttributeSet, query: string[]) => {
    const result = device.server.writeAttributes('dev1', path, attributes)
    const request = await device.expect({ code: PUT, options: optionsOf({ path, query }) })
    await device.answer(request, CHANGED)
    assert.equal((await result).code, CHANGED)
  }

  it('sets and unsets by queries, with no payload and no Content-Format', async () => {
    await open({ version: '1.2' })
    await write('/3/0/9', { pmin: 1, pmax: 5, gt: 42.5, lt: -3, st: 0.5 }, [
      'pmin=1',
      'pmax=5',
      'gt=42.5',
      'lt=-3',
      'st=0.5',
    ])
    await write('/3/0/9', { pmin: null, gt: null }, ['pmin', 'gt'])
    await write('/3/0', { epmin: 1, epmax: 2, con: 1, hqmax: 3 }, [
      'epmin=1',
      'epmax=2',
      'con=1',
      'hqmax=3',
    ])
    await write('/3303/0/5500', { edge: 1 }, ['edge=1'])
    await write('/3', { pmax: 60 }, ['pmax=60'])
  })

  it('refuses locally what a device would refuse', async () => {
    await open({ version: '1.0' })
    const refused = (path: string, attributes: AttributeSet, code: string) =>
      assert.rejects(device.server.writeAttributes('dev1', path, attributes), { code })
    await refused('/3/0/9', { lt: 50, gt: 50 }, 'invalid-attributes')
    await refused('/3/0/9', { lt: 10, gt: 30, st: 10 }, 'invalid-attributes')
    await refused('/3/0/9', { pmin: -1 }, 'invalid-attributes')
    await refused('/3/0/9', { epmin: 1 }, 'invalid-attributes')
    await refused('/3/0', { gt: 1 }, 'invalid-attributes')
    await refused('/3/0/9', {}, 'invalid-argument')
    await refused('/', { pmin: 1 }, 'invalid-argument')
    await silent()
  })
})

describe('Any operation by name', () => {
  afterEach(() => device.close())

  it('is found, or refused with the names there are', async () => {
    await open({})
    assert.deepEqual([...operationNames].sort(), [
      'create',
      'delete',
      'discover',
      'execute',
      'read',
      'read-composite',
      'write',
      'write-attributes',
      'write-composite',
    ])
    await assert.rejects(device.server.perform('toString' as 'read', 'dev1', { path: '/3' }), {
      code: 'invalid-argument',
    })
    const result = device.server.perform('execute', 'dev1', { path: '/3/0/4' })
    await device.answer(await device.peer.message(), CHANGED)
    assert.equal((await result).code, CHANGED)
  })
})
