import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { DtlsCredentials } from '../../../src/dtls/credentials'
import {
  DtlsTransport,
  type DtlsTransportOptions,
  type HandshakeFailureReport,
} from '../../../src/transport/dtls'
import type { Peer } from '../../../src/transport/transport'

export const PSK_IDENTITY = 'dev1'
export const PSK = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')

/** Knows `dev1` only. */
export const pskCredentials: DtlsCredentials = {
  psk: (identity) => (Buffer.from(identity).toString() === PSK_IDENTITY ? PSK : undefined),
}

/** A server on a real socket that echoes everything, and records its events. */
export class EchoServer {
  readonly messages: { peer: Peer; text: string }[] = []
  readonly gone: { peer: Peer; reason: string }[] = []
  readonly failures: HandshakeFailureReport[] = []
  readonly warnings: string[] = []
  private readonly waiting = new Set<() => void>()
  port = 0

  private constructor(readonly transport: DtlsTransport) {
    transport.onMessage = (peer, datagram) => {
      this.messages.push({ peer, text: datagram.toString() })
      transport.send(peer, Buffer.concat([Buffer.from('echo:'), datagram]))
      this.changed()
    }
    transport.onPeerGone = (peer, reason) => {
      this.gone.push({ peer, reason })
      this.changed()
    }
    transport.onHandshakeFailed = (failure) => {
      this.failures.push(failure)
      this.changed()
    }
    transport.onWarning = (warning) => this.warnings.push(warning)
  }

  static async start(options: Partial<DtlsTransportOptions> = {}): Promise<EchoServer> {
    const transport = new DtlsTransport({
      host: '127.0.0.1',
      port: 0,
      credentials: pskCredentials,
      ...options,
    })
    const server = new EchoServer(transport)
    server.port = (await transport.start()).port
    return server
  }

  /** Waits until `condition` is true; it is checked again after each event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.add(resolve))
  }

  stop(): Promise<void> {
    return this.transport.stop()
  }

  private changed(): void {
    for (const resolve of this.waiting) resolve()
    this.waiting.clear()
  }
}

/** A command-line client that is controlled by its standard input. */
export class CommandClient {
  output = ''
  private readonly written: Buffer[] = []
  private readonly child: ChildProcess
  private readonly waiting = new Set<() => void>()
  private exited = false

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString('latin1')
      this.changed()
    }
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.written.push(chunk)
      take(chunk)
    })
    this.child.stderr?.on('data', take)
    this.child.on('close', () => {
      this.exited = true
      this.changed()
    })
    this.child.stdin?.on('error', () => {})
  }

  /** Waits for text in the output. @throws with all output if the client ends without it */
  async expect(text: string | RegExp): Promise<void> {
    const found = (): boolean =>
      typeof text === 'string' ? this.output.includes(text) : text.test(this.output)
    while (!found()) {
      if (this.exited) throw new Error(`the client ended without ${text}:\n${this.output}`)
      await this.change()
    }
  }

  say(line: string): void {
    this.write(Buffer.from(`${line}\n`))
  }

  write(bytes: Uint8Array): void {
    this.child.stdin?.write(bytes)
  }

  /** What it wrote to its standard output since the last call; waits until there is something. */
  async next(): Promise<Buffer> {
    while (this.written.length === 0) {
      if (this.exited) throw new Error(`the client ended:\n${this.output}`)
      await this.change()
    }
    return Buffer.concat(this.written.splice(0))
  }

  /** Closes its input, so that it closes the connection, and waits for its end. */
  async finish(): Promise<void> {
    this.child.stdin?.end()
    await this.ended()
  }

  async ended(): Promise<void> {
    if (!this.exited) await once(this.child, 'close')
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve))
  }

  private changed(): void {
    for (const resolve of this.waiting) resolve()
    this.waiting.clear()
  }
}
