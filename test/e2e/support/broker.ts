import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type MqttClient } from 'mqtt'
import { freeTcpPort } from '../../support/ports'

/** A mosquitto of this test's own, with a client that hears everything. */
export class Broker {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param mosquitto the path of the command */
  static async start(mosquitto: string): Promise<Broker> {
    const port = await freeTcpPort()
    const folder = mkdtempSync(join(tmpdir(), 'lwm2m-mosquitto-'))
    const file = join(folder, 'mosquitto.conf')
    writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
    const child = spawn(mosquitto, ['-c', file], { stdio: 'ignore' })
    const broker = new Broker(port, folder, child)
    await broker.untilListening()
    return broker
  }

  /** A connected client that is subscribed to a topic filter. */
  async listen(filter: string): Promise<Listener> {
    const client = connect(`mqtt://127.0.0.1:${this.port}`, { reconnectPeriod: 0 })
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
    })
    const listener = new Listener(client)
    await client.subscribeAsync(filter, { qos: 1 })
    return listener
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill()
    await gone
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async untilListening(): Promise<void> {
    const deadline = Date.now() + 30_000
    for (;;) {
      if (this.child.exitCode !== null) throw new Error('mosquitto ended')
      const open = await new Promise<boolean>((resolve) => {
        const socket = connectTcp(this.port, '127.0.0.1')
        socket.once('connect', () => {
          socket.destroy()
          resolve(true)
        })
        socket.once('error', () => resolve(false))
      })
      if (open) return
      if (Date.now() > deadline) throw new Error('mosquitto does not listen')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A message of the broker, its JSON read; what is no JSON stays text. */
export interface Heard {
  readonly topic: string
  readonly message: unknown
}

/** Keeps what was heard, and waits for what is still to come. */
export class Listener {
  readonly heard: Heard[] = []
  private readonly waiting = new Set<() => void>()

  constructor(readonly client: MqttClient) {
    client.on('message', (topic, payload) => {
      this.heard.push({ topic, message: readJson(payload.toString()) })
      for (const look of this.waiting) look()
    })
  }

  /** The first message that fits, of those heard since `from` (default: all). */
  until(fits: (heard: Heard) => boolean, from = 0, ms = 30_000): Promise<Heard> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.heard.slice(from).find(fits)
        if (found === undefined) return
        clearTimeout(timer)
        this.waiting.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.waiting.delete(look)
        const said = this.heard.slice(-5).map((one) => JSON.stringify(one))
        reject(new Error(`not heard within ${ms} ms; the last were:\n${said.join('\n')}`))
      }, ms)
      this.waiting.add(look)
      look()
    })
  }

  async close(): Promise<void> {
    await this.client.endAsync()
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
