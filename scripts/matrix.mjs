#!/usr/bin/env node
/**
 * `npm run matrix`: installs the other runtimes that the tests cover into `.matrix/` (ignored by git),
 * each from the npm registry (the `node` package ships Node.js itself). Tests that need one that is
 * not installed are skipped, or fail under REQUIRE_TOOLS=1.
 *
 * `npm run matrix -- --all` runs the whole suite on every supported combination of Node.js and
 * Node-RED, `npm run matrix -- node24-red5` on the named ones.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const matrix = join(root, '.matrix')

/** Folder below `.matrix/` → npm packages. */
const packages = {
  node20: { node: '20' },
  'node22-red5': { node: '22', 'node-red': '5' },
  node24: { node: '24' },
}

/** Name → folder of its Node.js, and the Node-RED (`NODE_RED`) that the tests start. */
const combinations = {
  'node20-red4': { folder: 'node20', nodeRed: '4.1' },
  'node22-red4': { folder: 'node22-red5', nodeRed: '4.1' },
  'node22-red5': { folder: 'node22-red5', nodeRed: '5' },
  'node24-red4': { folder: 'node24', nodeRed: '4.1' },
  'node24-red5': { folder: 'node24', nodeRed: '5' },
}

function install(name) {
  const directory = join(matrix, name)
  const manifest = join(directory, 'package.json')
  const wanted = JSON.stringify({ private: true, dependencies: packages[name] }, null, 2)
  const installed = existsSync(join(directory, 'node_modules', 'node', 'bin'))
  if (installed && existsSync(manifest) && readFileSync(manifest, 'utf8') === wanted) return
  mkdirSync(directory, { recursive: true })
  writeFileSync(manifest, wanted)
  // The node package links its binary in an install script.
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--foreground-scripts']
  const { status } = spawnSync('npm', ['install', ...options], {
    cwd: directory,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}

/** @returns whether the suite passed */
function run(name, mochaArguments) {
  const { folder, nodeRed } = combinations[name]
  const node = join(matrix, folder, 'node_modules', 'node', 'bin', 'node')
  console.log(`\n--- ${name}`)
  const { status } = spawnSync(
    node,
    [join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'), ...mochaArguments],
    { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_RED: nodeRed } },
  )
  return status === 0
}

const separator = process.argv.indexOf('--mocha')
const mochaArguments = separator < 0 ? [] : process.argv.slice(separator + 1)
const names = process.argv.slice(2, separator < 0 ? undefined : separator)
const unknown = names.find((name) => name !== '--all' && combinations[name] === undefined)
if (unknown !== undefined) {
  const known = Object.keys(combinations).join(', ')
  console.error(`unknown argument "${unknown}", expected --all or one of ${known}`)
  process.exit(2)
}
const wanted = names.includes('--all') ? Object.keys(combinations) : names
const folders = wanted.map((name) => combinations[name].folder)
for (const name of new Set(['node22-red5', 'node24', ...folders])) install(name)
const failed = wanted.filter((name) => !run(name, mochaArguments))
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exit(1)
}
