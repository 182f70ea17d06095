import assert from 'node:assert/strict'
import { isPattern, matchesPattern, PatternMap } from '../../src/server/endpoint-pattern'
import { cpuTime } from '../support/cpu-time'

describe('endpoint patterns', () => {
  it('match as people expect', () => {
    const cases: [pattern: string, name: string, matches: boolean][] = [
      ['*', '', true],
      ['*', 'anything', true],
      ['dev-*', 'dev-', true],
      ['dev-*', 'dev-1', true],
      ['dev-*', 'Dev-1', false],
      ['dev-?', 'dev-1', true],
      ['dev-?', 'dev-10', false],
      ['dev-?', 'dev-', false],
      ['*-1', 'a-1-1', true],
      ['*-1', 'a-12', false],
      ['a*b*c', 'a-b-b-c', true],
      ['a*b*c', 'a-c-b', false],
      ['**', 'x', true],
      ['?*', '', false],
      ['a.b', 'axb', false],
      ['[a]', 'a', false],
      ['urn:*:1', 'urn:imei:1', true],
      ['', '', true],
      ['', 'a', false],
      ['exact', 'exact', true],
    ]
    for (const [pattern, name, matches] of cases) {
      assert.equal(matchesPattern(pattern, name), matches, `${pattern} ~ ${name}`)
    }
    assert.ok(isPattern('a*') && isPattern('?') && !isPattern('a.b[c]'))
  })

  it('take no time for what would explode as a regular expression', () => {
    const took = cpuTime(() => {
      assert.equal(matchesPattern('*a'.repeat(40) + 'b', 'a'.repeat(5_000)), false)
    })
    assert.ok(took < 500, `${took} ms`)
  })

  it('settings: an exact name goes before patterns, a longer pattern before a shorter', () => {
    const longestFirst = new PatternMap<number>()
    longestFirst.set('dev-1?', 3)
    longestFirst.set('dev-*', 2)
    longestFirst.set('*', 1)
    assert.equal(longestFirst.get('dev-11'), 3, 'the longest, not the last')
    const ofOneLength = new PatternMap<number>()
    ofOneLength.set('a*', 1)
    ofOneLength.set('*b', 2)
    assert.equal(ofOneLength.get('ab'), 1, 'the first of equal length')
    const map = new PatternMap<number>()
    map.set('*', 1)
    map.set('dev-*', 2)
    map.set('dev-1?', 3)
    map.set('dev-10', 4)
    assert.deepEqual(
      ['x', 'dev-2', 'dev-11', 'dev-10'].map((name) => map.get(name)),
      [1, 2, 3, 4],
    )
    assert.equal(map.delete('dev-10'), true)
    assert.equal(map.delete('dev-10'), false)
    assert.equal(map.get('dev-10'), 3)
    map.delete('*')
    assert.equal(map.get('x'), undefined)
    assert.deepEqual(map.entries(), [
      ['dev-*', 2],
      ['dev-1?', 3],
    ])
  })
})
