import assert from 'node:assert/strict'
import { DecodeError } from '../../../src/lwm2m/formats/codec'
import { DeviceError } from '../../../src/server/errors'
import { RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const GET = 0x01

/** What a read says, in plain values. */
function values(result: { records: readonly { path: unknown; value: unknown }[] }) {
  return result.records.map(({ path, value }) => [String(path), value])
}

describe('Read', () => {
  let device: RegisteredDevice
  const open = async (options: Parameters<typeof RegisteredDevice.open>[0]) => {
    device = await RegisteredDevice.open(options)
  }
  afterEach(() => device.close())

  const read = async (
    path: string,
    accept: number | undefined,
    reply: { format?: number; payload: string | Uint8Array },
  ) => {
    const result = device.server.read('dev1', path)
    const request = await device.expect({ code: GET, options: optionsOf({ path, accept }) })
    await device.content(request, reply.format, reply.payload)
    return result
  }

  it('asks a 1.1 device for SenML CBOR and answers records', async () => {
    await open({ version: '1.1' })
    // [{-2: "/3/0/9", 2: 95}]
    const result = await read('/3/0/9', 112, {
      format: 112,
      payload: hex('81 a2 21 66 2f332f302f39 02 18 5f'),
    })
    assert.equal(result.code, 0x45)
    assert.equal(result.format, 112)
    assert.equal(result.endpoint, 'dev1')
    assert.equal(String(result.path), '/3/0/9')
    assert.deepEqual(values(result), [['/3/0/9', 95]])
  })

  it('asks a 1.0 device for TLV', async () => {
    await open({ version: '1.0' })
    const result = await read('/3/0/9', 11542, { format: 11542, payload: hex('c10964') })
    assert.deepEqual(values(result), [['/3/0/9', 100]])
  })

  it('asks for what the device prefers (ct of its root link)', async () => {
    await open({ version: '1.2', links: '</>;rt="oma.lwm2m";ct="60 11544 112",</3/0>' })
    const result = await read('/3/0', 11544, {
      format: 11544,
      payload: hex('bf 82 03 00 bf 09 18 5f ff ff'),
    })
    assert.deepEqual(values(result), [['/3/0/9', 95]])
  })

  it('leaves the format to a device that only prefers single values, for an instance', async () => {
    await open({ version: '1.1', links: '</>;rt="oma.lwm2m";ct="0",</3/0>' })
    const tlv = await read('/3/0', undefined, { format: 11542, payload: hex('c1095f') })
    assert.deepEqual(values(tlv), [['/3/0/9', 95]])
    const text = await read('/3/0/9', 0, { format: 0, payload: '96' })
    assert.deepEqual(values(text), [['/3/0/9', 96]])
  })

  it('prepends the alternate root and takes it off again', async () => {
    await open({ links: '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>' })
    const result = device.server.read('dev1', '/3/0/9')
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/lwm2m/3/0/9', accept: 112 }),
    })
    await device.content(request, 110, '[{"n":"/lwm2m/3/0/9","v":7}]')
    assert.deepEqual(values(await result), [['/3/0/9', 7]])
  })

  it('reads an end device behind a gateway by its prefix', async () => {
    await open({ version: '1.2', links: '</25/0>,</dev7/3303/0>' })
    // Its inventory.
    await device.answer(await device.peer.message(), 0x84)
    const result = await read('/dev7/3303/0/5700', 112, {
      format: 110,
      payload: '[{"n":"/dev7/3303/0/5700","v":21.5}]',
    })
    assert.deepEqual(values(result), [['/dev7/3303/0/5700', 21.5]])
  })

  it('asks again without Accept when the device cannot answer in that format', async () => {
    await open({})
    const result = device.server.read('dev1', '/3/0/9')
    const first = await device.expect({
      code: GET,
      options: optionsOf({ path: '/3/0/9', accept: 112 }),
    })
    await device.answer(first, 0x86)
    const second = await device.expect({ code: GET, options: optionsOf({ path: '/3/0/9' }) })
    await device.content(second, 11542, hex('c10964'))
    assert.deepEqual(values(await result), [['/3/0/9', 100]])
  })

  it('does not when the caller chose the format', async () => {
    await open({})
    const result = device.server.read('dev1', '/3/0/9', { format: 11544 })
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/3/0/9', accept: 11544 }),
    })
    const rejected = assert.rejects(result, { code: '4.06' })
    await device.answer(request, 0x86)
    await rejected
    assert.deepEqual(device.peer.pending, [])
  })

  it('rejects with the code and diagnostic of the device', async () => {
    await open({})
    for (const [code, text] of [
      [0x81, '4.01'],
      [0x84, '4.04'],
      [0x85, '4.05'],
      [0xa0, '5.00'],
    ] as const) {
      const result = device.server.read('dev1', '/3/0/0')
      const rejected = assert.rejects(result, (error) => {
        assert.ok(error instanceof DeviceError)
        assert.equal(error.code, text)
        assert.equal(error.diagnostic, 'not today')
        return true
      })
      const request = await device.peer.message()
      await device.answer(request, code, { payload: 'not\n today' })
      await rejected
    }
  })

  it('reads text where a 1.0 device says no Content-Format for a single resource', async () => {
    await open({ version: '1.0' })
    assert.deepEqual(values(await read('/3/0/0', 11542, { payload: 'OMA' })), [['/3/0/0', 'OMA']])
  })

  it('reads TLV or JSON where a 1.0 device says no Content-Format and it can be nothing else', async () => {
    await open({ version: '1.0' })
    const read10 = (path: string, payload: string | Uint8Array) => read(path, 11542, { payload })
    assert.deepEqual(values(await read10('/3/0', hex('c10964'))), [['/3/0/9', 100]])
    assert.deepEqual(values(await read10('/3/0/9', hex('c10965'))), [['/3/0/9', 101]])
    const json = '{"bn":"/3/0/","e":[{"n":"9","v":102}]}'
    assert.deepEqual(values(await read10('/3/0', json)), [['/3/0/9', 102]])
    assert.deepEqual(
      device.warnings.map(({ code, path, message }) => [code, String(path), message]),
      [
        ['value', '/3/0', 'an answer without Content-Format, read as tlv'],
        ['value', '/3/0/9', 'an answer without Content-Format, read as tlv'],
        ['value', '/3/0', 'an answer without Content-Format, read as json'],
      ],
    )
    const result = device.server.read('dev1', '/3/0')
    const rejected = assert.rejects(result, { code: 'decode' })
    await device.content(await device.peer.message(), undefined, 'hello')
    await rejected
  })

  it('leaves out what has no value, with a warning', async () => {
    await open({})
    const json = '[{"bn":"/3/0/","n":"0","vs":null},{"n":"9","v":5},{"n":"1"}]'
    const result = await read('/3/0', 112, { format: 110, payload: json })
    assert.deepEqual(values(result), [['/3/0/9', 5]])
    assert.deepEqual(
      device.warnings.map(({ code, path }) => [code, String(path)]),
      [
        ['value', '/3/0/0'],
        ['value', '/3/0/1'],
      ],
    )
  })

  it('asks in the format that was set for the device by pattern', async () => {
    const server = { formats: { 'dev*': 11542, 'dev?': 0, dev1: 'none', dev2: 110 } } as const
    await open({ server })
    const reply = { format: 0, payload: '5' }
    assert.deepEqual(values(await read('/3/0/9', undefined, reply)), [['/3/0/9', 5]])
    await device.close()
    await open({ server: { formats: { 'dev*': 0, 'no*': 112 } } })
    assert.deepEqual(values(await read('/3/0/9', 0, reply)), [['/3/0/9', 5]])
    // Text says one value only: the choice is the device's, or what its version has.
    await read('/3/0', 112, { format: 11542, payload: hex('c1095f') })
    await device.close()
    await open({ server: { formats: { '*': 11542 } }, links: '</>;ct="112",</3/0>' })
    const chosen = device.server.read('dev1', '/3/0/9', { format: 110 })
    const request = await device.expect({
      code: GET,
      options: optionsOf({ path: '/3/0/9', accept: 110 }),
    })
    await device.content(request, 110, '[{"n":"/3/0/9","v":5}]')
    assert.deepEqual(values(await chosen), [['/3/0/9', 5]])
    await read('/3/0/9', 11542, { format: 11542, payload: hex('c1095f') })
  })

  it('takes an empty answer as no values', async () => {
    await open({})
    assert.deepEqual(values(await read('/3/0', 112, { payload: '' })), [])
    assert.deepEqual(values(await read('/3/0', 112, { format: 112, payload: '' })), [])
  })

  it('fails with the raw bytes on what cannot be read, and goes on', async () => {
    await open({})
    const broken = hex('0011223344556677889900')
    for (const [format, payload] of [
      [undefined, hex('1234')],
      [666, hex('1234')],
      [11542, broken],
    ] as const) {
      const result = device.server.read('dev1', '/3/0')
      const rejected = assert.rejects(result, (error) => {
        assert.ok(error instanceof DecodeError)
        assert.equal(error.code, 'decode')
        assert.deepEqual(Buffer.from(error.raw), Buffer.from(payload))
        return true
      })
      await device.content(await device.peer.message(), format, payload)
      await rejected
    }
    const good = await read('/3/0/9', 112, { format: 0, payload: '5' })
    assert.deepEqual(values(good), [['/3/0/9', 5]])
  })

  it('delivers values of unknown objects and resources, and warns once', async () => {
    await open({ links: '</3/0>,</32999/0>' })
    for (let i = 0; i < 3; i++) {
      const result = await read('/32999/0/1', 112, {
        format: 110,
        payload: '[{"n":"/32999/0/1","v":4}]',
      })
      assert.deepEqual(values(result), [['/32999/0/1', 4]])
    }
    await read('/3/0/999', 112, { format: 110, payload: '[{"n":"/3/0/999","vs":"x"}]' })
    assert.deepEqual(
      device.warnings.map(({ code, path }) => [code, String(path)]),
      [
        ['unknown-object', '/32999'],
        ['unknown-resource', '/3/0/999'],
      ],
    )
  })

  it('warns of an object version beyond its definitions, and reads by the nearest', async () => {
    await open({ links: '</3>;ver=1.9,</3/0>,</3303/0>' })
    await read('/3303/0/5700', 112, { format: 110, payload: '[{"n":"/3303/0/5700","v":4}]' })
    assert.deepEqual(device.warnings, [], 'a later minor version covers an earlier one')
    const result = await read('/3/0/9', 112, { format: 110, payload: '[{"n":"/3/0/9","v":4}]' })
    assert.deepEqual(values(result), [['/3/0/9', 4]])
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['version-mismatch'],
    )
  })

  it('delivers untyped what the known major versions type differently, and warns', async () => {
    await open({ links: '</3416>;ver=9.0,</3416/0>' })
    const result = await read('/3416/0/15', 112, { format: 11542, payload: hex('c40f00013880') })
    assert.deepEqual(values(result), [['/3416/0/15', hex('00013880')]])
    assert.deepEqual(
      device.warnings.map(({ code, path }) => [code, String(path)]),
      [
        ['version-mismatch', '/3416'],
        ['unknown-resource', '/3416/0/15'],
      ],
    )
    assert.match(device.warnings[1]?.message ?? '', /different types in the known versions/)
  })

  it('refuses locally what can be no Read', async () => {
    await open({ version: '1.0' })
    await assert.rejects(device.server.read('dev1', '/'), { code: 'invalid-argument' })
    await assert.rejects(device.server.read('dev1', '/3/0/x'), { code: 'invalid-path' })
    await assert.rejects(device.server.read('dev1', '/3/0/6/0'), { code: 'unsupported' })
    await assert.rejects(device.server.read('dev2', '/3/0'), { code: 'unknown-endpoint' })
    await device.peer.barrier()
    assert.deepEqual(device.peer.pending, [])
  })
})
