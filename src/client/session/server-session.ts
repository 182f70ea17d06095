import { CodedError } from '../../base/coded-error'
import { Code } from '../../coap/codes'
import { CoapEndpoint } from '../../coap/endpoint'
import type { CoapReply, CoapRequest, CoapRequestInit, CoapResponse } from '../../coap/types'
import type { Peer } from '../../transport/transport'
import { retryDelay, updateDelay } from '../backoff'
import { ClientError } from '../errors'
import type { ClientRegistration, ClientState } from '../types'
import { AwakeWindow } from './awake-window'
import { endedWithin } from './ended-within'
import { RegistrationInterface } from './registration'
import { ServerLink } from './server-link'
import type { SessionListener, SessionOptions } from './session-contract'
import { SleepingTransport } from './sleeping-transport'
import { unlessAborted } from './unless-aborted'
import { Waiters } from './waiters'
import { PendingActions } from './pending-actions'

/**
 * The session with one server: connects, registers, keeps the registration alive, registers again
 * when it is lost, sleeps in queue mode. Runs in the background from {@link start} to {@link stop}.
 */
export class ServerSession {
  private readonly endpoint: CoapEndpoint
  private readonly transport: SleepingTransport
  private readonly awake: AwakeWindow
  private readonly pending: PendingActions
  private readonly link: ServerLink
  private readonly interface: RegistrationInterface
  private running = false
  private state: ClientState = 'stopped'
  private failures = 0
  /** Servers before this one are not registered yet (`/1/x/13`). */
  private awaitsTurn = false
  /** Monotonic time in ms at which the server last confirmed the registration. */
  private confirmedAt = 0
  /** Callers waiting for the next Update (or Register). */
  private readonly waiters = new Waiters()
  private loop: Promise<void> = Promise.resolve()
  /** The pending Register request. */
  private registering: Promise<unknown> | undefined
  /** Aborts every pending request. */
  private abort = new AbortController()

  constructor(
    private readonly options: SessionOptions,
    private readonly listener: SessionListener,
  ) {
    const { clock, queueMode } = options
    this.transport = new SleepingTransport(options.transport)
    this.endpoint = new CoapEndpoint(this.transport, { ...options.coap, clock })
    this.interface = new RegistrationInterface(this.endpoint, clock, options.version)
    this.pending = new PendingActions(clock)
    this.link = new ServerLink(this.endpoint, options.uri)
    this.awake = new AwakeWindow(clock, options.awakeWindow, (awake) => this.onAwake(awake))
    this.endpoint.onRequest = (request) => this.answer(request)
    this.endpoint.onPeerGone = (peer, reason) => this.onPeerGone(peer, reason)
    this.endpoint.onWarning = (warning) => listener.onWarning(warning.code, warning.message)
    this.endpoint.onTrace = listener.onTrace
    if (queueMode) {
      this.endpoint.onActivity = (peer) => {
        if (peer === this.link.peer && this.awake.isAwake) this.awake.touch()
      }
    }
  }

  get registration(): ClientRegistration | undefined {
    return this.interface.current
  }

  get currentState(): ClientState {
    return this.state
  }

  /** Binds and starts. @throws BindError */
  async start(): Promise<void> {
    if (this.running) return
    this.running = true
    this.abort = new AbortController()
    try {
      await this.endpoint.start()
    } catch (error) {
      this.running = false
      throw error
    }
    this.loop = this.run()
  }

  /** De-registers if requested, within `timeout` ms, and closes the socket. Idempotent. */
  async stop(deregister: boolean, timeout: number): Promise<void> {
    if (!this.running) return
    this.running = false
    // Otherwise the server would keep a registration that is never removed.
    if (deregister && this.registering !== undefined) {
      await endedWithin(this.registering, timeout, this.options.clock)
    }
    this.abort.abort()
    this.pending.wake()
    await this.loop
    if (deregister) await this.deregister(timeout)
    this.waiters.fail(new ClientError('not-running', 'the client stopped'))
    this.awake.close()
    this.link.cut('the client stopped')
    await this.endpoint.stop()
    this.setState('stopped')
  }

  /**
   * Resolves when the server answered the next Update, or Register if that is due; at once if the
   * session waits for its turn. @throws ClientError `not-running`, and the error of the attempt
   */
  update(): Promise<void> {
    if (!this.running) {
      return Promise.reject(new ClientError('not-running', 'the client is stopped'))
    }
    if (this.awaitsTurn) return Promise.resolve()
    const done = this.waiters.wait()
    this.pending.add({ update: true })
    return done
  }

  /** Sends an Update if the registration parameters changed. */
  factsChanged(): void {
    if (this.registration === undefined || !this.interface.differs(this.options.facts())) return
    this.pending.add({ update: true })
  }

  /** De-registers and stays disabled for this many seconds (Execute `/1/x/4`). */
  disable(seconds: number): void {
    this.pending.add({ disable: seconds })
  }

  /**
   * Stops communicating like a rebooting device, without a De-register, and registers again.
   * @param duration milliseconds
   */
  reboot(duration: number): void {
    this.pending.add({ reboot: duration })
  }

  sleep(): void {
    if (this.options.queueMode && this.registration !== undefined) this.awake.sleep()
  }

  /** Switches the radio on for a notification. */
  wake(): void {
    if (this.options.queueMode) this.awake.touch()
  }

  /**
   * A request of the device to the server at which it is registered. @throws ClientError
   * `not-registered`
   */
  async request(init: CoapRequestInit): Promise<CoapResponse> {
    const { peer } = this.link
    if (peer === undefined || this.registration === undefined) {
      throw new ClientError('not-registered', 'the device is not registered')
    }
    return this.exchange(() => this.endpoint.request(peer, { ...init, signal: this.abort.signal }))
  }

  /** Stays awake during an exchange. */
  private exchange<T>(work: () => Promise<T>): Promise<T> {
    return this.options.queueMode ? this.awake.during(work) : work()
  }

  private answer(request: CoapRequest): CoapReply | Promise<CoapReply> {
    // Only the server at which the device is registered may send requests (Core §8.1).
    if (request.peer.id !== this.link.peer?.id) return { code: Code.UNAUTHORIZED }
    return this.listener.onRequest(request)
  }

  private async run(): Promise<void> {
    const turn = this.options.turn()
    if (turn !== undefined) {
      this.awaitsTurn = true
      this.setState('waiting')
      // Stopped before its turn: nothing to do.
      await unlessAborted(turn, this.abort.signal).catch(() => {})
      this.awaitsTurn = false
    }
    if (this.running && this.options.initialDelay > 0)
      await this.pending.wait(this.options.initialDelay)
    while (this.running) {
      try {
        this.setState('registering')
        await this.register()
        await this.stayRegistered()
        this.failures = 0
      } catch (error) {
        if (this.running) await this.recover(error)
      }
    }
  }

  private async register(): Promise<void> {
    this.pending.register = false
    const peer = await this.link.connect(this.abort.signal)
    const registering = this.exchange(() =>
      this.interface.register(peer, this.options.facts(), { signal: this.abort.signal }),
    )
    this.registering = registering
    const registration = await registering.finally(() => (this.registering = undefined))
    this.failures = 0
    this.pending.update = false
    this.confirmedAt = this.options.clock.monotonic()
    this.setState('registered')
    this.listener.onRegistered(registration)
    this.waiters.succeed()
  }

  /** Resolves when the device must register again. */
  private async stayRegistered(): Promise<void> {
    while (this.running) {
      // Report what changed during the last Register or Update.
      this.factsChanged()
      const next = this.nextUpdate()
      const left = next - this.options.clock.monotonic()
      if (left > 0 && !this.pending.update) await this.pending.wait(left)
      if (!this.running) return
      const { disable, reboot } = this.pending
      if (disable !== undefined) return this.pauseDisabled(disable)
      if (reboot !== undefined) return this.pauseRebooting(reboot)
      if (this.pending.register || this.link.peer === undefined) return
      if (!this.pending.update && next > this.options.clock.monotonic()) continue
      this.pending.update = false
      if (!(await this.updateOnce())) return
    }
  }

  private nextUpdate(): number {
    const lifetime = this.registration?.lifetime ?? 0
    const { wakeEvery } = this.options
    const byLifetime = updateDelay(lifetime)
    return this.confirmedAt + Math.min(byLifetime, (wakeEvery ?? Infinity) * 1000)
  }

  /** False: the registration is lost (Core §6.2.2: register again). */
  private async updateOnce(): Promise<boolean> {
    const { peer } = this.link
    if (peer === undefined) return false
    try {
      const registration = await this.exchange(() =>
        this.interface.update(peer, this.options.facts(), { signal: this.abort.signal }),
      )
      this.confirmedAt = this.options.clock.monotonic()
      this.setState('registered')
      this.listener.onUpdated(registration)
      this.waiters.succeed()
      return true
    } catch (error) {
      if (this.running) {
        this.listener.onWarning('update-failed', messageOf(error), asError(error))
        this.link.doubt(error)
      }
      return false
    }
  }

  private async pauseDisabled(seconds: number): Promise<void> {
    this.pending.disable = undefined
    await this.deregister(10_000)
    this.setState('disabled')
    await this.pending.pause(seconds * 1000, () => this.isCalled)
  }

  private async pauseRebooting(duration: number): Promise<void> {
    this.pending.reboot = undefined
    this.interface.forget()
    this.setState('waiting')
    this.link.cut('the device reboots')
    this.transport.listening = false
    await this.pending.pause(duration, () => !this.running)
    this.transport.listening = true
  }

  private async deregister(timeout: number): Promise<void> {
    const { peer } = this.link
    const registration = this.registration
    if (peer === undefined || registration === undefined) return
    const giveUp = new AbortController()
    const timer = this.options.clock.after(timeout, () => giveUp.abort())
    try {
      await this.exchange(() => this.interface.deregister(peer, { signal: giveUp.signal }))
      this.listener.onDeregistered(registration)
    } catch (error) {
      this.listener.onWarning('deregister-failed', messageOf(error), asError(error))
    } finally {
      this.options.clock.cancel(timer)
    }
  }

  /** After a failed attempt: waits, or gives up until an Update is requested. */
  private async recover(error: unknown): Promise<void> {
    this.failures++
    this.interface.forget()
    this.link.doubt(error)
    const code = error instanceof CodedError ? error.code : 'error'
    this.listener.onWarning(`register-${code}`, messageOf(error), asError(error))
    this.waiters.fail(asError(error))
    const retry = this.options.retry()
    const delay = retryDelay(this.failures, retry)
    this.setState(delay === undefined ? 'failed' : 'waiting')
    // With endless retries, the servers that follow are started after the first failure.
    if (delay === undefined || retry.count === Infinity) this.listener.onFailing()
    if (delay === undefined) {
      this.failures = 0
      this.listener.onGaveUp(asError(error))
    }
    await this.pending.pause(delay, () => this.isCalled)
  }

  /** Whether an action or the stop is requested. */
  private get isCalled(): boolean {
    return !this.running || this.pending.update || this.pending.register
  }

  private onPeerGone(peer: Peer, reason: string): void {
    if (!this.link.lost(peer)) return
    this.listener.onWarning('connection-lost', reason)
    // A new security context needs a new registration (Core §6.2.1).
    this.pending.add({ register: true })
  }

  private onAwake(awake: boolean): void {
    this.transport.listening = awake || !this.options.dropIncoming
    if (this.state === 'registered' && !awake) this.setState('sleeping')
    else if (this.state === 'sleeping' && awake) this.setState('registered')
    this.listener.onAwake(awake)
  }

  private setState(state: ClientState): void {
    const next =
      state === 'registered' && this.options.queueMode && !this.awake.isAwake ? 'sleeping' : state
    if (next === this.state) return
    this.state = next
    this.listener.onState(next)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new ClientError('internal', String(error))
}

function messageOf(error: unknown): string {
  return asError(error).message
}
