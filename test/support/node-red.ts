import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import WebSocket from 'ws'
import { freeTcpPort } from './ports'
import { missing } from './tools'

const root = dirname(dirname(__dirname))

/** A Node-RED with the Node.js that it runs on. */
export interface Runtime {
  readonly name: string
  readonly node: string
  readonly red: string
}

const matrix = join(root, '.matrix', 'node22-red5', 'node_modules')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** Node-RED 5 needs Node.js 22.9. */
const runsNodeRed5 = major > 22 || (major === 22 && minor >= 9)

/** `NODE_RED` picks one of them (`4.1`, `5`), as `npm run matrix` does. */
const RUNTIMES: readonly Runtime[] = [
  {
    name: 'Node-RED 4.1',
    node: process.execPath,
    red: join(root, 'node_modules', 'node-red', 'red.js'),
  },
  {
    name: 'Node-RED 5',
    node: runsNodeRed5 ? process.execPath : join(matrix, 'node', 'bin', 'node'),
    red: join(matrix, 'node-red', 'red.js'),
  },
].filter(({ name }) => name === `Node-RED ${process.env['NODE_RED'] ?? name.slice(9)}`)

/** Both versions, installed or not; a suite per version calls {@link requireRuntime}. */
export function runtimes(): readonly Runtime[] {
  return RUNTIMES
}

/** Skips the test, or fails under `REQUIRE_TOOLS=1`, where a runtime is not installed. */
export function requireRuntime(test: { skip(): void }, runtime: Runtime): void {
  if (existsSync(runtime.red) && existsSync(runtime.node)) return
  missing(test, `${runtime.name} is not installed (npm run matrix)`)
}

/** A node of a flow file. */
export interface FlowNode {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

/** What a debug node showed in the sidebar. */
export interface DebugMessage {
  readonly id: string
  readonly name?: string
  readonly msg: string
  readonly format: string
}

export interface NodeRedOptions {
  readonly runtime?: Runtime
  /** Merged into `settings.js` (JSON only). */
  readonly settings?: { readonly [name: string]: unknown }
  /** The flow file that it starts with. */
  readonly flows?: readonly FlowNode[]
  /** A user directory that has the package installed; default: a new one with a link to this one. */
  readonly userDir?: string
}

/** A real Node-RED process with the built package, in a user directory of its own. */
export class NodeRed {
  private log = ''
  /** Whether the flows that it starts with have been started; HTTP answers earlier. */
  private hasStarted = false
  private readonly debugListeners = new Set<(message: DebugMessage) => void>()
  /** What nodes show below themselves, by their ids. */
  private readonly statuses = new Map<string, string>()
  private readonly statusListeners = new Set<() => void>()
  private comms: WebSocket | undefined

  private constructor(
    readonly port: number,
    /** `httpAdminRoot`, without the slash at its end. */
    private readonly adminRoot: string,
    readonly userDir: string,
    private readonly ownsUserDir: boolean,
    private readonly child: ChildProcess,
  ) {
    const collect = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString()).slice(-20_000)
      this.hasStarted ||= this.log.includes('Started flows')
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
  }

  static async start(options: NodeRedOptions = {}): Promise<NodeRed> {
    const { runtime = RUNTIMES[0] as Runtime, settings = {} } = options
    const port = await freeTcpPort()
    const userDir = options.userDir ?? newUserDir()
    const file = join(userDir, 'settings.js')
    const all = {
      uiHost: '127.0.0.1',
      uiPort: port,
      flowFile: 'flows.json',
      credentialSecret: 'test',
      // Tests read what it prints, whatever language the machine speaks.
      lang: 'en-US',
      fileWorkingDirectory: userDir,
      telemetry: { enabled: false, updateNotification: false },
      editorTheme: { tours: false, palette: { catalogues: [] } },
      ...settings,
    }
    if (options.flows !== undefined) {
      writeFileSync(join(userDir, 'flows.json'), JSON.stringify(options.flows))
    }
    writeFileSync(file, `module.exports = ${JSON.stringify(all, null, 2)}\n`)
    // Node-RED's tips throw where the editor takes more than a second to load.
    const tips = { _: { editor: { view: { 'view-show-tips': false } } } }
    writeFileSync(join(userDir, '.config.users.json'), JSON.stringify(tips))
    const child = spawn(runtime.node, [runtime.red, '-u', userDir, '-s', file], {
      cwd: userDir,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const root = String(settings['httpAdminRoot'] ?? '').replace(/\/$/, '')
    const red = new NodeRed(port, root, userDir, options.userDir === undefined, child)
    await red.untilReady()
    // With adminAuth, debug messages are for those who log in.
    if (settings['adminAuth'] === undefined) await red.listen()
    return red
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}${this.adminRoot}`
  }

  /** The last part of what it printed. */
  get output(): string {
    return this.log
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Replaces the flows; resolves when they have been started. */
  async deploy(
    flows: readonly FlowNode[],
    type: 'full' | 'flows' | 'nodes' = 'full',
  ): Promise<void> {
    const started = this.printed('Started ')
    // Nobody waits for it where the request fails.
    started.catch(() => {})
    const response = await fetch(`${this.url}/flows`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'Node-RED-API-Version': 'v2',
        'Node-RED-Deployment-Type': type,
      },
      body: JSON.stringify({ flows }),
    })
    if (!response.ok) throw new Error(`deploy: ${response.status} ${await response.text()}`)
    await started
  }

  /** Presses the button of an inject node. */
  async inject(id: string): Promise<void> {
    const response = await fetch(`${this.url}/inject/${id}`, { method: 'POST' })
    if (!response.ok) throw new Error(`inject ${id}: ${response.status}`)
  }

  /** The next debug message that fits. */
  debugged(fits: (message: DebugMessage) => boolean, ms = 30_000): Promise<DebugMessage> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.debugListeners.delete(listener)
        reject(new Error(`no such debug message within ${ms} ms; Node-RED said:\n${this.log}`))
      }, ms)
      const listener = (message: DebugMessage): void => {
        if (!fits(message)) return
        clearTimeout(timer)
        this.debugListeners.delete(listener)
        resolve(message)
      }
      this.debugListeners.add(listener)
    })
  }

  /** The text below a node, once it fits. */
  status(id: string, fits: (text: string) => boolean, ms = 30_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const text = this.statuses.get(id)
        if (text === undefined || !fits(text)) return
        clearTimeout(timer)
        this.statusListeners.delete(look)
        resolve(text)
      }
      const timer = setTimeout(() => {
        this.statusListeners.delete(look)
        reject(new Error(`the node shows ${this.statuses.get(id)}; Node-RED said:\n${this.log}`))
      }, ms)
      this.statusListeners.add(look)
      look()
    })
  }

  /** Resolves when it prints a text from now on. */
  printed(text: string, ms = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      let seen = ''
      const finish = (error?: Error): void => {
        clearTimeout(timer)
        this.child.stdout?.off('data', look)
        if (error === undefined) resolve()
        else reject(error)
      }
      const look = (chunk: Buffer): void => {
        seen = (seen + chunk.toString()).slice(-10_000)
        if (seen.includes(text)) finish()
      }
      const timer = setTimeout(
        () => finish(new Error(`Node-RED did not print ${text}:\n${this.log}`)),
        ms,
      )
      this.child.stdout?.on('data', look)
    })
  }

  /** @param signal SIGKILL to test what survives a crash */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.comms?.terminate()
    if (this.running) {
      const gone = new Promise((resolve) => this.child.once('exit', resolve))
      this.child.kill(signal)
      const force = setTimeout(() => this.child.kill('SIGKILL'), 15_000)
      await gone
      clearTimeout(force)
    }
    if (this.ownsUserDir) rmSync(this.userDir, { recursive: true, force: true })
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + 60_000
    for (;;) {
      if (!this.running) throw new Error(`Node-RED exited:\n${this.log}`)
      try {
        const { status } = await fetch(`${this.url}/settings`)
        if (this.hasStarted && (status === 200 || status === 401)) return
      } catch {
        // Not listening yet.
      }
      if (Date.now() > deadline) throw new Error(`Node-RED is not ready:\n${this.log}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  private async listen(): Promise<void> {
    const comms = new WebSocket(`${this.url.replace('http', 'ws')}/comms`)
    this.comms = comms
    comms.on('message', (data) => {
      const said = JSON.parse(String(data)) as {
        topic: string
        data: DebugMessage & { readonly text?: string }
      }[]
      for (const { topic, data: message } of Array.isArray(said) ? said : [said]) {
        if (topic === 'debug') for (const listener of this.debugListeners) listener(message)
        if (!topic.startsWith('status/')) continue
        this.statuses.set(topic.slice('status/'.length), String(message.text ?? ''))
        for (const look of this.statusListeners) look()
      }
    })
    comms.on('error', () => {
      // Node-RED went; whoever waits for a message times out and says what it printed.
    })
    await new Promise((resolve) => comms.once('open', resolve))
    for (const topic of ['debug/#', 'status/#']) comms.send(JSON.stringify({ subscribe: topic }))
  }
}

/** A user directory in which the working tree is the installed package. */
export function newUserDir(): string {
  const userDir = mkdtempSync(join(tmpdir(), 'lwm2m-node-red-'))
  const scope = join(userDir, 'node_modules', '@lwm2m-flows')
  mkdirSync(scope, { recursive: true })
  symlinkSync(root, join(scope, 'node-red-lwm2m'), 'junction')
  writeFileSync(
    join(userDir, 'package.json'),
    JSON.stringify({ name: 'test', private: true, dependencies: {} }),
  )
  return userDir
}
