import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { NodeRed, requireRuntime, runtimes } from '../support/node-red'
import { moveExample, nodeOf } from './support/examples'

const root = join(__dirname, '..', '..')
const run = promisify(execFile)

/** What the scorecard says of one rule. */
interface Rule {
  readonly test: boolean
}

describe('the package, as npm packs it', function () {
  this.timeout(300_000)
  let folder: string
  let userDir: string
  let installed: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-package-'))
    userDir = join(folder, 'user')
    mkdirSync(userDir)
    const packed = await run('npm', ['pack', root, '--ignore-scripts', '--json'], { cwd: folder })
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }]
    writeFileSync(join(userDir, 'package.json'), '{"name":"user","private":true}')
    await run(
      'npm',
      [
        'install',
        '--omit=dev',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        join('..', filename),
      ],
      { cwd: userDir },
    )
    installed = join(userDir, 'node_modules', '@lwm2m-flows', 'node-red-lwm2m')
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('brings no more than it needs to be used', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies: object
      files: string[]
    }
    assert.ok(Object.keys(manifest.dependencies).length <= 6)
    for (const file of ['README.md', 'LICENSE', 'examples/first-steps.json']) {
      assert.notEqual(readFileSync(join(installed, file), 'utf8'), '')
    }
    for (const folder of ['src', 'test', 'nodes']) {
      assert.throws(() => readFileSync(join(installed, folder)), { code: 'ENOENT' })
    }
  })

  it('exports the engine to scripts', async () => {
    const script = `const { Lwm2mServer, CredentialStore } = require('@lwm2m-flows/node-red-lwm2m')
      console.log(typeof Lwm2mServer, typeof CredentialStore)`
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: userDir })
    assert.equal(stdout.trim(), 'function function')
  })

  it('gives modules of both kinds the same classes, from every entry point', async () => {
    const script = `const name = '@lwm2m-flows/node-red-lwm2m'
      const all = ['', '/client', '/coap', '/storage'].map(async (path) => {
        const [required, imported] = [require(name + path), await import(name + path)]
        for (const key of Object.keys(required)) {
          if (required[key] !== imported[key]) throw new Error(path + ' ' + key)
        }
        return Object.keys(required).length > 0
      })
      Promise.all(all).then((each) => console.log(each.join()))`
    const { stdout } = await run(process.execPath, ['-e', script], { cwd: userDir })
    assert.equal(stdout.trim(), 'true,true,true,true')
    const { stdout: client } = await run(
      process.execPath,
      ['-p', `typeof require('@lwm2m-flows/node-red-lwm2m/client').Lwm2mClient`],
      { cwd: userDir },
    )
    assert.equal(client.trim(), 'function')
  })

  it('has type declarations for every entry point', () => {
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      exports: { readonly [subpath: string]: string | { readonly types: string } }
    }
    for (const target of Object.values(exports)) {
      if (typeof target === 'string') continue
      assert.match(readFileSync(join(installed, target.types), 'utf8'), /export \{/)
    }
  })

  for (const runtime of runtimes()) {
    it(`runs an example on ${runtime.name}`, async function () {
      requireRuntime(this, runtime)
      const red = await NodeRed.start({ runtime, userDir })
      try {
        const { flow } = await moveExample('bridge-to-lwm2m')
        const { id } = nodeOf(flow, 'debug', 'seen by the server')
        const value = red.debugged((message) => message.id === id)
        await red.deploy(flow)
        assert.match((await value).msg, /^-?\d+(\.\d+)?$/)
        assert.doesNotMatch(red.output, /\[error\]|missing types/)
      } finally {
        await red.stop()
      }
    })
  }

  it('passes every rule of the Flow Library scorecard that needs no network', async () => {
    const score = join(folder, 'score.json')
    const command = join(root, 'node_modules', 'node-red-dev', 'bin', 'run')
    const offline = join(__dirname, 'support', 'scorecard-offline.cjs')
    await run(
      process.execPath,
      ['--require', offline, command, 'validate', '-p', installed, '-o', score],
      { cwd: folder, env: { ...process.env, SCORECARD_TREE: join(userDir, 'node_modules') } },
    )
    const rules = JSON.parse(readFileSync(score, 'utf8')) as { [rule: string]: Rule }
    const failed = Object.entries(rules).filter(([, { test }]) => test === false)
    assert.deepEqual(Object.fromEntries(failed), {})
    for (const rule of ['P01', 'P03', 'P04', 'P05', 'P06', 'P07', 'D01', 'D02', 'N02']) {
      assert.equal(rules[rule]?.test, true, rule)
    }
  })
})
