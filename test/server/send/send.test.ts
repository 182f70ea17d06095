import assert from 'node:assert/strict'
import type { OperationResult } from '../../../src/server/types'
import { FakeClock } from '../../support/fake-clock'
import { seededRandom } from '../../support/random'
import { ScriptedPeer } from '../../support/scripted-device'
import { type DeviceOptions, RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const POST = 0x02

let device: RegisteredDevice
let sent: OperationResult[]
const open = async (options: DeviceOptions = {}) => {
  device = await RegisteredDevice.open(options)
  sent = []
  device.server.on('send', (result, registration) => {
    assert.equal(registration.endpoint, 'dev1')
    sent.push(result)
  })
}

const send = async (format: number | undefined, payload: string | Uint8Array, code = POST) => {
  const answer = await device.peer.request({
    code,
    options: optionsOf({ path: 'dp', format }),
    payload,
  })
  return answer.code
}

/** What the events say: path, values by path, time. */
const told = () =>
  sent.map(({ path, records }) => [
    String(path),
    Object.fromEntries(records.map((record) => [String(record.path), record.value])),
    records[0]?.time,
  ])

describe('Send', () => {
  afterEach(() => device.close())

  it('delivers records by timestamp, oldest first, relative times resolved', async () => {
    const clock = new FakeClock()
    await open({ server: { clock } })
    const now = clock.now()
    const code = await send(
      110,
      '[{"bn":"/3303/0/5700","t":-10,"v":20.5},{"t":-20,"v":20},{"bn":"/3/0/1","n":"","vs":"M"}]',
    )
    assert.equal(code, 0x44)
    assert.deepEqual(told(), [
      ['/3303/0/5700', { '/3303/0/5700': 20 }, now - 20_000],
      ['/3303/0/5700', { '/3303/0/5700': 20.5 }, now - 10_000],
      ['/3/0/1', { '/3/0/1': 'M' }, undefined],
    ])
    assert.deepEqual(
      sent.map(({ endpoint, format, code: changed }) => [endpoint, format, changed]),
      Array(3).fill(['dev1', 110, 0x44]),
    )
  })

  it('takes SenML CBOR with absolute times', async () => {
    await open()
    // [{-2:"/3303/0/5700", -3:1700000000, 6:0, 2:1}, {6:5, 2:2}]
    const payload = hex(
      '82 a4 21 6c 2f333330332f302f35373030 22 1a 6553f100 06 00 02 01 a2 06 05 02 02',
    )
    assert.equal(await send(112, payload), 0x44)
    assert.deepEqual(
      told().map(([, , time]) => time),
      [1_700_000_000_000, 1_700_000_005_000],
    )
  })

  it('takes LwM2M CBOR and the JSON of 1.0', async () => {
    await open({ version: '1.2' })
    assert.equal(await send(11544, hex('a1 03 a1 00 a1 09 18 5f')), 0x44)
    assert.equal(await send(11543, '{"bn":"/3/0/","e":[{"n":"9","v":94}]}'), 0x44)
    assert.deepEqual(
      sent.flatMap(({ records }) => records.map(({ path, value }) => [String(path), value])),
      [
        ['/3/0/9', 95],
        ['/3/0/9', 94],
      ],
    )
  })

  it('answers 4.00 to what cannot be read, with a warning that has the bytes', async () => {
    await open()
    assert.equal(await send(112, hex('0010')), 0x80)
    assert.equal(await send(50, '[{"n":"/3/0/9","v":1}]'), 0x80)
    assert.equal(await send(undefined, '[{"n":"/3/0/9","v":1}]'), 0x80)
    assert.equal(await send(110, '[]'), 0x80)
    assert.equal(await send(110, ''), 0x80)
    assert.equal(await send(110, '[{"n":"/3/0"}]'), 0x80)
    assert.deepEqual(sent, [])
    assert.deepEqual(
      device.warnings.map(({ code, endpoint }) => [code, endpoint]),
      [...Array<string[]>(5).fill(['decode', 'dev1']), ['value', 'dev1'], ['decode', 'dev1']],
    )
    assert.deepEqual(Buffer.from(device.warnings[0]?.raw ?? []), hex('0010'))
    assert.equal(await send(110, '[{"n":"/3/0/9","v":1}]'), 0x44)
  })

  it('leaves out records without a value, with a warning', async () => {
    await open()
    const json = '[{"bn":"/3/0/","n":"0","vs":null},{"n":"1"},{"n":"9","v":5}]'
    assert.equal(await send(110, json), 0x44)
    assert.deepEqual(told(), [['/3/0/9', { '/3/0/9': 5 }, undefined]])
    assert.deepEqual(
      device.warnings.map(({ code, message }) => [code, message]),
      [
        ['value', '/3/0/0 has no value: it is left out'],
        ['value', '/3/0/1 has no value: it is left out'],
      ],
    )
  })

  it('warns of a device whose clock is near 1970', async () => {
    await open()
    assert.equal(await send(110, '[{"n":"/3/0/9","v":5,"t":321}]'), 0x44)
    assert.match(device.warnings[0]?.message ?? '', /clock of the device may be near 1970/)
  })

  it('answers 4.04 for an object that is not registered, and takes nothing of it', async () => {
    await open({ links: '</3/0>' })
    assert.equal(await send(110, '[{"n":"/3/0/9","v":1},{"n":"/3303/0/5700","v":1}]'), 0x84)
    assert.deepEqual(sent, [])
    assert.deepEqual(
      device.warnings.map(({ code, path }) => [code, String(path)]),
      [['unregistered-object', '/3303']],
    )
  })

  it('knows the objects of end devices by their prefix', async () => {
    await open({ version: '1.2', links: '</25/0>,</dev7/3303/0>' })
    // Its inventory.
    await device.answer(await device.peer.message(), 0x84)
    assert.equal(await send(110, '[{"n":"/dev7/3303/0/5700","v":21}]'), 0x44)
    assert.equal(await send(110, '[{"n":"/dev8/3303/0/5700","v":21}]'), 0x84)
    assert.deepEqual(told(), [['/dev7/3303/0/5700', { '/dev7/3303/0/5700': 21 }, undefined]])
  })

  it('takes them of a gateway that registers itself only', async () => {
    await open({ version: '1.2', links: '</3/0>,</25/0>' })
    // Its inventory.
    await device.answer(await device.peer.message(), 0x84)
    assert.equal(await send(110, '[{"n":"/dev7/3303/0/5700","v":21}]'), 0x44)
    assert.equal(await send(110, '[{"n":"/3303/0/5700","v":21}]'), 0x84)
    await device.register({ links: '</3/0>' })
    assert.equal(await send(110, '[{"n":"/dev7/3303/0/5700","v":21}]'), 0x84)
  })

  it('answers 4.04 to an address that is not registered', async () => {
    await open()
    const unregistered = await ScriptedPeer.open()
    try {
      const port = device.peer.target?.port ?? 0
      const answer = await unregistered.connect(port).request({
        code: POST,
        options: optionsOf({ path: 'dp', format: 110 }),
        payload: '[{"n":"/3/0/9","v":1}]',
      })
      assert.equal(answer.code, 0x84)
      assert.deepEqual(sent, [])
    } finally {
      await unregistered.close()
    }
  })

  it('is a POST', async () => {
    await open()
    assert.equal(await send(110, '[{"n":"/3/0/9","v":1}]', 0x03), 0x85)
    assert.deepEqual(sent, [])
  })

  it('delivers values of unknown objects, and warns', async () => {
    await open({ links: '</32999/0>' })
    assert.equal(await send(110, '[{"n":"/32999/0/1","v":4}]'), 0x44)
    assert.deepEqual(told(), [['/32999/0/1', { '/32999/0/1': 4 }, undefined]])
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['unknown-object'],
    )
  })

  it('stands any bytes in any format', async () => {
    await open({ version: '1.2' })
    const random = seededRandom(38)
    const seeds = [
      [110, Buffer.from('[{"bn":"/3/0/","n":"9","v":95,"t":-5}]')],
      [112, hex('81 a2 21 66 2f332f302f39 02 18 5f')],
      [11544, hex('a1 03 a1 00 a1 09 18 5f')],
      [11543, Buffer.from('{"bn":"/3/0/","e":[{"n":"9","v":94}]}')],
    ] as const
    const codes = new Set<number>()
    for (let i = 0; i < 2000; i++) {
      const [format, bytes] = seeds[i % seeds.length] ?? seeds[0]
      const payload = Buffer.from(bytes)
      for (let n = 0; n < 1 + random() * 3; n++) {
        payload[Math.floor(random() * payload.length)] = Math.floor(random() * 256)
      }
      codes.add(await send(format, payload.subarray(0, Math.ceil(random() * payload.length * 2))))
    }
    assert.deepEqual(
      [...codes].sort((a, b) => a - b),
      [0x44, 0x80, 0x84],
    )
    assert.equal(await send(110, '[{"n":"/3/0/9","v":1}]'), 0x44)
  })
})
