import { CodedError } from '../../base/coded-error'
import { Code } from '../../coap/codes'
import { CoapEndpoint } from '../../coap/endpoint'
import type { CoapReply, CoapRequest, CoapRequestInit, CoapResponse } from '../../coap/types'
import type { Peer } from '../../transport/transport'
import { retryDelay, updateDelay } from '../backoff'
import { ClientError, ServerRejected } from '../errors'
import type { ClientRegistration, ClientState } from '../types'
import { AwakeWindow } from './awake-window'
import { Kick } from './kick'
import { RegistrationInterface } from './registration'
import type { SessionListener, SessionOptions } from './session-contract'
import { SleepGate } from './sleep-gate'
import { Waiters } from './waiters'

/**
 * The life with one server: connects, registers, keeps the registration alive, registers again
 * when it is lost, sleeps in queue mode. Runs by itself from {@link start} to {@link stop}.
 */
export class ServerSession {
  private readonly endpoint: CoapEndpoint
  private readonly gate: SleepGate
  private readonly awake: AwakeWindow
  private readonly kick: Kick
  private readonly interface: RegistrationInterface
  private peer: Peer | undefined
  private running = false
  private state: ClientState = 'stopped'
  private failures = 0
  /** When the server last confirmed the registration, monotonic ms. */
  private confirmedAt = 0
  /** Somebody waits for the next Update (or Register). */
  private readonly waiters = new Waiters()
  private updateWanted = false
  private registerWanted = false
  /** Seconds of silence asked for by Execute `/1/x/4`. */
  private disableFor: number | undefined
  /** Milliseconds of a reboot that was asked for. */
  private rebootFor: number | undefined
  private loop: Promise<void> = Promise.resolve()
  /** Aborts every request under way. */
  private abort = new AbortController()

  constructor(
    private readonly options: SessionOptions,
    private readonly listener: SessionListener,
  ) {
    const { clock, queueMode } = options
    this.gate = new SleepGate(options.transport)
    this.endpoint = new CoapEndpoint(this.gate, { ...options.coap, clock })
    this.interface = new RegistrationInterface(this.endpoint, clock, options.version)
    this.kick = new Kick(clock)
    this.awake = new AwakeWindow(clock, options.awakeWindow, (awake) => this.onAwake(awake))
    this.endpoint.onRequest = (request) => this.answer(request)
    this.endpoint.onPeerGone = (peer, reason) => this.onPeerGone(peer, reason)
    this.endpoint.onWarning = (warning) => listener.onWarning(warning.code, warning.message)
    this.endpoint.onTrace = listener.onTrace
    if (queueMode) {
      this.endpoint.onActivity = (peer) => {
        if (peer === this.peer && this.awake.isAwake) this.awake.touch()
      }
    }
  }

  get shortServerId(): number {
    return this.options.shortServerId
  }

  get registration(): ClientRegistration | undefined {
    return this.interface.current
  }

  get currentState(): ClientState {
    return this.state
  }

  /** Binds and begins. @throws BindError */
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

  /** De-registers where asked to, within `timeout` ms, and frees the socket. Idempotent. */
  async stop(deregister: boolean, timeout: number): Promise<void> {
    if (!this.running) return
    this.running = false
    this.abort.abort()
    this.kick.now()
    await this.loop
    if (deregister) await this.deregister(timeout)
    this.waiters.fail(new ClientError('not-running', 'the client stopped'))
    this.awake.close()
    await this.endpoint.stop()
    this.peer = undefined
    this.setState('stopped')
  }

  /** Resolves when the server answered the next Update, or Register where that is due. */
  update(): Promise<void> {
    if (!this.running)
      return Promise.reject(new ClientError('not-running', 'the client is stopped'))
    this.updateWanted = true
    const done = this.waiters.wait()
    this.kick.now()
    return done
  }

  /** Sends an Update where the registered facts changed. */
  factsChanged(): void {
    if (this.registration === undefined || !this.interface.differs(this.options.facts())) return
    this.updateWanted = true
    this.kick.now()
  }

  /** Registers anew, after a reboot for instance. */
  registerAgain(): void {
    this.registerWanted = true
    this.kick.now()
  }

  /** De-registers and stays silent for so many seconds (Execute `/1/x/4`). */
  disable(seconds: number): void {
    this.disableFor = seconds
    this.kick.now()
  }

  /**
   * Goes silent as a device that reboots does, without a word to the server, and registers anew.
   * @param duration milliseconds
   */
  reboot(duration: number): void {
    this.rebootFor = duration
    this.kick.now()
  }

  sleep(): void {
    if (this.options.queueMode && this.registration !== undefined) this.awake.sleep()
  }

  /** Switches the radio on, for a notification. */
  wake(): void {
    if (this.options.queueMode) this.awake.touch()
  }

  /** A request of the device to the server it is registered at. @throws ClientError `not-registered` */
  async request(init: CoapRequestInit): Promise<CoapResponse> {
    const { peer } = this
    if (peer === undefined || this.registration === undefined) {
      throw new ClientError('not-registered', 'the device is not registered')
    }
    return this.exchange(() => this.endpoint.request(peer, { ...init, signal: this.abort.signal }))
  }

  /** Where another resource of the same or another server is fetched from (firmware pull). */
  get coap(): CoapEndpoint {
    return this.endpoint
  }

  /** Keeps awake during an exchange. */
  private exchange<T>(work: () => Promise<T>): Promise<T> {
    return this.options.queueMode ? this.awake.during(work) : work()
  }

  private answer(request: CoapRequest): CoapReply | Promise<CoapReply> {
    // Only the server that the device is registered at may ask (Core §8.1).
    if (request.peer.id !== this.peer?.id) return { code: Code.UNAUTHORIZED }
    return this.listener.onRequest(request)
  }

  private async run(): Promise<void> {
    if (this.options.initialDelay > 0) await this.kick.wait(this.options.initialDelay)
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
    this.registerWanted = false
    const { uri } = this.options
    const before = this.peer
    const peer = await this.orStopped(this.endpoint.transport.connect(uri.host, uri.port))
    if (before !== undefined && before !== peer) {
      this.endpoint.abort(before, 'a new connection')
      this.endpoint.pin(before, false)
    }
    this.peer = peer
    this.endpoint.pin(peer, true)
    const registration = await this.exchange(() =>
      this.interface.register(peer, this.options.facts(), { signal: this.abort.signal }),
    )
    this.failures = 0
    this.updateWanted = false
    this.confirmedAt = this.options.clock.monotonic()
    this.setState('registered')
    this.listener.onRegistered(registration)
    this.waiters.succeed()
  }

  /** A handshake may take long: {@link stop} does not wait for it. */
  private orStopped<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.abort
    return new Promise((resolve, reject) => {
      const stopped = (): void => reject(new ClientError('not-running', 'the client stopped'))
      if (signal.aborted) stopped()
      signal.addEventListener('abort', stopped, { once: true })
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stopped))
    })
  }

  /** Returns when the device has to register anew. */
  private async stayRegistered(): Promise<void> {
    while (this.running) {
      // What changed while the last Register or Update was under way is not told yet.
      this.factsChanged()
      const next = this.nextUpdate()
      const left = next - this.options.clock.monotonic()
      if (left > 0 && !this.updateWanted) await this.kick.wait(left)
      if (!this.running) return
      if (this.disableFor !== undefined) {
        await this.pauseDisabled(this.disableFor)
        return
      }
      if (this.rebootFor !== undefined) {
        await this.pauseRebooting(this.rebootFor)
        return
      }
      if (this.registerWanted || this.peer === undefined) return
      if (!this.updateWanted && next > this.options.clock.monotonic()) continue
      this.updateWanted = false
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
    const { peer } = this
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
        this.doubt(error)
      }
      return false
    }
  }

  private async pauseDisabled(seconds: number): Promise<void> {
    this.disableFor = undefined
    await this.deregister(10_000)
    this.setState('disabled')
    const until = this.options.clock.monotonic() + seconds * 1000
    while (this.running && !this.updateWanted && !this.registerWanted) {
      const left = until - this.options.clock.monotonic()
      if (left <= 0) return
      await this.kick.wait(left)
    }
  }

  private async pauseRebooting(duration: number): Promise<void> {
    this.rebootFor = undefined
    this.interface.forget()
    this.setState('waiting')
    if (this.peer !== undefined) {
      this.endpoint.abort(this.peer, 'the device reboots')
      this.endpoint.transport.close(this.peer, 'the device reboots')
      this.peer = undefined
    }
    this.gate.listening = false
    const until = this.options.clock.monotonic() + duration
    for (;;) {
      const left = until - this.options.clock.monotonic()
      if (left <= 0 || !this.running) break
      await this.kick.wait(left)
    }
    this.gate.listening = true
  }

  private async deregister(timeout: number): Promise<void> {
    const { peer } = this
    const registration = this.registration
    if (peer === undefined || registration === undefined) return
    const giveUp = new AbortController()
    const timer = this.options.clock.setTimeout(() => giveUp.abort(), timeout)
    try {
      await this.exchange(() => this.interface.deregister(peer, { signal: giveUp.signal }))
      this.listener.onDeregistered(registration)
    } catch (error) {
      this.listener.onWarning('deregister-failed', messageOf(error), asError(error))
    } finally {
      this.options.clock.clearTimeout(timer)
    }
  }

  /** After a failed attempt: waits, or gives up until somebody asks for an Update. */
  private async recover(error: unknown): Promise<void> {
    this.failures++
    this.interface.forget()
    this.doubt(error)
    const code = error instanceof CodedError ? error.code : 'error'
    this.listener.onWarning(`register-${code}`, messageOf(error), asError(error))
    this.waiters.fail(asError(error))
    const delay = retryDelay(this.failures, this.options.retry())
    if (delay === undefined) {
      this.setState('failed')
      this.listener.onGaveUp(asError(error))
      this.failures = 0
    } else {
      this.setState('waiting')
    }
    const until = delay === undefined ? undefined : this.options.clock.monotonic() + delay
    do {
      await this.kick.wait(
        until === undefined ? undefined : Math.max(0, until - this.options.clock.monotonic()),
      )
    } while (
      this.running &&
      !this.updateWanted &&
      !this.registerWanted &&
      (until === undefined || this.options.clock.monotonic() < until)
    )
  }

  /**
   * Silence may mean that the server lost the association, which it cannot tell (RFC 6347 §4.2.8):
   * the next attempt begins with a handshake.
   */
  private doubt(error: unknown): void {
    const { peer } = this
    if (peer === undefined || !peer.secure || error instanceof ServerRejected) return
    this.peer = undefined
    this.endpoint.abort(peer, 'the server does not answer')
    this.endpoint.pin(peer, false)
    this.endpoint.transport.close(peer, 'the server does not answer')
  }

  private onPeerGone(peer: Peer, reason: string): void {
    if (peer !== this.peer) return
    this.peer = undefined
    this.listener.onWarning('connection-lost', reason)
    // A new security context needs a new registration (Core §6.2.1).
    this.registerWanted = true
    this.kick.now()
  }

  private onAwake(awake: boolean): void {
    this.gate.listening = awake || !this.options.dropIncoming
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
  return error instanceof Error ? error : new ServerRejected(0, 'error', String(error))
}

function messageOf(error: unknown): string {
  return asError(error).message
}
