#!/usr/bin/env node
/**
 * `npm run matrix`: installs the other runtimes that the tests cover into `.matrix/` (ignored by git),
 * each from the npm registry (the `node` package ships Node.js itself). Tests that want one that is not
 * there are skipped, or fail under REQUIRE_TOOLS=1.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const runtimes = {
  'node22-red5': { node: '22', 'node-red': '5' },
  node24: { node: '24' },
}

const root = join(dirname(dirname(fileURLToPath(import.meta.url))), '.matrix')
for (const [name, dependencies] of Object.entries(runtimes)) {
  const directory = join(root, name)
  const manifest = join(directory, 'package.json')
  const wanted = JSON.stringify({ private: true, dependencies }, null, 2)
  const installed = existsSync(join(directory, 'node_modules', 'node'))
  if (installed && existsSync(manifest) && readFileSync(manifest, 'utf8') === wanted) continue
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
