import assert from 'node:assert/strict'
import { readCsv } from '../../../src/server/credentials/csv'

const read = (text: string) => [...readCsv(text)].map(({ line, fields }) => [line, ...fields])

describe('CSV (RFC 4180)', () => {
  it('splits at commas, keeping empty fields and blanks', () => {
    assert.deepEqual(read('a, b ,\r\n,,c'), [
      [1, 'a', ' b ', ''],
      [2, '', '', 'c'],
    ])
  })

  it('takes CRLF, LF and CR, a missing last line end, empty lines and a byte order mark', () => {
    assert.deepEqual(read('\ufeffa\nb\r\n\r\n\nc\rd'), [
      [1, 'a'],
      [2, 'b'],
      [5, 'c'],
      [6, 'd'],
    ])
    assert.deepEqual(read(''), [])
    assert.deepEqual(read('\r\n'), [])
  })

  it('takes quoted fields with commas, quotes and line breaks, and counts their lines', () => {
    assert.deepEqual(read('"a,b","say ""hi""","x\r\ny\nz",""\nnext'), [
      [1, 'a,b', 'say "hi"', 'x\r\ny\nz', ''],
      [4, 'next'],
    ])
    assert.deepEqual(read('a,""\n'), [[1, 'a', '']])
  })

  it('refuses what is not CSV, with its line', () => {
    assert.throws(() => read('a\n"b\nc'), { code: 'csv', line: 2, message: /does not end/ })
    assert.throws(() => read('a\nb"c'), { code: 'csv', line: 2, message: /middle of a field/ })
    assert.throws(() => read('"a"b'), { line: 1, message: /middle of a field/ })
  })

  it('reads an unended quote over ten megabytes without ado', () => {
    assert.throws(() => read('"' + 'x""'.repeat(3_500_000)), { line: 1 })
  })
})
