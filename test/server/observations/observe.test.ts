import assert from 'node:assert/strict'
import type { ObserveRequest, OperationResult, Subscription } from '../../../src/server/types'
import { FakeClock } from '../../support/fake-clock'
import type { ReadMessage } from '../../support/raw-coap'
import { type DeviceOptions, RegisteredDevice, hex, optionsOf } from '../support/registered-device'

const GET = 0x01
const PUT = 0x03
const FETCH = 0x05
const CHANGED = 0x44

/** A subscriber that remembers. */
class Ears {
  readonly values: unknown[] = []
  readonly results: OperationResult[] = []
  readonly errors: string[] = []
  counts: number[] = []
  subscription: Subscription

  constructor(device: RegisteredDevice, request: Partial<ObserveRequest> = {}) {
    this.subscription = device.server.observe(
      { target: 'dev1', paths: ['/3/0/9'], ...request },
      {
        onValue: (result) => {
          this.results.push(result)
          this.values.push(...result.records.map(({ value }) => value))
        },
        onError: (endpoint, error) => this.errors.push(`${endpoint} ${error.code}`),
        onCount: (active) => this.counts.push(active),
      },
    )
  }
}

let device: RegisteredDevice
let clock: FakeClock
const open = async (options: DeviceOptions = {}) => {
  clock = new FakeClock()
  device = await RegisteredDevice.open({ ...options, server: { clock, ...options.server } })
}

/** Takes the Observe of a path, answers it, and returns its token. */
async function observed(
  value: number,
  request: { path?: string; query?: readonly string[]; accept?: number } = {},
): Promise<string> {
  const { path = '/3/0/9', query, accept = 112 } = request
  const message = await device.expect({
    code: GET,
    options: optionsOf({ observe: 0, path, query, accept }),
  })
  await device.content(message, 0, String(value), 1)
  await settled()
  return message.token
}

/** The server has handled all that was sent to it. */
const settled = () => device.peer.barrier()

async function silent(): Promise<void> {
  await settled()
  assert.deepEqual(device.peer.pending, [])
}

/** Takes a Write-Attributes with these queries and answers it. */
async function attributes(query: string[], code = CHANGED, path = '/3/0/9'): Promise<void> {
  const request = await device.expect({ code: PUT, options: optionsOf({ path, query }) })
  await device.answer(request, code)
}

async function cancelled(token: string, path = '/3/0/9', accept: number | null = 112) {
  const request = await device.expect({
    code: GET,
    options: optionsOf({ observe: 1, path, accept: accept ?? undefined }),
  })
  assert.equal(request.token, token, 'the token of the observation')
  await device.content(request, 0, '0')
}

describe('Observe', () => {
  afterEach(() => device.close())

  it('delivers the first answer and each notification, and cancels with the same token', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(100)
    assert.deepEqual(ears.values, [100])
    assert.equal(String(ears.results[0]?.path), '/3/0/9')
    assert.equal(ears.results[0]?.format, 0)
    await device.notify(token, 2, 0, '99')
    const ack = await device.notify(token, 3, 112, hex('81a221662f332f302f39021862'), 0)
    assert.equal(ack?.type, 2)
    assert.equal(ack?.code, 0)
    assert.deepEqual(ears.values, [100, 99, 98])
    assert.deepEqual(ears.counts, [1])
    ears.subscription.close()
    await cancelled(token)
    await device.notify(token, 4, 0, '97')
    const reset = await device.peer.message()
    assert.equal(reset.type, 3)
    assert.deepEqual(ears.values, [100, 99, 98])
    await silent()
  })

  it('delivers of 5, 6, 6 (duplicate), 4 (old) the fresh ones only', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(0)
    for (const number of [5, 6, 6, 4]) {
      const answer = await device.notify(token, number, 0, String(number), 0)
      assert.equal(answer?.type, 2, 'each is acknowledged')
    }
    assert.deepEqual(ears.values, [0, 5, 6])
  })

  it('is one relation for two subscribers; the last to leave cancels it', async () => {
    await open()
    const first = new Ears(device)
    const token = await observed(1)
    const second = new Ears(device)
    await silent()
    assert.deepEqual(second.values, [1], 'who comes late gets the last known value')
    await device.notify(token, 2, 0, '2')
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
    await device.notify(token, 3, 0, '3')
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
    const ears = Object.keys(wishes).map((target) => new Ears(device, { target }))
    // `other` matches `*` only.
    await observed(7)
    const later = new RegisteredDeviceOn(device, 'dev-1')
    await later.register()
    const token = await observed(1)
    assert.deepEqual(
      ears.map(({ values }) => values),
      [[1], [1], [7, 1], []],
    )
    await later.register()
    const renewed = await observed(2)
    assert.notEqual(renewed, token)
    await device.notify(token, 9, 0, '9')
    const reset = await device.peer.message()
    assert.equal(reset.type, 3, 'the old relation is over')
    await device.notify(renewed, 9, 0, '3')
    await settled()
    assert.deepEqual(ears[0]?.values, [1, 2, 3])
    assert.deepEqual(ears[0]?.errors, [])
  })

  it('by a pattern concerns the devices that have the object, when they have it', async () => {
    await open({ links: '</1/0>,</3303/1>' })
    const named = new Ears(device, { target: 'dev1', paths: ['/3303/0/5700'] })
    const request = await device.peer.message()
    assert.equal(request.code, GET)
    await device.answer(request, 0x84)
    await settled()
    assert.deepEqual(named.errors, ['dev1 4.04'])
    named.subscription.close()
    const ears = new Ears(device, { target: '*', paths: ['/3303/0/5700'] })
    await silent()
    const update = await device.peer.request({
      code: 0x02,
      options: optionsOf({ path: device.location, format: 40 }),
      payload: '</1/0>,</3303/0>,</3303/1>',
    })
    assert.equal(update.code, CHANGED)
    await observed(21, { path: '/3303/0/5700' })
    assert.deepEqual(ears.values, [21])
  })

  it('keeps the relation when a notification cannot be read, and says so with its bytes', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(1)
    await device.notify(token, 2, 666, hex('c0ffee'))
    await device.notify(token, 3, 11542, hex('0011223344556677889900'))
    await device.notify(token, 4, 0, '4')
    await settled()
    assert.deepEqual(ears.values, [1, 4])
    assert.deepEqual(ears.errors, ['dev1 decode', 'dev1 decode'])
    assert.deepEqual(
      device.warnings.map(({ code, raw }) => [code, Buffer.from(raw ?? []).toString('hex')]),
      [
        ['decode', 'c0ffee'],
        ['decode', '0011223344556677889900'],
      ],
    )
  })

  it('reads a notification without Content-Format like the first answer', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(1)
    await device.notify(token, 2, undefined, '2')
    await settled()
    assert.deepEqual(ears.values, [1, 2])
  })

  it('delivers several timestamps one by one, oldest first', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(1)
    const now = clock.now()
    const series = '[{"bn":"/3/0/9","t":-5,"v":15},{"t":-60,"v":60},{"v":0},{"t":-30,"v":30}]'
    await device.notify(token, 2, 110, series)
    await settled()
    assert.deepEqual(ears.values, [1, 60, 30, 15, 0])
    assert.deepEqual(
      ears.results.slice(1).map(({ records }) => records[0]?.time),
      [now - 60_000, now - 30_000, now - 5000, undefined],
    )
  })

  it('reports refusals, keeps the wish, and tries again at the next registration', async () => {
    await open()
    const ears = new Ears(device)
    await device.answer(await device.peer.message(), 0x85)
    await settled()
    assert.deepEqual(ears.errors, ['dev1 4.05'])
    await clock.run(7_200_000, 600_000)
    await device.register()
    await observed(5)
    assert.deepEqual(ears.values, [5])
    assert.deepEqual(ears.counts, [1])
  })

  it('tries again after a minute, then two, when the device fails', async () => {
    await open({ query: ['x=1'] })
    const ears = new Ears(device)
    for (const wait of [60_000, 120_000]) {
      await device.answer(await device.peer.message(), 0xa3)
      await settled()
      clock.advance(wait - 1000)
      await silent()
      clock.advance(1000)
    }
    await observed(5)
    assert.deepEqual(ears.errors, ['dev1 5.03', 'dev1 5.03'])
    assert.deepEqual(ears.values, [5])
  })

  it('ends with a notification of an error, and goes on at the next registration', async () => {
    await open()
    const ears = new Ears(device)
    const token = await observed(1)
    await device.peer.send({ type: 1, code: 0x84, mid: device.peer.nextMid(), token })
    await settled()
    assert.deepEqual(ears.errors, ['dev1 4.04'])
    assert.deepEqual(ears.counts, [1, 0])
    await device.register()
    await observed(2)
    assert.deepEqual(ears.values, [1, 2])
    assert.deepEqual(ears.counts, [1, 0, 1])
  })

  it('says so when the device answers but does not observe', async () => {
    await open()
    const ears = new Ears(device)
    await device.content(await device.peer.message(), 0, '42')
    await settled()
    assert.deepEqual(ears.values, [42])
    assert.deepEqual(ears.errors, ['dev1 not-observed'])
    assert.deepEqual(ears.counts, [])
  })

  it('asks again without Accept when the device refuses it', async () => {
    await open()
    const ears = new Ears(device)
    await device.answer(await device.peer.message(), 0x86)
    const request = await device.expect({
      code: GET,
      options: optionsOf({ observe: 0, path: '/3/0/9' }),
    })
    await device.content(request, 0, '42', 1)
    await settled()
    assert.deepEqual(ears.values, [42])
    assert.deepEqual(ears.errors, [])
    ears.subscription.close()
    await cancelled(request.token, '/3/0/9', null)
  })

  it('ends when the device de-registers, with nothing sent', async () => {
    await open()
    const ears = new Ears(device)
    await observed(1)
    const gone = await device.peer.request({
      code: 0x04,
      options: optionsOf({ path: device.location }),
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
    const ears = new Ears(device)
    const request = await device.peer.message()
    ears.subscription.close()
    await device.content(request, 0, '1', 1)
    await cancelled(request.token)
    assert.deepEqual(ears.values, [])
  })

  it('survives a listener that throws', async () => {
    await open()
    device.server.observe(
      { target: 'dev1', paths: ['/3/0/9'] },
      {
        onValue: () => {
          throw new Error('mine')
        },
      },
    )
    const ears = new Ears(device)
    await observed(1)
    assert.deepEqual(ears.values, [1])
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['listener-failed'],
    )
  })

  it('delivers sent values to subscribers that want them', async () => {
    await open()
    const plain = new Ears(device)
    const sent = new Ears(device, { includeSend: true })
    await observed(1)
    const answer = await device.peer.request({
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
      assert.throws(() => new Ears(device, request), { code })
    refused({ target: '' }, 'invalid-argument')
    refused({ paths: [] }, 'invalid-argument')
    refused({ paths: ['/x/y'] }, 'invalid-path')
    refused({ criteria: { gt: 1, lt: 2 } }, 'invalid-argument')
    refused({ attributes: { lt: 5, gt: 1 } }, 'invalid-attributes')
    await silent()
  })
})

describe('Observe with criteria', () => {
  afterEach(() => device.close())

  it('writes attributes first, and unsets them at the end', async () => {
    await open()
    const ears = new Ears(device, { criteria: { pmin: 5, pmax: 60, gt: 50 } })
    await attributes(['pmin=5', 'pmax=60', 'gt=50'])
    const token = await observed(1)
    ears.subscription.close()
    await cancelled(token)
    await attributes(['pmin', 'pmax', 'gt'])
    await silent()
  })

  it('writes what satisfies all subscribers as they come and go', async () => {
    await open()
    const slow = new Ears(device, { criteria: { pmin: 60, pmax: 600, gt: 50 } })
    await attributes(['pmin=60', 'pmax=600', 'gt=50'])
    const token = await observed(1)
    const fast = new Ears(device, { criteria: { pmin: 5, pmax: 120 } })
    await attributes(['pmin=5', 'pmax=120', 'gt'])
    await silent()
    fast.subscription.close()
    await attributes(['pmin=60', 'pmax=600', 'gt=50'])
    slow.subscription.close()
    await cancelled(token)
    await attributes(['pmin', 'pmax', 'gt'])
    await silent()
  })

  it('gives each subscriber what its own criteria want', async () => {
    await open()
    const all = new Ears(device)
    const token = await observed(10)
    const steps = new Ears(device, { criteria: { st: 5 } })
    const changes = new Ears(device, { criteria: { changeOnly: true } })
    await silent()
    let number = 1
    for (const value of [12, 12, 15, 16, 21]) await device.notify(token, ++number, 0, String(value))
    await settled()
    assert.deepEqual(all.values, [10, 12, 12, 15, 16, 21])
    assert.deepEqual(steps.values, [10, 15, 21])
    assert.deepEqual(changes.values, [10, 12, 15, 16, 21])
  })

  it('holds back the newest value until pmin is over', async () => {
    await open()
    const all = new Ears(device)
    const token = await observed(1)
    const rare = new Ears(device, { criteria: { pmin: 10 } })
    await silent()
    await device.notify(token, 2, 0, '2')
    await device.notify(token, 3, 0, '3')
    await settled()
    assert.deepEqual(rare.values, [1])
    clock.advance(9999)
    assert.deepEqual(rare.values, [1])
    clock.advance(1)
    assert.deepEqual(rare.values, [1, 3])
    await device.notify(token, 4, 0, '4')
    await settled()
    rare.subscription.close()
    clock.advance(60_000)
    assert.deepEqual(rare.values, [1, 3])
    assert.deepEqual(all.values, [1, 2, 3, 4])
  })

  it('observes all the same when the device refuses the attributes', async () => {
    await open()
    const ears = new Ears(device, { criteria: { gt: 50 } })
    await attributes(['gt=50'], 0x80)
    const token = await observed(1)
    await silent()
    assert.deepEqual(
      device.warnings.map(({ code }) => code),
      ['attributes-refused'],
    )
    for (const [number, value] of [
      [2, 40],
      [3, 51],
    ]) {
      await device.notify(token, number, 0, String(value))
    }
    await settled()
    assert.deepEqual(ears.values, [1, 51])
    ears.subscription.close()
    await cancelled(token)
    await silent()
  })

  it('says attributes in the query of Observe to a 1.2 device', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(device, { criteria: { pmin: 5 }, attributes: { con: 1 } })
    const token = await observed(1, { query: ['pmin=5', 'con=1'] })
    const other = new Ears(device)
    const cancel = await device.expect({
      code: GET,
      options: optionsOf({ observe: 1, path: '/3/0/9', query: ['pmin=5', 'con=1'], accept: 112 }),
    })
    assert.equal(cancel.token, token)
    await device.content(cancel, 0, '1')
    const renewed = await observed(2, { query: ['con=1'] })
    await silent()
    assert.deepEqual(other.values, [1, 2])
    ears.subscription.close()
    other.subscription.close()
    void renewed
  })

  it('writes them to a 1.2 device that takes none with Observe', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(device, { criteria: { pmin: 5 } })
    await device.answer(await device.peer.message(), 0x80)
    await attributes(['pmin=5'])
    await observed(1)
    await silent()
    assert.deepEqual(ears.values, [1])
    assert.deepEqual(ears.errors, [])
  })

  it('keeps thresholds of an instance to itself', async () => {
    await open()
    const ears = new Ears(device, { paths: ['/3303/0'], criteria: { st: 5, pmax: 60 } })
    await attributes(['pmax=60'], CHANGED, '/3303/0')
    const request = await device.peer.message()
    await device.content(request, 110, '[{"n":"/3303/0/5700","v":1}]', 1)
    await device.notify(request.token, 2, 110, '[{"n":"/3303/0/5700","v":2}]')
    await device.notify(request.token, 3, 110, '[{"n":"/3303/0/5700","v":6}]')
    await settled()
    assert.deepEqual(ears.values, [1, 6])
  })
})

describe('Observe-Composite', () => {
  afterEach(() => device.close())

  const paths = ['/3/0/9', '/1/0/1']
  // [{-2:"/",0:"1/0/1"},{0:"3/0/9"}]
  const list = hex('82 a2 21 61 2f 00 65 312f302f31 a1 00 65 332f302f39')

  const fetch = (observe: number): Promise<ReadMessage> =>
    device.expect({
      code: FETCH,
      options: optionsOf({ observe, format: 112, accept: 112 }),
      payload: list,
    })

  it('is keyed by its token, and cancelled with the same token and list', async () => {
    await open()
    const ears = new Ears(device, { paths })
    const request = await fetch(0)
    await device.content(request, 110, '[{"n":"/1/0/1","v":300},{"n":"/3/0/9","v":95}]', 1)
    await settled()
    assert.deepEqual(ears.values, [300, 95])
    assert.equal(String(ears.results[0]?.path), '/')
    const same = new Ears(device, { paths: [...paths].reverse() })
    await silent()
    assert.deepEqual(same.values, [300, 95])
    await device.notify(request.token, 2, 110, '[{"n":"/3/0/9","v":94}]')
    await settled()
    assert.deepEqual(ears.values, [300, 95, 94])
    same.subscription.close()
    ears.subscription.close()
    const cancel = await fetch(1)
    assert.equal(cancel.token, request.token)
    await device.content(cancel, 110, '[]')
    await silent()
  })

  it('says pmin and pmax in the query (1.2)', async () => {
    await open({ version: '1.2' })
    new Ears(device, { paths, criteria: { pmin: 5, pmax: 60, gt: 3 } })
    const request = await device.expect({
      code: FETCH,
      options: optionsOf({ observe: 0, format: 112, query: ['pmin=5', 'pmax=60'], accept: 112 }),
      payload: list,
    })
    await device.content(request, 110, '[]', 1)
    await silent()
  })

  it('leaves them out for a device that takes none with Observe-Composite', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(device, { paths, criteria: { pmin: 5 } })
    await device.answer(await device.peer.message(), 0x80)
    await device.content(await fetch(0), 110, '[{"n":"/3/0/9","v":94}]', 1)
    await silent()
    assert.deepEqual(ears.values, [94])
    assert.deepEqual(ears.errors, [])
  })

  for (const code of [0x82, 0x85, 0xa1]) {
    it(`goes path by path when the device answers ${code.toString(16)}`, async () => {
      await open()
      const ears = new Ears(device, { paths })
      await device.answer(await fetch(0), code)
      const one = await observed(300, { path: '/1/0/1' })
      const two = await observed(95)
      await device.notify(two, 2, 0, '94')
      await settled()
      assert.deepEqual(ears.values, [300, 95, 94])
      assert.deepEqual(ears.errors, [])
      assert.deepEqual(ears.counts, [1])
      assert.deepEqual(
        device.warnings.map(({ code: warning }) => warning),
        ['no-composite'],
      )
      ears.subscription.close()
      await cancelled(one, '/1/0/1')
      await cancelled(two)
    })
  }

  it('goes path by path on a 1.0 device, and says which path is refused', async () => {
    await open({ version: '1.0' })
    const ears = new Ears(device, { paths })
    await device.answer(await device.peer.message(), 0x84)
    await observed(95, { accept: 11542 })
    assert.deepEqual(ears.errors, ['dev1 4.04'])
    assert.deepEqual(ears.values, [95])
    assert.deepEqual(ears.counts, [1])
  })

  it('reports another refusal as it is', async () => {
    await open()
    const ears = new Ears(device, { paths })
    await device.answer(await fetch(0), 0x81)
    await silent()
    assert.deepEqual(ears.errors, ['dev1 4.01'])
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
