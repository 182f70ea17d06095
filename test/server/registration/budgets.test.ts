import assert from 'node:assert/strict'
import { budgetLimits, heapLimit } from '../../../src/server/registration/budgets'
import type { BudgetOptions } from '../../../src/server/options'
import type { ReadMessage } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import { MemoryStore } from '../../../src/storage/memory-store'
import { GatedStore } from '../persistence/support/gated-store'
import { Harness, OBJECTS, register, toLocation } from './support/harness'
import { SecureTransport } from './support/secure-transport'

const MAX_AGE = 14
const DELETE = 4
const [CREATED, DELETED, CHANGED, UNAVAILABLE] = [0x41, 0x42, 0x44, 0xa3]
const QUERY = ['lwm2m=1.1', 'lt=86400']

describe('budgets of registrations', () => {
  let harness: Harness
  let device: ScriptedPeer
  afterEach(() => harness.stop())

  async function start(budgets: BudgetOptions, store = new MemoryStore()): Promise<void> {
    harness = await Harness.start({ budgets, store })
    device = await harness.device()
  }

  const registers = (ep: string, query = QUERY, payload = OBJECTS): Promise<ReadMessage> =>
    device.request(register([`ep=${ep}`, ...query], payload))

  const warnings = (): string[] =>
    harness.named('warning').map(([{ code, message }]) => `${code}: ${message}`)

  function assertRefused(answer: ReadMessage): void {
    assert.equal(answer.code, UNAVAILABLE)
    const maxAge = answer.options.find(([number]) => number === MAX_AGE)?.[1]
    assert.equal(maxAge?.toString('hex'), '3c')
  }

  it('object lists: a list counts once, however many send it; 5.03 and one warning beyond', async () => {
    await start({ objectLists: OBJECTS.length + 20 })
    assert.equal((await registers('a')).code, CREATED)
    assert.equal((await registers('b')).code, CREATED)
    assert.equal(harness.server.statistics.budgets.objectLists.used, OBJECTS.length)
    assert.equal((await registers('c', QUERY, '</3/0>')).code, CREATED)
    assertRefused(await registers('d', QUERY, '</3/0>,</4/0>,</5/0>'))
    assertRefused(await registers('e', QUERY, '</3/0>,</4/0>,</6/0>'))
    assert.deepEqual(warnings(), [
      `budget-exceeded: d was refused: the limit of ${OBJECTS.length + 20} bytes of object lists is reached`,
    ])
    assert.equal(harness.server.registrations.size, 3)
  })

  it('object lists: an Update with a longer list is refused, the registration stays as it was', async () => {
    await start({ objectLists: 20 })
    const answer = await registers('a', QUERY, '</3/0>')
    const id = String(answer.options.filter(([number]) => number === 8)[1]?.[1])
    assertRefused(await device.request(toLocation(id, [], '</3/0>,</4/0>,</5/0>,</6/0>')))
    assert.deepEqual(
      harness.server.registrations.get('a')?.objects.map((object) => object.id),
      [3],
    )
    assert.equal((await device.request(toLocation(id, [], '</4/0>,</5/0>'))).code, CHANGED)
    assert.equal(harness.server.statistics.budgets.objectLists.used, 13)
  })

  it('attributes', async () => {
    await start({ attributes: 400 })
    assert.equal((await registers('a', [...QUERY, 'site=1', 'kind=2'])).code, CREATED)
    assertRefused(await registers('b', [...QUERY, 'site=1', 'kind=2']))
    assert.equal((await registers('b')).code, CREATED)
    assert.equal((await registers('a', [...QUERY, 'kind=2', 'site=1'])).code, CREATED)
    assert.match(
      warnings().join(),
      /^budget-exceeded: b was refused: the limit of 400 bytes of attr/,
    )
  })

  it('attributes: Updates do not add up to more than a Register may have', async () => {
    await start({})
    const answer = await registers('a')
    const id = String(answer.options.filter(([number]) => number === 8)[1]?.[1])
    const names = (from: number): string[] => Array.from({ length: 30 }, (_, i) => `n${from + i}=1`)
    assert.equal((await device.request(toLocation(id, names(0)))).code, CHANGED)
    assert.equal((await device.request(toLocation(id, names(0)))).code, CHANGED)
    assert.equal((await device.request(toLocation(id, names(30)))).code, 0x80)
    assert.equal(Object.keys(harness.server.registrations.get('a')?.attributes ?? {}).length, 30)
  })

  it('registrations: those that are in may register again', async () => {
    await start({ registrations: 2 })
    assert.equal((await registers('a')).code, CREATED)
    assert.equal((await registers('b')).code, CREATED)
    assertRefused(await registers('c'))
    assertRefused(await registers('d'))
    assert.equal((await registers('a')).code, CREATED)
    assert.deepEqual(warnings(), [
      'registrations-full: c was refused: the limit of 2 registrations is reached',
    ])
    harness.clock.advance(3_600_000)
    assertRefused(await registers('e'))
    assert.match(warnings()[1] ?? '', /e was refused: .* \(1 others before\)/)
  })

  it('Registers without security from one address in a minute', async () => {
    await start({ registersPerMinute: 2 })
    assert.equal((await registers('a')).code, CREATED)
    assert.equal((await registers('a')).code, CREATED)
    assertRefused(await registers('a'))
    assertRefused(await registers('b'))
    assert.equal(warnings().length, 1)
    harness.clock.advance(60_000)
    assert.equal((await registers('b')).code, CREATED)
  })

  it('lifetimes without end count for devices without security only', async () => {
    const transport = new SecureTransport()
    harness = await Harness.start({
      budgets: { unlimitedLifetimes: 1, registersPerMinute: 3 },
      coaps: { transport },
    })
    device = await harness.device()
    assert.equal((await registers('a', ['lwm2m=1.1', 'lt=0'])).code, CREATED)
    assertRefused(await registers('b', ['lwm2m=1.1', 'lt=0']))
    assert.equal((await registers('b')).code, CREATED)
    for (const name of ['s1', 's2', 's3', 's4']) {
      const answer = await transport
        .psk(name)
        .request(register([`ep=${name}`, 'lwm2m=1.1', 'lt=0']))
      assert.equal(answer.code, CREATED)
    }
    assert.equal(harness.server.registrations.size, 6)
  })

  it('an Update to a lifetime without end counts, and back', async () => {
    await start({ unlimitedLifetimes: 1 })
    const ids = new Map<string, string>()
    for (const ep of ['a', 'b']) {
      const answer = await registers(ep)
      ids.set(ep, String(answer.options.filter(([number]) => number === 8)[1]?.[1]))
    }
    const update = async (ep: string, lt: number): Promise<number> =>
      (await device.request(toLocation(ids.get(ep) ?? '', [`lt=${lt}`]))).code
    assert.equal(await update('a', 0), CHANGED)
    assert.equal(await update('b', 0), UNAVAILABLE)
    assert.equal(await update('a', 100), CHANGED)
    assert.equal(await update('b', 0), CHANGED)
  })

  it('everything is given back: by expiry, de-registration, replacement and failed writes', async () => {
    const store = new GatedStore()
    harness = await Harness.start({ budgets: {}, store })
    device = await harness.device()
    const ids: string[] = []
    for (const ep of ['a', 'b', 'c']) {
      const answer = await registers(ep, ['lwm2m=1.1', 'lt=0', 'site=x'], `</3/0>,</${ep.length}>`)
      ids.push(String(answer.options.filter(([number]) => number === 8)[1]?.[1]))
    }
    assert.equal((await registers('a', [...QUERY, 'x=1'])).code, CREATED)
    store.failure = new Error('no space')
    assert.equal((await registers('d', ['lwm2m=1.1', 'lt=0', 'y=1'], '</9/1>')).code, 0xa0)
    assert.equal(
      (await device.request(toLocation(ids[1] ?? '', ['lt=50', 'z=1'], '</9/2>'))).code,
      0xa0,
    )
    store.failure = undefined
    // Two Updates of one device that are written at the same time.
    store.hold()
    for (const message of [
      toLocation(ids[1] ?? '', ['lt=50'], '</9/3>'),
      toLocation(ids[1] ?? '', ['z=1']),
    ]) {
      await device.send({ ...message, mid: device.nextMid() })
    }
    await device.barrier()
    store.release()
    for (let i = 0; i < 2; i++) assert.equal((await device.message()).code, CHANGED)
    assert.equal((await device.request(toLocation(ids[2] ?? '', [], '', DELETE))).code, DELETED)
    harness.clock.advance(86_400_000)
    await harness.seen('expired', 2)
    const { objectLists, attributes, registrations, unlimitedLifetimes } =
      harness.server.statistics.budgets
    assert.deepEqual(
      [objectLists, attributes, registrations, unlimitedLifetimes].map(({ used }) => used),
      [0, 0, 0, 0],
    )
  })
})

describe('the default budgets', () => {
  it('fit the heap', () => {
    for (const heap of [2 ** 27, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 35]) {
      const limits = budgetLimits({}, heap)
      const bytes = limits.objectLists + limits.attributes + limits.registrations * 2048
      assert.ok(bytes < heap / 2, `${bytes} of ${heap}`)
      assert.ok(limits.registrations <= 500_000)
    }
    assert.equal(budgetLimits({}, 2 ** 32).registrations, 500_000)
    assert.equal(budgetLimits({ objectLists: 7 }, 2 ** 32).objectLists, 7)
  })

  it('follow the old generation of the heap where its limit is set', () => {
    const mebibytes = (flags: string, reported: number): number =>
      heapLimit(flags, reported * 2 ** 20) / 2 ** 20
    assert.equal(mebibytes('', 4144), 4144)
    assert.equal(mebibytes('--max-old-space-size=256', 304), 304)
    assert.equal(mebibytes('--max_old_space_size=256', 448), 304)
    assert.equal(mebibytes('--max-old-space-size=96 --max-old-space-size=256', 448), 304)
  })
})
