import assert from 'node:assert/strict'
import type { Record } from '../../../src/lwm2m/record'
import { ObjectLink } from '../../../src/lwm2m/value'
import { Path } from '../../../src/lwm2m/path'
import type { OperationOptions, WriteInput } from '../../../src/server/types'
import { RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const POST = 0x02
const PUT = 0x03
const CHANGED = 0x44

describe('Write', () => {
  let device: RegisteredDevice
  const open = async (options: Parameters<typeof RegisteredDevice.open>[0]) => {
    device = await RegisteredDevice.open(options)
  }
  afterEach(() => device.close())

  const write = async (
    path: string,
    value: WriteInput,
    expected: { code: number; format: number; payload: string | Uint8Array },
    options?: OperationOptions & { mode?: 'replace' | 'update' },
  ) => {
    const result = device.server.write('dev1', path, value, options)
    const { code, format, payload } = expected
    const request = await device.expect({ code, options: optionsOf({ path, format }), payload })
    await device.answer(request, CHANGED)
    assert.equal((await result).code, CHANGED)
  }

  describe('in TLV, to a 1.0 device', () => {
    beforeEach(() => open({ version: '1.0' }))

    it('updates the resources named of an instance (POST)', () =>
      write(
        '/1/0',
        { 2: 101, 3: 1010, 5: 2000, 6: true, 7: 'U' },
        { code: POST, format: 11542, payload: hex('C10265 C20303F2 C20507D0 C10601 C10755') },
      ))

    it('replaces an instance (PUT)', () =>
      write(
        '/3/0',
        { 13: new Date(1367491215000), 14: '+02:00', 15: 'Europe/Paris' },
        {
          code: PUT,
          format: 11542,
          payload: hex('C40D5182428F C60E2B30323A3030 C80F0C4575726F70652F5061726973'),
        },
        { mode: 'replace' },
      ))

    it('knows resources by their names, in upper or lower case', async () => {
      const expected = { code: POST, format: 11542, payload: hex('C10265 C10755') }
      await write('/1/0', { 'Default Minimum Period': 101, binding: 'U' }, expected)
      const wrong = device.server.write('dev1', '/1/0', { Colour: 'red' })
      await assert.rejects(wrong, {
        code: 'encode',
        message: '"Colour" below /1/0 is neither an id nor a name that the object model knows',
      })
    })

    it('replaces a resource', () =>
      write('/1/0/1', 86400, { code: PUT, format: 11542, payload: hex('C40100015180') }))

    it('replaces a multiple resource', () =>
      write(
        '/3/0/6',
        { 0: 1, 1: 5 },
        { code: PUT, format: 11542, payload: hex('860641000141 0105') },
      ))

    it('sends object links', () =>
      write(
        '/65/0/1',
        new ObjectLink(66, 0),
        { code: PUT, format: 11542, payload: hex('C4 01 0042 0000') },
        {},
      ))

    it('sends bytes as they are', () =>
      write('/5/0/0', hex('00ff10'), { code: PUT, format: 42, payload: hex('00ff10') }))

    it('has no resource instances to write', async () => {
      await assert.rejects(device.server.write('dev1', '/3/0/6/0', 1), { code: 'unsupported' })
    })
  })

  describe('in SenML CBOR, to a 1.1 device', () => {
    beforeEach(() => open({ version: '1.1' }))

    it('replaces a resource', () =>
      write('/3/0/14', '+02:00', {
        code: PUT,
        format: 112,
        payload: hex('81 a2 21 67 2f332f302f3134 03 66 2b30323a3030'),
      }))

    it('replaces a resource instance', () =>
      write('/3/0/6/1', 5, {
        code: PUT,
        format: 112,
        payload: hex('81 a2 21 68 2f332f302f362f31 02 05'),
      }))

    it('refuses a partial update of a resource that has no instances', async () => {
      const single = device.server.write('dev1', '/3/0/14', 'x', { mode: 'update' })
      await assert.rejects(single, { code: 'invalid-argument' })
    })
  })

  for (const version of ['1.0', '1.1', '1.2'] as const) {
    it(`updates a multiple resource of a ${version} device by a partial update of its instance`, async () => {
      await open({ version })
      for (const [format, payload, other] of [
        [11542, hex('83 06 41 01 05'), undefined],
        [112, hex('81 a3 21 65 2f332f302f 00 63 362f31 02 05'), hex('83 06 41 01 05')],
      ] as const) {
        const options = other === undefined ? { format } : {}
        if (other !== undefined && version === '1.0') continue
        const result = device.server.write(
          'dev1',
          '/3/0/6',
          { 1: 5 },
          { mode: 'update', ...options },
        )
        const request = await device.expect({
          code: POST,
          options: optionsOf({ path: '/3/0', format }),
          payload,
        })
        if (other === undefined) await device.answer(request, CHANGED)
        else {
          await device.answer(request, 0x8f)
          const second = await device.expect({
            code: POST,
            options: optionsOf({ path: '/3/0', format: 11542 }),
            payload: other,
          })
          await device.answer(second, CHANGED)
        }
        assert.equal(String((await result).path), '/3/0/6')
      }
    })
  }

  it('takes the format the caller chose', async () => {
    await open({ version: '1.1' })
    await write('/3/0/14', '+02:00', { code: PUT, format: 0, payload: '+02:00' }, { format: 0 })
    await write(
      '/3/0/14',
      '+02:00',
      { code: PUT, format: 60, payload: hex('66 2b30323a3030') },
      { format: 60 },
    )
    await write(
      '/3/0',
      { 14: '+02:00' },
      { code: POST, format: 110, payload: '[{"bn":"/3/0/","n":"14","vs":"+02:00"}]' },
      { format: 110 },
    )
    await assert.rejects(device.server.write('dev1', '/3/0', { 14: 'a', 15: 'b' }, { format: 0 }), {
      code: 'encode',
    })
  })

  it('takes the format the device prefers, unless that cannot say it', async () => {
    await open({ version: '1.2', links: '</>;rt="oma.lwm2m";ct="0 42 11544",</3/0>' })
    await write('/3/0/14', '+02:00', { code: PUT, format: 0, payload: '+02:00' })
    await write('/5/0/0', hex('0102'), { code: PUT, format: 42, payload: hex('0102') })
    const result = device.server.write('dev1', '/3/0', { 14: 'a', 15: 'b' })
    const request = await device.peer.message()
    assert.equal(request.options.find(([number]) => number === 12)?.[1].toString('hex'), '2d18')
    await device.answer(request, CHANGED)
    await result
  })

  it('sends bytes as they are whatever the device prefers, and otherwise when it refuses', async () => {
    await open({ version: '1.1', links: '</>;rt="oma.lwm2m";ct=112,</5/0>' })
    const result = device.server.write('dev1', '/5/0/0', hex('0102'))
    const first = await device.expect({
      code: PUT,
      options: optionsOf({ path: '/5/0/0', format: 42 }),
      payload: hex('0102'),
    })
    await device.answer(first, 0x8f)
    const second = await device.expect({
      code: PUT,
      options: optionsOf({ path: '/5/0/0', format: 112 }),
      payload: hex('81 a2 21 66 2f352f302f30 08 42 0102'),
    })
    await device.answer(second, CHANGED)
    await result
  })

  it('writes records as they are', async () => {
    await open({ version: '1.1' })
    const records: Record[] = [{ path: Path.parse('/3/0/14'), value: '+02:00' }]
    await write('/3/0/14', records, {
      code: PUT,
      format: 112,
      payload: hex('81 a2 21 67 2f332f302f3134 03 66 2b30323a3030'),
    })
    const elsewhere = device.server.write('dev1', '/3/0/15', records)
    await assert.rejects(elsewhere, { code: 'invalid-argument' })
  })

  for (const code of [0x8f, 0x86]) {
    it(`says it in another format once when the device answers ${code.toString(16)}`, async () => {
      await open({ version: '1.1' })
      const result = device.server.write('dev1', '/1/0', { 1: 86400 })
      await device.answer(await device.peer.message(), code)
      const second = await device.expect({
        code: POST,
        options: optionsOf({ path: '/1/0', format: 11542 }),
        payload: hex('C40100015180'),
      })
      const rejected = assert.rejects(result, { code: '4.15' })
      await device.answer(second, 0x8f)
      await rejected
      assert.deepEqual(device.peer.pending, [])
    })
  }

  it('prepends the alternate root to the path and to names', async () => {
    await open({ links: '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>' })
    const result = device.server.write('dev1', '/3/0/14', 'Z', { format: 110 })
    const request = await device.expect({
      code: PUT,
      options: optionsOf({ path: '/lwm2m/3/0/14', format: 110 }),
      payload: '[{"bn":"/lwm2m/3/0/14","vs":"Z"}]',
    })
    await device.answer(request, CHANGED)
    await result
  })

  it('says what is wrong with a value before anything is sent', async () => {
    await open({ version: '1.1' })
    const refused = (path: string, value: WriteInput, code: string) =>
      assert.rejects(device.server.write('dev1', path, value), { code })
    await refused('/3', { 0: { 14: 'x' } }, 'invalid-argument')
    await refused('/', { 3: { 0: { 14: 'x' } } }, 'invalid-argument')
    await refused('/1/0/1', 'a day', 'encode')
    await refused('/3/0', 'x', 'encode')
    await device.peer.barrier()
    assert.deepEqual(device.peer.pending, [])
  })

  it('pushes 3 kB of firmware in blocks and reports progress', async () => {
    await open({ version: '1.1' })
    const firmware = Buffer.alloc(3000, 0xa5)
    const progress: [number, number][] = []
    const result = device.server.write('dev1', '/5/0/0', firmware, {
      onProgress: (sent, total) => progress.push([sent, total]),
    })
    const got: Buffer[] = []
    for (const block1 of [0x0e, 0x1e, 0x26]) {
      const request = await device.peer.message()
      const option = request.options.find(([number]) => number === 27)?.[1]
      assert.equal(option?.toString('hex'), block1.toString(16).padStart(2, '0'))
      got.push(request.payload)
      await device.answer(request, block1 === 0x26 ? CHANGED : 0x5f, {
        options: [[27, block1]],
      })
    }
    assert.equal((await result).code, CHANGED)
    assert.deepEqual(Buffer.concat(got), firmware)
    assert.deepEqual(progress, [
      [1024, 3000],
      [2048, 3000],
      [3000, 3000],
    ])
  })
})
