import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_CODES, WARNING_CODES } from '../../src/base/codes'

const root = join(__dirname, '..', '..')
const known = new Set([...Object.keys(ERROR_CODES), ...Object.keys(WARNING_CODES)])

/** What users read: README, SECURITY and the help of every node. */
const texts = [
  'README.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'nodes'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html') && name.includes('locales'))
    .map((name) => join('nodes', name)),
]

/** The codes that a paragraph about errors or warnings names. */
function codesOf(text: string): string[] {
  return text
    .split(/\n\s*\n|\n\|/)
    .filter((paragraph) => /error\.code|\berror `|warning codes?\b|\bcode `/i.test(paragraph))
    .flatMap((paragraph) => [...paragraph.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)])
    .map(([, code = '']) => code)
}

describe('the error and warning codes', () => {
  it('are what the words of the union say, each in a sentence', () => {
    for (const [code, text] of Object.entries({ ...ERROR_CODES, ...WARNING_CODES })) {
      assert.match(code, /^[a-z]+(-[a-z]+)*$/)
      assert.match(text, /^[A-Z].*\.$/, code)
    }
  })

  for (const name of texts) {
    it(`named by ${name} exist`, () => {
      const unknown = codesOf(readFileSync(join(root, name), 'utf8')).filter(
        (code) => !known.has(code),
      )
      assert.deepEqual(unknown, [])
    })
  }

  it('are named by the README where errors are explained', () => {
    const codes = codesOf(readFileSync(join(root, 'README.md'), 'utf8'))
    for (const code of ['timeout', 'response-timeout', 'unknown-endpoint', 'queue-full']) {
      assert.ok(codes.includes(code), code)
    }
  })
})
