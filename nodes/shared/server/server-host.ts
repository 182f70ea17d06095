import { type Clock, systemClock } from '../../../src/base/clock'
import { describeError } from '../../../src/base/guard'
import { Scheduler, type Timer } from '../../../src/base/scheduler'
import { CodedError } from '../../../src/base/coded-error'
import type { OperationResult } from '../../../src'
import { toCodedError } from '../messages/failure'
import { Feed } from '../runtime/feed'
import type { FlowsLifecycle } from '../runtime/flows-lifecycle'
import type { Engine } from './engine'
import { Handover } from './handover'

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
  /** Called at once and at each change. During a deploy a running server is `starting`. */
  onState(state: HostState): void
  /** A server is about to start: the time to listen to its events, so that none is missed. */
  onEngine?(engine: Engine): void
  /** Devices came, went, slept, woke, or have more or fewer requests waiting; at most twice a second. */
  onDevices?(): void
}

export type Outcome = { readonly result: OperationResult } | { readonly error: CodedError }

/** Takes the outcomes of requests that a former self of the node made. */
export type OutcomeReceiver = (data: unknown, outcome: Outcome) => void

/** Where an engine reports to, whichever node stands for it. */
export interface HostFront {
  /** Something is wrong that does not keep the server from running: an entry, a file. */
  report(error: CodedError): void
  warn(line: string): void
}

/** What one deployed config node makes of its host. */
export interface HostConfiguration extends HostFront {
  /** Configurations with equal texts have the same server: it runs on over a deploy. */
  readonly server: string
  /** The same of what a running server can take over. */
  readonly settings: string
  /** The folder of its store; undefined where that is in memory. */
  readonly storeFolder?: string | undefined
  /** Makes a server that is not started yet; called again for each attempt. */
  createEngine(front: HostFront): Engine | Promise<Engine>
  /** Gives a running server the present {@link settings}. */
  apply(engine: Engine): Promise<void>
  /** Called at each change. */
  onState(state: HostState): void
  /** A server that ran is about to stop. */
  onStopping(engine: Engine): void
}

export interface ServerHostOptions {
  readonly clock?: Clock
}

/**
 * The life of one config node's server: started with the deploy, tried again until its port is free,
 * stopped with the node. A deploy makes the config node anew; the host stays, and so does the server
 * unless it would be another one. Flow nodes come and go meanwhile.
 */
export class ServerHost {
  /** By id: to Node-RED the `users` of the config node, whose Catch nodes see its errors. */
  readonly flowNodes: { [id: string]: object } = {}
  /** What flow nodes leave to their next selves. */
  readonly handover = new Handover()
  private current: HostState = { kind: 'stopped' }
  private latest: Engine | undefined
  /** The one that has started. */
  private started: Engine | undefined
  private readonly scheduler: Scheduler
  private readonly users = new Set<HostUser>()
  /** Of the users, those who came with the deploy under way. */
  private readonly early = new Set<HostUser>()
  private readonly receivers = new Map<string, OutcomeFeed>()
  /** Starts, changes and stops, one after the other. */
  private work: Promise<void> = Promise.resolve()
  /** Which start counts: one more with each restart. */
  private generation = 0
  private retry: Timer | undefined
  private devicesTimer: Timer | undefined
  private stopping = false
  private endWait = (): void => {}
  /** Resolves when the host is to stop. */
  private readonly stopped = new Promise<void>((resolve) => (this.endWait = resolve))

  constructor(
    private configuration: HostConfiguration,
    readonly lifecycle: FlowsLifecycle,
    options: ServerHostOptions = {},
  ) {
    this.scheduler = new Scheduler(options.clock ?? systemClock, (error, where) =>
      this.configuration.report(new CodedError('internal', `${where}: ${describeError(error)}`)),
    )
  }

  get state(): HostState {
    return this.current
  }

  /** The server, also while it does not run (yet); undefined where it could not even be made. */
  get engine(): Engine | undefined {
    return this.latest
  }

  /** The folder of the server's store; undefined where that is in memory. */
  get storeFolder(): string | undefined {
    return this.configuration.storeFolder
  }

  /** Whether this is the configuration in force. */
  hasConfiguration(configuration: HostConfiguration): boolean {
    return this.configuration === configuration
  }

  /** Begins to start; the outcome is told to the users. */
  start(): void {
    this.scheduler.cancel(this.retry)
    const generation = ++this.generation
    this.set({ kind: 'starting' })
    this.enqueue(async () => {
      await this.halt()
      await this.tryToStart(generation)
    })
  }

  /** The config node was made anew: the server goes on where it is the same, else it starts anew. */
  redeploy(next: HostConfiguration): void {
    const previous = this.configuration
    this.configuration = next
    if (this.current.kind === 'failed' || next.server !== previous.server) return this.start()
    if (next.settings === previous.settings) return
    this.enqueue(async () => {
      if (this.started === undefined) return
      await this.configuration.apply(this.started).catch((error: unknown) => {
        this.configuration.report(toCodedError(error))
      })
    })
  }

  /**
   * Runs something while no attempt to start is under way, for a server that failed.
   * @param act given why it failed
   * @throws CodedError `invalid-argument` where it has not failed, and what `act` throws
   */
  betweenAttempts<T>(act: (failure: CodedError) => Promise<T>): Promise<T> {
    const outcome = this.work.then(() => {
      const { current } = this
      if (current.kind === 'failed') return act(current.error)
      throw new CodedError('invalid-argument', 'the server has not failed')
    })
    this.work = outcome.then(
      () => undefined,
      () => undefined,
    )
    return outcome
  }

  /** Resolves when the ports are free. */
  async stop(): Promise<void> {
    this.stopping = true
    this.endWait()
    this.scheduler.cancel(this.retry)
    this.scheduler.cancel(this.devicesTimer)
    await this.work
    this.set({ kind: 'stopped' })
    this.handover.close()
    await this.halt()
  }

  /**
   * Adds a user and returns the function that removes it again.
   * @param node the flow node that the errors of the server itself are for
   */
  use(user: HostUser, node?: { readonly id: string }): () => void {
    this.users.add(user)
    if (node !== undefined) this.flowNodes[node.id] = node
    if (this.latest !== undefined) user.onEngine?.(this.latest)
    if (this.lifecycle.deploying && this.current.kind === 'running') this.admitLater(user)
    else user.onState(this.current)
    return () => {
      this.users.delete(user)
      this.early.delete(user)
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
        this.scheduler.cancel(timer)
        this.users.delete(user)
        act()
      }
      const timer = this.scheduler.after(patience, () =>
        settle(() => reject(notRunning('the server is still starting'))),
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
   * waited for a sleeping device. What came since its former self was closed follows when the flows
   * have started.
   * @returns what removes it again; `comesBack` keeps what comes for its next self
   */
  receive(origin: string, receiver: OutcomeReceiver): (comesBack: boolean) => void {
    const feed =
      this.handover.take(`${origin}/outcomes`, OutcomeFeed) ??
      new OutcomeFeed(() => {
        if (this.receivers.get(origin) === feed) this.receivers.delete(origin)
      })
    this.receivers.set(origin, feed)
    const open = (): void => void feed.outcomes.open(([data, outcome]) => receiver(data, outcome))
    let left = false
    if (this.lifecycle.deploying) {
      const opened = this.lifecycle.started().then(() => {
        if (!left) open()
      })
      this.scheduler.detach('handing over answers', opened)
    } else open()
    return (comesBack) => {
      left = true
      feed.outcomes.close()
      if (comesBack) this.handover.park(`${origin}/outcomes`, feed)
      else feed.abandon()
    }
  }

  /** Hands an outcome to the present self of a node. Answers whether there is one, or will be. */
  deliver(origin: string, data: unknown, outcome: Outcome): boolean {
    const feed = this.receivers.get(origin)
    feed?.outcomes.push([data, outcome])
    return feed !== undefined
  }

  /** What fails is reported, and keeps nothing else from being done. */
  private enqueue(step: () => Promise<void>): void {
    this.work = this.work
      .then(step)
      .catch((error: unknown) => this.scheduler.report(error, 'the server node'))
  }

  private async tryToStart(generation: number): Promise<void> {
    const obsolete = (): boolean => this.stopping || generation !== this.generation
    await Promise.race([this.lifecycle.started(), this.stopped])
    if (obsolete()) return
    let engine: Engine | undefined
    try {
      engine = await this.configuration.createEngine({
        report: (error) => this.configuration.report(error),
        warn: (line) => this.configuration.warn(line),
      })
      this.latest = engine
      this.attach(engine)
      for (const user of [...this.users]) user.onEngine?.(engine)
      await engine.start()
    } catch (error) {
      await engine?.stop().catch(() => {
        // It did not start: there is nothing that could be left running.
      })
      if (obsolete()) return
      this.set({ kind: 'failed', error: toCodedError(error) })
      this.retry = this.scheduler.after(RETRY_INTERVAL, () =>
        this.enqueue(() => this.tryToStart(generation)),
      )
      return
    }
    if (obsolete()) return engine.stop()
    this.started = engine
    this.set({ kind: 'running', engine })
  }

  /** Stops the server that runs. */
  private async halt(): Promise<void> {
    const engine = this.started
    this.started = undefined
    if (engine === undefined) return
    this.configuration.onStopping(engine)
    await engine.stop().catch((error: unknown) => this.configuration.report(toCodedError(error)))
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
    this.devicesTimer = this.scheduler.after(DEVICES_INTERVAL, () => {
      this.devicesTimer = undefined
      for (const user of [...this.users]) user.onDevices?.()
    })
  }

  /** A node made by a deploy can send when all nodes are there: until then the server is starting. */
  private admitLater(user: HostUser): void {
    this.early.add(user)
    user.onState({ kind: 'starting' })
    const admitted = this.lifecycle.started().then(() => {
      if (this.early.delete(user)) user.onState(this.current)
    })
    this.scheduler.detach('telling a node the state of its server', admitted)
  }

  private set(state: HostState): void {
    this.current = state
    this.configuration.onState(state)
    for (const user of [...this.users]) if (!this.early.has(user)) user.onState(state)
  }
}

/** The outcomes of requests of one flow node, which may be being made anew. */
class OutcomeFeed {
  readonly outcomes = new Feed<readonly [data: unknown, outcome: Outcome]>()

  constructor(readonly abandon: () => void) {}
}

function notRunning(message: string): CodedError {
  return new CodedError('not-running', message)
}
