import { type Clock, systemClock, type TimerHandle } from '../../../src/base/clock'
import { CodedError } from '../../../src/base/coded-error'
import type { OperationResult } from '../../../src/server/types'
import type { Engine } from './engine'
import { toCodedError } from '../messages/failure'

/** How long an action waits for a server that is just starting, ms. */
const START_PATIENCE = 15_000
/** From one attempt to start to the next, ms: a port in use becomes free some time. */
const RETRY_INTERVAL = 3_000
/** Changes of the device list reach the nodes at most so often, ms. */
const DEVICES_INTERVAL = 500

export type HostState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly engine: Engine }
  | { readonly kind: 'failed'; readonly error: CodedError }
  | { readonly kind: 'stopped' }

/** A flow node that uses the server. */
export interface HostUser {
  /** Called at once and at each change. */
  onState(state: HostState): void
  /** A server is about to start: the time to listen to its events, so that none is missed. */
  onEngine?(engine: Engine): void
  /** Devices came, went, slept, woke, or have more or fewer requests waiting; at most twice a second. */
  onDevices?(): void
}

export type Outcome = { readonly result: OperationResult } | { readonly error: CodedError }

/** Takes the outcomes of requests that a former self of the node made. */
export type OutcomeReceiver = (data: unknown, outcome: Outcome) => void

export interface ServerHostOptions {
  /** Makes a server that is not started yet; called again for each attempt. */
  readonly createEngine: () => Engine | Promise<Engine>
  /** Called at each change. */
  readonly onState: (state: HostState) => void
  /** What the first attempt waits for: that the flow nodes are there, so that they miss nothing. */
  readonly ready?: Promise<void>
  readonly clock?: Clock
}

/**
 * The life of one config node's server: started with the deploy, tried again until its port is free,
 * stopped with the node. Flow nodes come and go meanwhile, by partial deploys too.
 */
export class ServerHost {
  /** By id: to Node-RED the `users` of the config node, whose Catch nodes see its errors. */
  readonly flowNodes: { [id: string]: object } = {}
  private current: HostState = { kind: 'stopped' }
  private latest: Engine | undefined
  private readonly clock: Clock
  private readonly users = new Set<HostUser>()
  private readonly receivers = new Map<string, OutcomeReceiver>()
  private attempt: Promise<void> = Promise.resolve()
  private retry: TimerHandle | undefined
  private devicesTimer: TimerHandle | undefined
  private stopping = false

  constructor(private readonly options: ServerHostOptions) {
    this.clock = options.clock ?? systemClock
  }

  get state(): HostState {
    return this.current
  }

  /** The server, also while it does not run (yet); undefined where it could not even be made. */
  get engine(): Engine | undefined {
    return this.latest
  }

  /** Begins to start; the outcome is told to the users. */
  start(): void {
    this.set({ kind: 'starting' })
    this.attempt = this.tryToStart()
  }

  /** Resolves when the ports are free. */
  async stop(): Promise<void> {
    this.stopping = true
    this.clock.clearTimeout(this.retry)
    this.clock.clearTimeout(this.devicesTimer)
    await this.attempt
    const state = this.current
    this.set({ kind: 'stopped' })
    if (state.kind === 'running') await state.engine.stop()
  }

  /**
   * Adds a user and returns the function that removes it again.
   * @param node the flow node that the errors of the server itself are for
   */
  use(user: HostUser, node?: { readonly id: string }): () => void {
    this.users.add(user)
    if (node !== undefined) this.flowNodes[node.id] = node
    if (this.latest !== undefined) user.onEngine?.(this.latest)
    user.onState(this.current)
    return () => {
      this.users.delete(user)
      if (node !== undefined && this.flowNodes[node.id] === node) delete this.flowNodes[node.id]
    }
  }

  /**
   * The running server; a starting one is waited for, so that nothing is lost right after a deploy.
   * @throws CodedError why it does not run (`EADDRINUSE`, `store-locked`, …), `not-running`
   */
  running(patience = START_PATIENCE): Promise<Engine> {
    const state = this.current
    if (state.kind === 'running') return Promise.resolve(state.engine)
    if (state.kind === 'failed') return Promise.reject(state.error)
    if (state.kind === 'stopped') return Promise.reject(notRunning('the server is stopped'))
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.clock.clearTimeout(timer)
        this.users.delete(user)
        act()
      }
      const timer = this.clock.setTimeout(
        () => settle(() => reject(notRunning('the server is still starting'))),
        patience,
      )
      const user: HostUser = {
        onState: (next) => {
          if (next.kind === 'running') settle(() => resolve(next.engine))
          else if (next.kind === 'failed') settle(() => reject(next.error))
          else if (next.kind === 'stopped') settle(() => reject(notRunning('the server stopped')))
        },
      }
      this.users.add(user)
    })
  }

  /**
   * Registers who takes the outcomes of requests whose node was redeployed (or restarted) while they
   * waited for a sleeping device; returns the function that removes it again.
   */
  receive(origin: string, receiver: OutcomeReceiver): () => void {
    this.receivers.set(origin, receiver)
    return () => {
      if (this.receivers.get(origin) === receiver) this.receivers.delete(origin)
    }
  }

  /** Hands an outcome to the present self of a node. Answers whether there is one. */
  deliver(origin: string, data: unknown, outcome: Outcome): boolean {
    const receiver = this.receivers.get(origin)
    receiver?.(data, outcome)
    return receiver !== undefined
  }

  private async tryToStart(): Promise<void> {
    await this.options.ready
    if (this.stopping) return
    let engine: Engine | undefined
    try {
      engine = await this.options.createEngine()
      this.latest = engine
      this.attach(engine)
      for (const user of [...this.users]) user.onEngine?.(engine)
      await engine.start()
    } catch (error) {
      await engine?.stop().catch(() => {
        // It did not start: there is nothing that could be left running.
      })
      if (this.stopping) return
      this.set({ kind: 'failed', error: toCodedError(error) })
      this.retry = this.clock.setTimeout(() => {
        this.attempt = this.tryToStart()
      }, RETRY_INTERVAL)
      return
    }
    if (this.stopping) await engine.stop()
    else this.set({ kind: 'running', engine })
  }

  private attach(engine: Engine): void {
    const { server } = engine
    const changed = (): void => this.devicesChanged()
    server.on('registered', changed)
    server.on('deregistered', changed)
    server.on('expired', changed)
    server.on('awake', changed)
    server.on('asleep', changed)
    server.on('connected', changed)
    server.on('disconnected', changed)
    server.on('queue', changed)
    server.on('completed', ({ origin, data }, outcome) => void this.deliver(origin, data, outcome))
  }

  private devicesChanged(): void {
    if (this.devicesTimer !== undefined) return
    this.devicesTimer = this.clock.setTimeout(() => {
      this.devicesTimer = undefined
      for (const user of [...this.users]) user.onDevices?.()
    }, DEVICES_INTERVAL)
  }

  private set(state: HostState): void {
    this.current = state
    this.options.onState(state)
    for (const user of [...this.users]) user.onState(state)
  }
}

function notRunning(message: string): CodedError {
  return new CodedError('not-running', message)
}
