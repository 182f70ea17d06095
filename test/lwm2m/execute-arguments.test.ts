import assert from 'node:assert/strict'
import {
  ExecuteArgumentError,
  formatExecuteArguments,
  parseExecuteArguments,
} from '../../src/lwm2m/execute-arguments'

describe('Execute arguments (Core §6.3.5)', () => {
  const examples: readonly [string, readonly (readonly [number, string | undefined])[]][] = [
    ['', []],
    ['5', [[5, undefined]]],
    ["2='10.3'", [[2, '10.3']]],
    [
      "7,0='https://www.oma.org',1",
      [
        [7, undefined],
        [0, 'https://www.oma.org'],
        [1, undefined],
      ],
    ],
    ["0=''", [[0, '']]],
  ]
  for (const [text, entries] of examples) {
    it(`parses ${text === '' ? 'an empty text' : text} and formats it again`, () => {
      const read = parseExecuteArguments(text)
      assert.deepEqual([...read], entries)
      assert.equal(formatExecuteArguments(read), text)
      assert.equal(formatExecuteArguments(text), text)
    })
  }

  it('accepts a comma and spaces inside quotes', () => {
    assert.deepEqual(
      [...parseExecuteArguments("0='a,1',2='b c'")],
      [
        [0, 'a,1'],
        [2, 'b c'],
      ],
    )
  })

  it('are formatted from objects and arrays by digit', () => {
    assert.equal(formatExecuteArguments({ 1: undefined, 0: 'a' }), "0='a',1")
    assert.equal(formatExecuteArguments(['x', undefined, 'y'] as never), "0='x',1,2='y'")
    assert.equal(formatExecuteArguments({}), '')
    assert.equal(formatExecuteArguments({ 0: 60 as never }), "0='60'")
  })

  for (const text of ['a', '10', '0=', "0='", "0='a", '0=a', "0='a'b", '1,', ',1', '1,,2', ' 1']) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseExecuteArguments(text),
        (error) => error instanceof ExecuteArgumentError && error.code === 'invalid-argument',
      )
    })
  }

  it('rejects a repeated digit', () => {
    assert.throws(() => parseExecuteArguments("1,1='a'"), /argument 1 occurs twice/)
  })

  it('rejects values that the ABNF cannot represent', () => {
    for (const value of ["it's", 'a"b', 'a b', 'a\\b', 'ä', 'a\n']) {
      assert.throws(() => formatExecuteArguments({ 0: value }), ExecuteArgumentError, value)
    }
    assert.throws(() => formatExecuteArguments({ 10: 'a' }), /digits 0 to 9, not "10"/)
    assert.throws(() => formatExecuteArguments({ a: 'b' } as never), /digits 0 to 9/)
    assert.throws(() => formatExecuteArguments({ 0: {} as never }), /argument 0 is text/)
  })
})
