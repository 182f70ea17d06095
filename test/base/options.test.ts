import assert from 'node:assert/strict'
import { resolveOptions } from '../../src/base/options'

const fail = (message: string): Error => new RangeError(message)

describe('resolveOptions', () => {
  const defaults = { timeout: 100, count: 3, name: 'x' }
  const rules = { timeout: { least: 1, most: 1000 }, count: { least: 1, whole: true } }

  it('takes what is given, and the default of what is not or is unknown', () => {
    const given = { timeout: 5, count: undefined, other: 1 } as object
    assert.deepEqual(resolveOptions(defaults, given, rules, fail), {
      ...defaults,
      timeout: 5,
    })
  })

  const refused: [given: object, message: string][] = [
    [{ timeout: 0 }, 'timeout must be a number from 1 to 1000, not 0'],
    [{ timeout: 1001 }, 'timeout must be a number from 1 to 1000, not 1001'],
    [{ timeout: NaN }, 'timeout must be a number from 1 to 1000, not NaN'],
    [{ timeout: '5' }, 'timeout must be a number from 1 to 1000, not 5'],
    [{ count: 1.5 }, 'count must be a whole number of at least 1, not 1.5'],
    [{ count: Infinity }, 'count must be a whole number of at least 1, not Infinity'],
  ]
  for (const [given, message] of refused) {
    it(`refuses ${String(Object.values(given)[0])} for ${Object.keys(given)[0]}`, () => {
      assert.throws(() => resolveOptions(defaults, given, rules, fail), { message })
    })
  }
})
