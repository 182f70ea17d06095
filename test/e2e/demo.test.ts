import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeTcpPort } from '../support/ports'
import { moveExample } from './support/examples'

const root = join(__dirname, '..', '..')

/** `npm start` in a copy of the project, so that nobody's own demo is touched. */
describe('the demo', function () {
  this.timeout(120_000)
  let project: string
  let running: ChildProcess | undefined

  before(async () => {
    project = mkdtempSync(join(tmpdir(), 'lwm2m-demo-'))
    for (const part of ['package.json', 'dist', 'examples', 'scripts']) {
      cpSync(join(root, part), join(project, part), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'), 'junction')
    // The flow that it starts with, on ports that are free here.
    const { flow } = await moveExample('first-steps')
    const visible = flow.map((node) => (node.type === 'debug' ? { ...node, console: true } : node))
    writeFileSync(join(project, 'examples', 'first-steps.json'), JSON.stringify(visible))
  })

  afterEach(() => stop())
  after(() => rmSync(project, { recursive: true, force: true }))

  async function stop(): Promise<void> {
    const child = running
    running = undefined
    if (child === undefined || child.exitCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  }

  /** Starts it, and resolves with what it printed once that fits. */
  function start(args: readonly string[], fits: (text: string) => boolean): Promise<string> {
    const child = spawn(process.execPath, [join('scripts', 'demo.mjs'), ...args], {
      cwd: project,
      // What Node-RED prints is then in German: nothing may depend on it.
      env: { ...process.env, LC_ALL: 'de_DE.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running = child
    return new Promise((resolve, reject) => {
      let text = ''
      const timer = setTimeout(() => reject(new Error(`it printed:\n${text}`)), 50_000)
      const look = (chunk: Buffer): void => {
        text += chunk.toString()
        if (!fits(text)) return
        clearTimeout(timer)
        resolve(text)
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      child.once('exit', () => {
        clearTimeout(timer)
        if (fits(text)) resolve(text)
        else reject(new Error(`it ended:\n${text}`))
      })
    })
  }

  it('prints its address and shows values; a second start keeps what was edited', async () => {
    const port = await freeTcpPort()
    const address = `http://127.0.0.1:${port}/`
    const first = await start(
      ['--port', String(port)],
      (text) => text.includes(address) && /\[debug:temperature\]\s+-?\d+(\.\d+)?\n/.test(text),
    )
    assert.doesNotMatch(first, /\[error\]|missing types/)
    const headers = { 'Node-RED-API-Version': 'v2', 'content-type': 'application/json' }
    const { flows } = (await (await fetch(`${address}flows`, { headers })).json()) as {
      flows: { type: string; label?: string }[]
    }
    const edited = flows.map((node) =>
      node.type === 'tab' ? { ...node, label: 'Edited by its user' } : node,
    )
    const body = JSON.stringify({ flows: edited })
    const response = await fetch(`${address}flows`, { method: 'POST', headers, body })
    assert.equal(response.status, 200)
    await stop()

    const again = await freeTcpPort()
    await start(['--port', String(again)], (text) => text.includes(`http://127.0.0.1:${again}/`))
    const kept = await (await fetch(`http://127.0.0.1:${again}/flows`)).text()
    assert.match(kept, /"label":"Edited by its user"/)
    const saved = readFileSync(join(project, '.demo', 'flows.json'), 'utf8')
    assert.match(saved, /Edited by its user/)
  })

  it('says that a port is in use', async () => {
    const squatter = createServer()
    squatter.listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as AddressInfo
    const said = await start(['--port', String(port)], (text) => text.includes('is in use'))
    assert.match(said, /--port 1990/)
    squatter.close()
  })

  it('refuses a port that is none', async () => {
    const said = await start(['--port', 'http'], (text) => text.includes('--port takes a number'))
    assert.match(said, /"http"/)
  })
})
