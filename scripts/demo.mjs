#!/usr/bin/env node
/**
 * `npm start`: Node-RED on 127.0.0.1 with the first-steps flow, in its own user directory inside the
 * project (`.demo/`, ignored by git). A second run keeps whatever was edited there.
 *
 *   npm start -- --port 1990     another port for the editor
 *   npm start -- --fresh         start over with the example flow
 */
import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '1880' },
    fresh: { type: 'boolean', default: false },
  },
})
const port = Number(values.port)
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  console.error(`--port takes a number from 1 to 65535, not ${JSON.stringify(values.port)}`)
  process.exit(2)
}

const userDir = join(root, '.demo')
if (values.fresh) rmSync(userDir, { recursive: true, force: true })

// The package as an installed one would be: in the user directory's node_modules.
const scope = join(userDir, 'node_modules', '@lwm2m-flows')
const link = join(scope, 'node-red-lwm2m')
mkdirSync(scope, { recursive: true })
if (!existsSync(link)) {
  rmSync(link, { force: true })
  symlinkSync(root, link, 'junction')
}
const manifest = join(userDir, 'package.json')
if (!existsSync(manifest)) {
  writeFileSync(
    manifest,
    JSON.stringify({ name: 'lwm2m-demo', private: true, dependencies: {} }, null, 2),
  )
}
const flows = join(userDir, 'flows.json')
if (!existsSync(flows)) copyFileSync(join(root, 'examples', 'first-steps.json'), flows)
writeFileSync(
  join(userDir, 'settings.js'),
  `// Written by scripts/demo.mjs at every start.
module.exports = {
  uiHost: '127.0.0.1',
  uiPort: ${port},
  flowFile: 'flows.json',
  flowFilePretty: true,
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, palette: { catalogues: [] }, projects: { enabled: false } },
}
`,
)

const require = createRequire(import.meta.url)
const nodeRed = join(dirname(require.resolve('node-red/package.json')), 'red.js')
const child = spawn(
  process.execPath,
  [nodeRed, '-u', userDir, '-s', join(userDir, 'settings.js')],
  { stdio: ['inherit', 'pipe', 'inherit'] },
)
child.stdout.on('data', (chunk) => {
  process.stdout.write(chunk)
  if (String(chunk).includes('Started flows')) {
    console.log(`\n  The editor is at http://127.0.0.1:${port}/  (Ctrl+C stops)\n`)
  }
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)))
