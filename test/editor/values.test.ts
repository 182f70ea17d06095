import assert from 'node:assert/strict'

/** Texts by their key: the rules are tested, not the translations. */
const globals = globalThis as unknown as { RED: { _(key: string, values?: object): string } }

interface Range {
  readonly min?: number
  readonly max?: number
  readonly values?: readonly number[]
}

interface Rules {
  valueProblem(text: string, type: string, range?: Range): string | undefined
}

describe('value rules', () => {
  let rules: Rules
  const before_ = globals.RED

  before(async () => {
    globals.RED = { _: (key, values) => `${key.split(':')[1]} ${JSON.stringify(values ?? {})}` }
    // Not by name: the plugin has types of the browser's, which tests do not.
    const plugin: string = '../../nodes/editor/value-field'
    rules = (await import(plugin)) as Rules
  })
  after(() => {
    globals.RED = before_
  })

  const cases: readonly (readonly [
    type: string,
    good: readonly string[],
    bad: readonly string[],
  ])[] = [
    ['Integer', ['0', ' -7 ', '9223372036854775807'], ['', '1.5', 'x', '1e3']],
    ['Unsigned Integer', ['0', '7'], ['-1', '']],
    ['Float', ['0', '-1.5e3'], ['', 'x', 'Infinity']],
    ['Boolean', ['true', 'false', '0', '1'], ['yes', '']],
    ['Time', ['0', '1767225600', '2026-01-01T00:00:00Z'], ['', 'tomorrow']],
    ['Objlnk', ['3:0', '65535:65535'], ['3', '3:0:1', '65536:0', '']],
    ['Opaque', ['', '0x', '0x0A1b', 'AAEC', 'AAE='], ['€', 'AAECA', '0x0g', '0x0']],
    ['String', ['', 'anything'], []],
  ]
  for (const [type, good, bad] of cases) {
    it(`knows what is a value of ${type}`, () => {
      for (const text of good) assert.equal(rules.valueProblem(text, type), undefined, text)
      for (const text of bad) assert.ok(rules.valueProblem(text, type), JSON.stringify(text))
    })
  }

  it('says which numbers a range allows', () => {
    const { valueProblem } = rules
    assert.equal(valueProblem('100', 'Integer', { min: 0, max: 100 }), undefined)
    assert.equal(
      valueProblem('101', 'Integer', { min: 0, max: 100 }),
      'value.between {"min":0,"max":100}',
    )
    assert.equal(valueProblem('2', 'Integer', { values: [0, 2] }), undefined)
    assert.equal(valueProblem('1', 'Integer', { values: [0, 2] }), 'value.one-of {"values":"0, 2"}')
  })
})
