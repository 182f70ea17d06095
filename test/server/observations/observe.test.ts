import assert from 'node:assert/strict'
import type { ObserveRequest } from '../../../src/server/types'
import { Opt, optionNumber } from '../../support/raw-coap'
import { Ears, ObserveLab } from '../support/observing'
import { type RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const GET = 0x01
const CHANGED = 0x44

const lab = new ObserveLab()
const { open, observed, settled, silent, cancelled } = lab

describe('Observe', () => {
  afterEach(() => lab.close())

  it('delivers the first answer and each notification, and cancels with the same token', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(100)
    assert.deepEqual(ears.values, [100])
    assert.equal(String(ears.results[0]?.path), '/3/0/9')
    assert.equal(ears.results[0]?.format, 0)
    await lab.device.notify(token, 2, 0, '99')
    const ack = await lab.device.notify(token, 3, 112, hex('81a221662f332f302f39021862'), 0)
    assert.equal(ack?.type, 2)
    assert.equal(ack?.code, 0)
    assert.deepEqual(ears.values, [100, 99, 98])
    assert.deepEqual(ears.counts, [1])
    ears.subscription.close()
    await cancelled(token)
    await lab.device.notify(token, 4, 0, '97')
    const reset = await lab.device.peer.message()
    assert.equal(reset.type, 3)
    assert.deepEqual(ears.values, [100, 99, 98])
    await silent()
  })

  it('fetches the rest of the answer to a cancellation, as a device of 64-byte blocks wants it', async () => {
    await open()
    const ears = new Ears(lab.device)
    const { peer } = lab.device
    const value = 'v'.repeat(150)
    let under = -1
    /** Serves one request as a client does that has room for one transfer: 5.03 to all others. */
    const serve = async (): Promise<number> => {
      const request = await peer.message()
      const num = (optionNumber(request, Opt.BLOCK2) ?? 0) >> 4
      if (under >= 0 && num !== under + 1) {
        await lab.device.answer(request, 0xa3)
        return 0xa3
      }
      const more = (num + 1) * 64 < value.length
      under = more ? num : -1
      const observe: [number, number][] =
        optionNumber(request, Opt.OBSERVE) === 0 ? [[Opt.OBSERVE, 1]] : []
      await lab.device.answer(request, 0x45, {
        options: [...observe, [Opt.CONTENT_FORMAT, 0], [Opt.BLOCK2, num * 16 + (more ? 8 : 0) + 2]],
        payload: value.slice(num * 64, (num + 1) * 64),
      })
      return 0x45
    }
    for (let block = 0; block < 3; block++) assert.equal(await serve(), 0x45)
    await settled()
    assert.deepEqual(ears.values, [value])
    ears.subscription.close()
    for (let block = 0; block < 3; block++) assert.equal(await serve(), 0x45)
    const read = lab.device.server.read('dev1', '/3/0/9')
    for (let block = 0; block < 3; block++) assert.equal(await serve(), 0x45)
    assert.equal((await read).records[0]?.value, value)
  })

  it('delivers of 5, 6, 6 (duplicate), 4 (old) the fresh ones only', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(0)
    for (const number of [5, 6, 6, 4]) {
      const answer = await lab.device.notify(token, number, 0, String(number), 0)
      assert.equal(answer?.type, 2, 'each is acknowledged')
    }
    assert.deepEqual(ears.values, [0, 5, 6])
  })

  it('is one relation for two subscribers; the last to leave cancels it', async () => {
    await open()
    const first = new Ears(lab.device)
    const token = await observed(1)
    const second = new Ears(lab.device)
    await silent()
    assert.deepEqual(second.values, [1], 'who comes late gets the last known value')
    await lab.device.notify(token, 2, 0, '2')
    await settled()
    assert.deepEqual(
      [first.values, second.values],
      [
        [1, 2],
        [1, 2],
      ],
    )
    assert.equal(first.results[1], second.results[1], 'decoded once')
    first.subscription.close()
    first.subscription.close()
    await silent()
    await lab.device.notify(token, 3, 0, '3')
    await settled()
    assert.deepEqual(
      [first.values, second.values],
      [
        [1, 2],
        [1, 2, 3],
      ],
    )
    second.subscription.close()
    await cancelled(token)
  })

  it('is made for devices that register later, by name and by pattern, and again each time', async () => {
    await open({ endpoint: 'other' })
    const wishes = { 'dev-*': 0, 'dev-1': 0, '*': 0, 'x*': 0 }
    const ears = Object.keys(wishes).map((target) => new Ears(lab.device, { target }))
    // `other` matches `*` only.
    await observed(7)
    const later = new RegisteredDeviceOn(lab.device, 'dev-1')
    await later.register()
    const token = await observed(1)
    assert.deepEqual(
      ears.map(({ values }) => values),
      [[1], [1], [7, 1], []],
    )
    await later.register()
    const renewed = await observed(2)
    assert.notEqual(renewed, token)
    await lab.device.notify(token, 9, 0, '9')
    const reset = await lab.device.peer.message()
    assert.equal(reset.type, 3, 'the old relation is over')
    await lab.device.notify(renewed, 9, 0, '3')
    await settled()
    assert.deepEqual(ears[0]?.values, [1, 2, 3])
    assert.deepEqual(ears[0]?.errors, [])
  })

  it('by a pattern concerns the devices that have the object, when they have it', async () => {
    await open({ links: '</1/0>,</3303/1>' })
    const named = new Ears(lab.device, { target: 'dev1', paths: ['/3303/0/5700'] })
    const request = await lab.device.peer.message()
    assert.equal(request.code, GET)
    await lab.device.answer(request, 0x84)
    await settled()
    assert.deepEqual(named.errors, ['dev1 4.04'])
    named.subscription.close()
    const ears = new Ears(lab.device, { target: '*', paths: ['/3303/0/5700'] })
    await silent()
    const update = await lab.device.peer.request({
      code: 0x02,
      options: optionsOf({ path: lab.device.location, format: 40 }),
      payload: '</1/0>,</3303/0>,</3303/1>',
    })
    assert.equal(update.code, CHANGED)
    await observed(21, { path: '/3303/0/5700' })
    assert.deepEqual(ears.values, [21])
  })

  it('keeps the relation when a notification cannot be read, and says so with its bytes', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(1)
    await lab.device.notify(token, 2, 666, hex('c0ffee'))
    await lab.device.notify(token, 3, 11542, hex('0011223344556677889900'))
    await lab.device.notify(token, 4, 0, '4')
    await settled()
    assert.deepEqual(ears.values, [1, 4])
    assert.deepEqual(ears.errors, ['dev1 decode', 'dev1 decode'])
    assert.deepEqual(
      lab.device.warnings.map(({ code, raw }) => [code, Buffer.from(raw ?? []).toString('hex')]),
      [
        ['decode', 'c0ffee'],
        ['decode', '0011223344556677889900'],
      ],
    )
  })

  it('reads a notification without Content-Format like the first answer', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(1)
    await lab.device.notify(token, 2, undefined, '2')
    await settled()
    assert.deepEqual(ears.values, [1, 2])
  })

  it('delivers several timestamps one by one, oldest first', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(1)
    const now = lab.clock.now()
    const series = '[{"bn":"/3/0/9","t":-5,"v":15},{"t":-60,"v":60},{"v":0},{"t":-30,"v":30}]'
    await lab.device.notify(token, 2, 110, series)
    await settled()
    assert.deepEqual(ears.values, [1, 60, 30, 15, 0])
    assert.deepEqual(
      ears.results.slice(1).map(({ records }) => records[0]?.time),
      [now - 60_000, now - 30_000, now - 5000, undefined],
    )
  })

  it('reports refusals, keeps the wish, and tries again at the next registration', async () => {
    await open()
    const ears = new Ears(lab.device)
    await lab.device.answer(await lab.device.peer.message(), 0x85)
    await settled()
    assert.deepEqual(ears.errors, ['dev1 4.05'])
    await lab.clock.run(7_200_000, 600_000)
    await lab.device.register()
    await observed(5)
    assert.deepEqual(ears.values, [5])
    assert.deepEqual(ears.counts, [1])
  })

  it('tries again after a minute, then two, when the device fails', async () => {
    await open({ query: ['x=1'] })
    const ears = new Ears(lab.device)
    for (const wait of [60_000, 120_000]) {
      await lab.device.answer(await lab.device.peer.message(), 0xa3)
      await settled()
      lab.clock.advance(wait - 1000)
      await silent()
      lab.clock.advance(1000)
    }
    await observed(5)
    assert.deepEqual(ears.errors, ['dev1 5.03', 'dev1 5.03'])
    assert.deepEqual(ears.values, [5])
  })

  it('ends with a notification of an error, and goes on at the next registration', async () => {
    await open()
    const ears = new Ears(lab.device)
    const token = await observed(1)
    await lab.device.peer.send({ type: 1, code: 0x84, mid: lab.device.peer.nextMid(), token })
    await settled()
    assert.deepEqual(ears.errors, ['dev1 4.04'])
    assert.deepEqual(ears.counts, [1, 0])
    await lab.device.register()
    await observed(2)
    assert.deepEqual(ears.values, [1, 2])
    assert.deepEqual(ears.counts, [1, 0, 1])
  })

  it('says so when the device answers but does not observe', async () => {
    await open()
    const ears = new Ears(lab.device)
    await lab.device.content(await lab.device.peer.message(), 0, '42')
    await settled()
    assert.deepEqual(ears.values, [42])
    assert.deepEqual(ears.errors, ['dev1 not-observed'])
    assert.deepEqual(ears.counts, [])
  })

  it('asks again without Accept when the device refuses it', async () => {
    await open()
    const ears = new Ears(lab.device)
    await lab.device.answer(await lab.device.peer.message(), 0x86)
    const request = await lab.device.expect({
      code: GET,
      options: optionsOf({ observe: 0, path: '/3/0/9' }),
    })
    await lab.device.content(request, 0, '42', 1)
    await settled()
    assert.deepEqual(ears.values, [42])
    assert.deepEqual(ears.errors, [])
    ears.subscription.close()
    await cancelled(request.token, '/3/0/9', null)
  })

  it('ends when the device de-registers, with nothing sent', async () => {
    await open()
    const ears = new Ears(lab.device)
    await observed(1)
    const gone = await lab.device.peer.request({
      code: 0x04,
      options: optionsOf({ path: lab.device.location }),
    })
    assert.equal(gone.code, 0x42)
    await settled()
    assert.deepEqual(ears.counts, [1, 0])
    assert.deepEqual(ears.errors, [])
    ears.subscription.close()
    await silent()
  })

  it('cancels an observation whose answer comes after its subscriber left', async () => {
    await open()
    const ears = new Ears(lab.device)
    const request = await lab.device.peer.message()
    ears.subscription.close()
    await lab.device.content(request, 0, '1', 1)
    await cancelled(request.token)
    assert.deepEqual(ears.values, [])
  })

  it('survives a listener that throws', async () => {
    await open()
    lab.device.server.observe(
      { target: 'dev1', paths: ['/3/0/9'] },
      {
        onValue: () => {
          throw new Error('mine')
        },
      },
    )
    const ears = new Ears(lab.device)
    await observed(1)
    assert.deepEqual(ears.values, [1])
    assert.deepEqual(
      lab.device.warnings.map(({ code }) => code),
      ['listener-failed'],
    )
  })

  it('delivers sent values to subscribers that want them', async () => {
    await open()
    const plain = new Ears(lab.device)
    const sent = new Ears(lab.device, { includeSend: true })
    await observed(1)
    const answer = await lab.device.peer.request({
      code: 0x02,
      options: optionsOf({ path: 'dp', format: 110 }),
      payload: '[{"bn":"/3/0/","n":"9","v":50},{"n":"1","vs":"x"}]',
    })
    assert.equal(answer.code, CHANGED)
    assert.deepEqual(plain.values, [1])
    assert.deepEqual(sent.values, [1, 50])
  })

  it('refuses wishes that make no sense', async () => {
    await open()
    const refused = (request: Partial<ObserveRequest>, code: string) =>
      assert.throws(() => new Ears(lab.device, request), { code })
    refused({ target: '' }, 'invalid-argument')
    refused({ paths: [] }, 'invalid-argument')
    refused({ paths: ['/x/y'] }, 'invalid-path')
    refused({ criteria: { gt: 1, lt: 2 } }, 'invalid-argument')
    refused({ attributes: { lt: 5, gt: 1 } }, 'invalid-attributes')
    await silent()
  })
})

/** Registers another endpoint from the same address. */
class RegisteredDeviceOn {
  constructor(
    private readonly other: RegisteredDevice,
    private readonly endpoint: string,
  ) {}

  async register(): Promise<void> {
    const answer = await this.other.peer.request({
      code: 0x02,
      options: optionsOf({
        path: 'rd',
        format: 40,
        query: [`ep=${this.endpoint}`, 'lwm2m=1.1', 'lt=300'],
      }),
      payload: '</1/0>,</3/0>',
    })
    assert.equal(answer.code, 0x41)
  }
}
