import assert from 'node:assert/strict'
import { Path } from '../../../src/lwm2m/path'
import { ObjectLink, type Value } from '../../../src/lwm2m/value'
import { checkCriteria, CriteriaEvaluator, isVoid } from '../../../src/server/observations/criteria'
import type { ObserveCriteria } from '../../../src/server/types'

const PATH = Path.parse('/3303/0/5700')
const records = (value: Value, path = PATH) => [{ path, value }]

/** Offers values a second apart (or at given seconds) and answers those that got through. */
function passed(criteria: ObserveCriteria, series: readonly (readonly [Value, number])[]): Value[] {
  const filter = new CriteriaEvaluator(criteria)
  const through: Value[] = []
  for (const [value, second] of series) {
    if (filter.evaluate(records(value), second * 1000) !== true) continue
    filter.delivered(records(value), second * 1000)
    through.push(value)
  }
  return through
}

const everySecond = (values: readonly Value[]) => values.map((value, i) => [value, i] as const)

describe('Criteria of a subscriber', () => {
  it('notify as the examples of the specification do (gt, lt, st)', () => {
    const upper = { gt: 45, st: 10 }
    for (const [from, to, told] of [
      [45, 50, true],
      [38, 49, true],
      [48, 42, false],
    ] as const) {
      assert.equal(passed(upper, everySecond([from, to])).length === 2, told, `${from} to ${to}`)
    }
    const both = { lt: 20, gt: 85, st: 10 }
    for (const [from, to, told] of [
      [75, 90, true],
      [50, 10, true],
      [87, 99, true],
      [17, 24, false],
    ] as const) {
      assert.equal(passed(both, everySecond([from, to])).length === 2, told, `${from} to ${to}`)
    }
  })

  it('let the first value through, and compare with the last one that got through', () => {
    assert.deepEqual(passed({ st: 5 }, everySecond([10, 12, 14, 15, 19, 20])), [10, 15, 20])
    assert.deepEqual(passed({ lt: 5 }, everySecond([10, 5, 4, 3])), [10, 4])
  })

  it('count a crossing both ways, beside a step only the way out', () => {
    const values = everySecond([10, 19, 21, 25, 18, 21])
    assert.deepEqual(passed({ gt: 20 }, values), [10, 21, 18, 21])
    assert.deepEqual(passed({ lt: 20 }, values), [10, 21, 18, 21])
    assert.deepEqual(passed({ gt: 20, st: 10 }, values), [10, 21])
  })

  it('deliver changes only', () => {
    assert.deepEqual(passed({ changeOnly: true }, everySecond([1, 1, 2, 2, 1])), [1, 2, 1])
    assert.deepEqual(passed({ changeOnly: true }, everySecond([NaN, NaN, 1, 1n])), [NaN, 1])
    const bytes = [Buffer.from('a'), new Uint8Array([97]), Buffer.from('b')]
    assert.equal(passed({ changeOnly: true }, everySecond(bytes)).length, 2)
    const dates = [new Date(1000), new Date(1000), new Date(2000)]
    assert.equal(passed({ changeOnly: true }, everySecond(dates)).length, 2)
    const links = [new ObjectLink(1, 2), new ObjectLink(1, 2), new ObjectLink(1, 3)]
    assert.equal(passed({ changeOnly: true }, everySecond(links)).length, 2)
    assert.deepEqual(passed({ changeOnly: true }, everySecond(['a', 'a', true, true])), ['a', true])
  })

  it('say how long pmin has to be waited for', () => {
    const filter = new CriteriaEvaluator({ pmin: 10 })
    assert.equal(filter.evaluate(records(1), 0), true)
    filter.delivered(records(1), 0)
    assert.equal(filter.evaluate(records(2), 4000), 6000)
    assert.equal(filter.evaluate(records(2), 10_000), true)
    // A value of the past is measured by its distance.
    assert.equal(filter.evaluate(records(0), -4000), 6000)
    assert.equal(filter.evaluate(records(0), -11_000), true)
  })

  it('let a value through at pmax whatever the thresholds say, a little early too', () => {
    const criteria = { gt: 50, pmax: 60 }
    assert.deepEqual(
      passed(criteria, [
        [1, 0],
        [2, 57.9],
        [3, 58.1],
        [4, 118.2],
      ]),
      [1, 3, 4],
    )
    assert.deepEqual(
      passed({ gt: 50, pmax: 5 }, [
        [1, 0],
        [2, 4.4],
        [3, 4.5],
      ]),
      [1, 3],
    )
  })

  it('judge what is not a number by change, bigints and times by value', () => {
    assert.deepEqual(passed({ gt: 5 }, everySecond(['a', 'a', 'b'])), ['a', 'b'])
    assert.deepEqual(passed({ st: 2 }, everySecond([1n, 2n, 4n])), [1n, 4n])
    assert.equal(
      passed({ st: 2 }, everySecond([new Date(0), new Date(1000), new Date(2000)])).length,
      2,
    )
  })

  it('look at each resource of an instance', () => {
    const [a, b] = [Path.parse('/3303/0/5700'), Path.parse('/3303/0/5601')]
    const filter = new CriteriaEvaluator({ st: 5 })
    const both = (x: number, y: number) => [...records(x, a), ...records(y, b)]
    filter.delivered(both(10, 10), 0)
    assert.equal(filter.evaluate(both(11, 11), 1000), false)
    assert.equal(filter.evaluate(both(11, 15), 1000), true)
    // A resource that was not there before is news.
    assert.equal(filter.evaluate(records(1, Path.parse('/3303/0/5602')), 1000), true)
  })

  it('start afresh after a new registration', () => {
    const filter = new CriteriaEvaluator({ pmin: 10, changeOnly: true })
    filter.delivered(records(1), 0)
    filter.reset()
    assert.equal(filter.evaluate(records(1), 1), true)
  })

  it('are refused when they could never be met', () => {
    for (const criteria of [
      { pmin: -1 },
      { pmax: 0 },
      { pmin: 10, pmax: 5 },
      { st: 0 },
      { gt: 1, lt: 1 },
      { gt: 30, lt: 10, st: 10 },
      { gt: NaN },
      { gt: '5' as unknown as number },
    ]) {
      assert.throws(() => checkCriteria(criteria), { code: 'invalid-argument' })
    }
    checkCriteria({ pmin: 1, pmax: 1, gt: 31, lt: 10, st: 10, changeOnly: true })
  })

  it('are void when everything is wanted', () => {
    assert.equal(isVoid(undefined), true)
    assert.equal(isVoid({}), true)
    assert.equal(isVoid({ changeOnly: false }), true)
    assert.equal(isVoid({ changeOnly: true }), false)
    assert.equal(isVoid({ pmin: 0 }), false)
  })
})
