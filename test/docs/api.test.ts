import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(__dirname, '..', '..')
const run = promisify(execFile)
const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8')

/** The JavaScript blocks of a page, with the heading that each stands under. */
function examples(text: string): { heading: string; code: string }[] {
  return [...text.matchAll(/^#+ (.+)$(?:(?!^#)[\s\S])*?^```js\n([\s\S]*?)^```$/gm)].map(
    ([, heading = '', code = '']) => ({ heading, code }),
  )
}

describe('docs/api.md', function () {
  this.timeout(120_000)
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-docs-'))
    mkdirSync(join(folder, 'node_modules', '@lwm2m-flows'), { recursive: true })
    symlinkSync(root, join(folder, 'node_modules', '@lwm2m-flows', 'node-red-lwm2m'))
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is what the docstrings say', async () => {
    await run(process.execPath, [join(root, 'scripts', 'api-docs.mjs'), '--check'])
  })

  for (const { heading, code } of examples(page)) {
    it(`has an example of ${heading} that runs and ends`, async () => {
      const file = join(folder, `${heading}.mjs`)
      writeFileSync(file, code)
      await run(process.execPath, [file], { cwd: folder, timeout: 60_000 })
    })
  }

  it('has examples of the server, the virtual device, CoAP and storage', () => {
    assert.deepEqual(
      examples(page)
        .map(({ heading }) => heading)
        .sort(),
      ['CoapEndpoint', 'DiskStore', 'Lwm2mClient', 'Lwm2mServer'],
    )
  })
})
