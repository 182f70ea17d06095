import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { bundleSubject } from './bundle-subject'

/** What a subject had done and used at one moment. */
export interface Mark {
  readonly count: number
  /** Microseconds of user and system time. */
  readonly cpu: number
  /** Bytes, after a garbage collection. */
  readonly rss: number
  readonly heapUsed: number
}

/** `BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=DIR'` leaves a profile of each subject. */
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** A subject in a process of its own, pinned to the first core where that is possible. */
export class BenchProcess {
  private readonly child: ChildProcess
  private readonly waiting = new Map<
    number,
    (answer: { answer?: unknown; error?: string }) => void
  >()
  private nextId = 0
  port = 0

  private constructor(file: string) {
    const extra = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((word) => word !== '')
    const node = ['--expose-gc', ...extra, file]
    const [command, args] = canPin
      ? ['taskset', ['-c', '0', process.execPath, ...node]]
      : [process.execPath, node]
    this.child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', (message: { id: number; answer?: unknown; error?: string }) => {
      this.waiting.get(message.id)?.(message)
      this.waiting.delete(message.id)
    })
    this.child.on('exit', (code) => {
      for (const settle of this.waiting.values())
        settle({ error: `the subject exited with ${code}` })
    })
  }

  static async start(kind: string): Promise<BenchProcess> {
    const process = new BenchProcess(await bundleSubject())
    process.port = (await process.ask<{ port: number }>('start', { kind })).port
    return process
  }

  ask<T = void>(name: string, parameters: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++
      this.waiting.set(id, ({ answer, error }) => {
        if (error === undefined) resolve(answer as T)
        else reject(new Error(error))
      })
      this.child.send({ id, name, ...parameters })
    })
  }

  mark(): Promise<Mark> {
    return this.ask<Mark>('mark')
  }

  stop(): void {
    // It exits by itself then, and writes a profile where one was asked for.
    this.child.disconnect()
  }
}

/** Keeps the load generator off the subject's core. */
export function pinLoad(): void {
  if (canPin) spawnSync('taskset', ['-a', '-cp', '1', String(process.pid)])
}
