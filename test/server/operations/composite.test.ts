import assert from 'node:assert/strict'
import type { CompositeValues } from '../../../src/server/operations'
import { type DeviceOptions, RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const FETCH = 0x05
const IPATCH = 0x07

/** The list of /3/0/0 alone. */
const IN_JSON = '[{"bn":"/","n":"3/0/0"}]'
const IN_CBOR = hex('81 a2 21 61 2f 00 65 332f302f30')

let device: RegisteredDevice
const open = async (options: DeviceOptions) => {
  device = await RegisteredDevice.open(options)
}

describe('Read-Composite', () => {
  afterEach(() => device.close())

  it('asks for paths by FETCH and says which of them were left out', async () => {
    await open({ version: '1.1' })
    const result = device.server.readComposite('dev1', ['/3/0/0', '/1/0/1', '/3/0/0', '/4'])
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ format: 112, accept: 112 }),
      // [{-2:"/",0:"3/0/0"},{0:"1/0/1"},{0:"4"}]
      payload: hex('83 a2 21 61 2f 00 65 332f302f30 a1 00 65 312f302f31 a1 00 61 34'),
    })
    await device.content(request, 110, '[{"n":"/3/0/0","vs":"OMA"}]')
    const { records, missing, path } = await result
    assert.equal(String(path), '/')
    assert.deepEqual(
      records.map((record) => [String(record.path), record.value]),
      [['/3/0/0', 'OMA']],
    )
    assert.deepEqual(missing?.map(String), ['/1/0/1', '/4'])
  })

  it('asks for everything by the root', async () => {
    await open({ version: '1.1' })
    const result = device.server.readComposite('dev1', ['/'], { format: 110 })
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ format: 110, accept: 110 }),
      payload: '[{"bn":"/"}]',
    })
    await device.content(request, 110, '[{"n":"/3/0/0","vs":"OMA"},{"n":"/3303/0/5700","v":1}]')
    const { records, missing } = await result
    assert.equal(records.length, 2)
    assert.deepEqual(missing, [])
  })

  it('says the paths in SenML whatever format the caller wants of the answer', async () => {
    await open({ version: '1.2' })
    for (const [wanted, format, accept, payload] of [
      [110, 110, 110, IN_JSON],
      [320, 110, 110, IN_JSON],
      [322, 112, 112, IN_CBOR],
      [11544, 112, 11544, IN_CBOR],
      [11542, 112, 11542, IN_CBOR],
    ] as const) {
      const result = device.server.readComposite('dev1', ['/3/0/0'], { format: wanted })
      const request = await device.expect({
        code: FETCH,
        options: optionsOf({ format, accept }),
        payload,
      })
      await device.content(request, 110, '[{"n":"/3/0/0","vs":"OMA"}]')
      assert.equal((await result).records.length, 1)
    }
  })

  it('asks in SenML JSON when the device knows no SenML CBOR', async () => {
    await open({ version: '1.1' })
    const result = device.server.readComposite('dev1', ['/3/0/0'])
    await device.answer(await device.peer.message(), 0x8f)
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ format: 110, accept: 110 }),
      payload: '[{"bn":"/","n":"3/0/0"}]',
    })
    await device.content(request, 110, '[{"n":"/3/0/0","vs":"OMA"}]')
    assert.equal((await result).format, 110)
  })

  it('says the paths in the other format once, and keeps the format that the caller chose', async () => {
    await open({ version: '1.2' })
    const result = device.server.readComposite('dev1', ['/3/0/0'], { format: 11544 })
    const rejected = assert.rejects(result, { code: '4.15' })
    await device.answer(await device.peer.message(), 0x8f)
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ format: 110, accept: 11544 }),
      payload: IN_JSON,
    })
    await device.answer(request, 0x8f)
    await rejected
    const refused = device.server.readComposite('dev1', ['/3/0/0'], { format: 11544 })
    const notAcceptable = assert.rejects(refused, { code: '4.06' })
    await device.answer(await device.peer.message(), 0x86)
    await notAcceptable
    assert.deepEqual(device.peer.pending, [])
  })

  it('delivers values of paths that nobody asked for, with a warning', async () => {
    await open({ version: '1.1' })
    const result = device.server.readComposite('dev1', ['/3/0/0', '/3303'])
    const json = '[{"n":"/3/0/0","vs":"OMA"},{"n":"/3303/0/5700","v":1},{"n":"/3/0/9","v":5}]'
    await device.content(await device.peer.message(), 110, json)
    assert.equal((await result).records.length, 3)
    assert.deepEqual(
      device.warnings.map(({ code, message }) => [code, message]),
      [['value', 'the device answers /3/0/9, which was not asked for']],
    )
  })

  it('speaks below the alternate root', async () => {
    await open({ links: '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>' })
    const result = device.server.readComposite('dev1', ['/3/0/0'], { format: 110 })
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ path: '/lwm2m', format: 110, accept: 110 }),
      payload: '[{"bn":"/lwm2m/","n":"3/0/0"}]',
    })
    await device.content(request, 110, '[{"n":"/lwm2m/3/0/0","vs":"OMA"}]')
    const { records, missing } = await result
    assert.equal(String(records[0]?.path), '/3/0/0')
    assert.deepEqual(missing, [])
  })

  it('is refused locally for a 1.0 device, and without paths', async () => {
    await open({ version: '1.0' })
    await assert.rejects(device.server.readComposite('dev1', ['/3/0/0']), { code: 'unsupported' })
    await device.register({ version: '1.1' })
    await assert.rejects(device.server.readComposite('dev1', []), { code: 'invalid-argument' })
    await device.peer.barrier()
    assert.deepEqual(device.peer.pending, [])
  })
})

describe('Write-Composite', () => {
  afterEach(() => device.close())

  const write = async (
    values: CompositeValues,
    format: number,
    payload: string | Uint8Array,
    chosen?: number,
  ) => {
    const options = chosen === undefined ? {} : { format: chosen }
    const result = device.server.writeComposite('dev1', values, options)
    const request = await device.expect({ code: IPATCH, options: optionsOf({ format }), payload })
    await device.answer(request, 0x44)
    assert.equal((await result).code, 0x44)
  }

  it('writes values of several objects by iPATCH', async () => {
    await open({ version: '1.1' })
    await write(
      { '/1/0/2': 101, '/3/0': { 14: 'Z' } },
      112,
      hex('82 a3 21 61 2f 00 65 312f302f32 02 18 65 a2 00 66 332f302f3134 03 61 5a'),
    )
    await write(
      { '/1/0/2': 101, '/3/0/14': 'Z' },
      110,
      '[{"bn":"/","n":"1/0/2","v":101},{"n":"3/0/14","vs":"Z"}]',
      110,
    )
  })

  it('knows resources by their names', async () => {
    await open({ version: '1.1' })
    await write({ '/3/0': { 'UTC Offset': 'Z' } }, 110, '[{"bn":"/","n":"3/0/14","vs":"Z"}]', 110)
  })

  it('deletes by SenML-ETCH null (1.2)', async () => {
    await open({ version: '1.2' })
    await write(
      { '/3/0/6/1': null, '/3/0/14': 'Z' },
      322,
      hex('82 a3 21 61 2f 00 67 332f302f362f31 02 f6 a2 00 66 332f302f3134 03 61 5a'),
    )
    await write({ '/3/0/6/1': null }, 320, '[{"bn":"/","n":"3/0/6/1","v":null}]', 320)
  })

  it('says it in another format once', async () => {
    await open({ version: '1.1' })
    const result = device.server.writeComposite('dev1', { '/1/0/2': 101 })
    await device.answer(await device.peer.message(), 0x8f)
    const request = await device.peer.message()
    assert.equal(request.options.find(([number]) => number === 12)?.[1].toString('hex'), '6e')
    const rejected = assert.rejects(result, { code: '4.15' })
    await device.answer(request, 0x8f)
    await rejected
    assert.deepEqual(device.peer.pending, [])
  })

  it('is refused locally where the version has no such thing', async () => {
    await open({ version: '1.0' })
    await assert.rejects(device.server.writeComposite('dev1', { '/1/0/2': 1 }), {
      code: 'unsupported',
    })
    await device.register({ version: '1.1' })
    await assert.rejects(device.server.writeComposite('dev1', { '/3/0/6/1': null }), {
      code: 'unsupported',
    })
    await assert.rejects(device.server.writeComposite('dev1', {}), { code: 'invalid-argument' })
    await assert.rejects(device.server.writeComposite('dev1', { '/1/0/2': 'x' }), {
      code: 'encode',
    })
    await device.peer.barrier()
    assert.deepEqual(device.peer.pending, [])
  })
})
