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
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
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
const address = `http://127.0.0.1:${port}/`
if (await isTaken(port)) {
  console.error(
    `Port ${port} is in use, perhaps by another Node-RED. Choose one: npm start -- --port 1990`,
  )
  process.exit(1)
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
  { stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)))

// Node-RED speaks the language of the machine, so its log does not tell when it is ready.
while (!(await hasFlows())) await setTimeout(200)
console.log(`\n  The editor is at ${address}  (Ctrl+C stops)\n`)

/** Whether somebody listens at a TCP port of 127.0.0.1 already. */
function isTaken(wanted) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(true))
    server.listen(wanted, '127.0.0.1', () => server.close(() => resolve(false)))
  })
}

/** Whether the editor answers, and has the flows: HTTP comes first. */
async function hasFlows() {
  try {
    const headers = { 'Node-RED-API-Version': 'v2' }
    const response = await globalThis.fetch(`${address}flows`, { headers })
    return response.ok && (await response.json()) !== null
  } catch {
    return false
  }
}
