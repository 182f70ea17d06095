import assert from 'node:assert/strict'
import {
  NotificationPolicy,
  sampleMatters,
  type Sample,
  type Timing,
} from '../../../src/client/reporting/notification-policy'
import type { ChangeConditions } from '../../../src/lwm2m/notification-conditions'
import { Path } from '../../../src/lwm2m/path'
import { ObjectLink, type Value } from '../../../src/lwm2m/value'

const AT = Path.parse('/3303/0/5700')

function sample(value: Value): Sample {
  return [{ path: AT, value }]
}

/** Whether a step is reported when the value before it was reported too. */
function step(conditions: ChangeConditions, from: Value, to: Value): boolean {
  return sampleMatters(conditions, sample(from), sample(from), sample(to))
}

describe('client notification policy', () => {
  describe('relevant changes', () => {
    const cases: [string, ChangeConditions, [Value, Value, boolean][]][] = [
      [
        'no condition: any change',
        {},
        [
          [1, 2, true],
          [1, 1, false],
          ['a', 'b', true],
          [true, false, true],
          [2n ** 60n, 2n ** 60n, false],
          [2n ** 60n, 2n ** 60n + 1n, true],
          [Buffer.from('a'), Buffer.from('a'), false],
          [Buffer.from('a'), Buffer.from('b'), true],
          [new Date(5), new Date(5), false],
          [new Date(5), new Date(6), true],
          [new ObjectLink(3, 0), new ObjectLink(3, 0), false],
          [new ObjectLink(3, 0), new ObjectLink(3, 1), true],
        ],
      ],
      [
        'gt: crossing it, both ways (OMA#191)',
        { gt: 45 },
        [
          [40, 50, true],
          [50, 40, true],
          [46, 99, false],
          [10, 44, false],
          [45, 46, true],
          [44, 45, false],
          [46, 45, true],
        ],
      ],
      [
        'lt: crossing it, both ways',
        { lt: 20 },
        [
          [25, 15, true],
          [15, 25, true],
          [15, 10, false],
          [20, 19, true],
          [21, 20, false],
        ],
      ],
      [
        'st: a change of at least a step',
        { st: 10 },
        [
          [0, 10, true],
          [0, 9.9, false],
          [10, 0, true],
          [-5, 5, true],
        ],
      ],
      [
        'gt=45&st=10, the examples of Core §7.3.2',
        { gt: 45, st: 10 },
        [
          [45, 50, true],
          [38, 49, true],
          [48, 42, false],
        ],
      ],
      [
        'lt=20&gt=85&st=10, the examples of Core §7.3.2',
        { lt: 20, gt: 85, st: 10 },
        [
          [75, 90, true],
          [50, 10, true],
          [87, 99, true],
          [17, 24, false],
        ],
      ],
      [
        'negative thresholds (OMA#563)',
        { gt: -5, lt: -20 },
        [
          [-10, 0, true],
          [-15, -25, true],
          [-15, -10, false],
        ],
      ],
      [
        'edge=1: only to true',
        { edge: 1 },
        [
          [false, true, true],
          [true, false, false],
          [true, true, false],
        ],
      ],
      [
        'edge=0: only to false',
        { edge: 0 },
        [
          [true, false, true],
          [false, true, false],
        ],
      ],
      [
        'numerical conditions say nothing about text',
        { gt: 5 },
        [
          ['a', 'b', true],
          ['a', 'a', false],
        ],
      ],
      [
        'edge says nothing about numbers',
        { edge: 1 },
        [
          [1, 2, true],
          [1, 1, false],
        ],
      ],
      ['64-bit integers', { st: 10 }, [[2n ** 60n, 2n ** 60n + 4096n, true]]],
    ]
    for (const [name, conditions, steps] of cases) {
      it(name, () => {
        for (const [from, to, wanted] of steps) {
          assert.equal(step(conditions, from, to), wanted, `${String(from)} -> ${String(to)}`)
        }
      })
    }

    it('compares steps with the reported value, thresholds with the last value', () => {
      // 40 reported, 45 seen: 51 is 11 from the report.
      assert.equal(sampleMatters({ st: 10 }, sample(40), sample(45), sample(51)), true)
      assert.equal(sampleMatters({ st: 10 }, sample(40), sample(45), sample(49)), false)
      // 50 reported, 42 seen but not reported: back above 45 is a crossing again.
      assert.equal(sampleMatters({ gt: 45, st: 10 }, sample(50), sample(42), sample(50)), true)
    })

    it('compares each instance of a multiple resource', () => {
      const many = (a: number, b: number): Sample => [
        { path: AT.child(0), value: a },
        { path: AT.child(1), value: b },
      ]
      const before = many(10, 40)
      assert.equal(sampleMatters({ gt: 45 }, before, before, many(20, 40)), false)
      assert.equal(sampleMatters({ gt: 45 }, before, before, many(10, 50)), true)
    })

    it('reports resources that are added and removed', () => {
      const one = sample(1)
      assert.equal(sampleMatters({ gt: 100 }, one, one, []), true)
      assert.equal(sampleMatters({ gt: 100 }, [], [], one), true)
      const other: Sample = [{ path: Path.parse('/3303/0/5701'), value: 1 }]
      assert.equal(sampleMatters({ gt: 100 }, one, one, other), true)
    })
  })

  describe('time of the report', () => {
    function policy(timing: Timing, conditions: ChangeConditions = {}, first: Value = 0) {
      return new NotificationPolicy([{ path: AT, conditions }], timing, [sample(first)], 0)
    }

    it('is immediate without pmin', () => {
      const p = policy({})
      assert.equal(p.nextAt(), undefined)
      assert.equal(p.evaluate([sample(1)], 10), true)
      assert.equal(p.evaluate([sample(1)], 20), false)
      assert.equal(p.nextAt(), undefined)
    })

    it('is pmin after the last report, once, with the current value', () => {
      const p = policy({ pmin: 10 })
      assert.equal(p.evaluate([sample(1)], 4000), false)
      assert.equal(p.nextAt(), 10_000)
      assert.equal(p.evaluate([sample(2)], 9999), false)
      assert.equal(p.evaluate([sample(2)], 10_000), true)
      assert.equal(p.nextAt(), undefined)
      assert.equal(p.evaluate([sample(3)], 19_999), false)
      assert.equal(p.evaluate([sample(3)], 20_000), true)
    })

    it('is after pmin even if the value changed back meanwhile', () => {
      const p = policy({ pmin: 10 })
      assert.equal(p.evaluate([sample(1)], 4000), false)
      assert.equal(p.evaluate([sample(0)], 5000), false)
      assert.equal(p.evaluate([sample(0)], 10_000), true)
    })

    it('is at pmax in any case', () => {
      const p = policy({ pmax: 60 })
      assert.equal(p.nextAt(), 60_000)
      assert.equal(p.evaluate([sample(0)], 59_999), false)
      assert.equal(p.evaluate([sample(0)], 60_000), true)
      assert.equal(p.nextAt(), 120_000)
      // A change in between restarts it.
      assert.equal(p.evaluate([sample(1)], 70_000), true)
      assert.equal(p.nextAt(), 130_000)
    })

    it('is at pmax even if no condition holds', () => {
      const p = policy({ pmin: 5, pmax: 20 }, { gt: 100 })
      assert.equal(p.evaluate([sample(50)], 10_000), false)
      assert.equal(p.evaluate([sample(50)], 20_000), true)
    })

    for (const [timing, next] of [
      [{ pmin: 10, pmax: 5 }, undefined],
      [{ pmax: 0 }, undefined],
      [{ pmin: 10, pmax: 10 }, 10_000],
    ] as const) {
      it(`handles pmax ${timing.pmax} with pmin ${'pmin' in timing ? timing.pmin : 'unset'}`, () => {
        assert.equal(policy(timing).nextAt(), next)
      })
    }

    it('is delayed by epmin', () => {
      const p = policy({ epmin: 10 })
      assert.equal(p.touch(4000), false)
      assert.equal(p.nextAt(), 10_000)
      assert.equal(p.touch(10_000), true)
      assert.equal(p.evaluate([sample(1)], 10_000), true)
      assert.equal(p.nextAt(), undefined)
    })

    it('is at an evaluation triggered by epmax', () => {
      const p = policy({ epmin: 1, epmax: 30 })
      assert.equal(p.nextAt(), 30_000)
      assert.equal(p.evaluate([sample(0)], 30_000), false)
      assert.equal(p.nextAt(), 60_000)
      assert.equal(policy({ epmin: 30, epmax: 10 }).nextAt(), undefined)
    })

    it('follows the conditions written last', () => {
      const p = policy({}, {}, 50)
      p.reconfigure([{ path: AT, conditions: { gt: 100 } }], { pmin: 5 })
      assert.equal(p.evaluate([sample(60)], 1000), false)
      assert.equal(p.evaluate([sample(110)], 2000), false)
      assert.equal(p.nextAt(), 5000)
      assert.equal(p.evaluate([sample(110)], 5000), true)
    })

    it('drops a pending report when one was sent for another reason', () => {
      const p = policy({ pmin: 10 })
      p.evaluate([sample(1)], 1000)
      p.markReported([sample(1)], 2000)
      assert.equal(p.evaluate([sample(1)], 20_000), false)
    })

    it('follows any of several targets', () => {
      const other = Path.parse('/3/0/9')
      const p = new NotificationPolicy(
        [
          { path: AT, conditions: { gt: 100 } },
          { path: other, conditions: { st: 5 } },
        ],
        {},
        [sample(0), [{ path: other, value: 90 }]],
        0,
      )
      assert.equal(p.evaluate([sample(50), [{ path: other, value: 88 }]], 1000), false)
      assert.equal(p.evaluate([sample(50), [{ path: other, value: 85 }]], 2000), true)
    })
  })
})
