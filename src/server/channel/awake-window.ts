import { type Scheduler, Timer } from '../../base/scheduler'
import { matchesPattern, PatternMap } from '../endpoint-pattern'
import type { AwakeState } from '../registration/device-parts'
import type { DeviceRegistration } from '../registration/device-registration'

/** MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2), which Core §6.5 names as a default, ms. */
export const DEFAULT_AWAKE_WINDOW = 93_000

/** Told of devices that begin or cease to listen. */
export type AwakeListener = (registration: DeviceRegistration, awake: boolean) => void

/** Whether one queue-mode device listens now; as a timer, until when. */
class AwakeWindow extends Timer implements AwakeState {
  awake = true
  /** Monotonic ms of the device's last message. */
  private touchedAt = 0
  /** It ended while the device owed an answer. */
  private lapsed = false

  constructor(
    private readonly clock: Scheduler,
    private readonly registration: DeviceRegistration,
    /** ms */
    private window: number,
    private readonly listener: AwakeListener,
    private readonly sleepers: { count: number },
  ) {
    super()
  }

  touch(): void {
    this.open(this.clock.monotonic())
    if (this.awake) return
    this.awake = true
    this.sleepers.count--
    this.listener(this.registration, true)
  }

  /** It sleeps already, as far as is known. */
  beginAsleep(): void {
    this.awake = false
    this.sleepers.count++
  }

  sleep(): void {
    this.clock.cancel(this)
    this.lapsed = false
    if (!this.awake) return
    this.beginAsleep()
    this.listener(this.registration, false)
  }

  sleepIfLapsed(): void {
    if (this.awake && this.lapsed) this.sleep()
  }

  resize(ms: number): void {
    this.window = ms
    if (this.awake) this.open(this.touchedAt)
  }

  close(): void {
    this.clock.cancel(this)
    if (!this.awake) this.sleepers.count--
  }

  onTimer(): void {
    // While it owes an answer a device stays awake; how the exchange ends decides.
    if (this.registration.queue?.busy === true) this.lapsed = true
    else this.sleep()
  }

  private open(from: number): void {
    this.touchedAt = from
    this.lapsed = false
    this.clock.scheduleAt(this, from + this.window)
  }
}

/**
 * The awake windows of all queue-mode devices (Core §6.5): each message of a device opens its window
 * again; when nothing came for as long as it lasts, the device sleeps.
 */
export class AwakeWindows {
  private readonly settings = new PatternMap<number>()
  private sleepers = { count: 0 }

  /**
   * @param defaultWindow ms
   * @param patterns endpoint patterns treated as queue mode whatever the device says
   */
  constructor(
    private readonly clock: Scheduler,
    private readonly defaultWindow: number,
    private readonly patterns: readonly string[],
    private readonly listener: AwakeListener,
  ) {}

  /** Devices that sleep now. */
  get asleep(): number {
    return this.sleepers.count
  }

  /** Forgets all devices. */
  clear(): void {
    this.sleepers = { count: 0 }
  }

  /** The window of an endpoint, ms. */
  windowOf(endpoint: string): number {
    return this.settings.get(endpoint) ?? this.defaultWindow
  }

  /** Sets or, with `undefined`, unsets the window of an endpoint or pattern. */
  set(pattern: string, ms: number | undefined, registrations: Iterable<DeviceRegistration>): void {
    if (ms === undefined) this.settings.delete(pattern)
    else this.settings.set(pattern, ms)
    for (const { awakeWindow, endpoint } of registrations) {
      if (awakeWindow === undefined || !matchesPattern(pattern, endpoint)) continue
      awakeWindow.resize(this.windowOf(endpoint))
    }
  }

  /** Whether requests for this device wait while it sleeps. */
  appliesTo(registration: DeviceRegistration): boolean {
    if (registration.queueMode) return true
    return this.patterns.some((pattern) => matchesPattern(pattern, registration.endpoint))
  }

  /** Starts to follow a device that registered or changed its queue mode; it is awake. */
  track(registration: DeviceRegistration): void {
    if (!this.appliesTo(registration)) {
      this.untrack(registration)
      return
    }
    registration.awakeWindow ??= this.make(registration)
    registration.awakeWindow.touch()
  }

  /** Starts to follow a device that came back with a restart; it sleeps until it is heard of. */
  trackAsleep(registration: DeviceRegistration): void {
    if (!this.appliesTo(registration)) return
    const window = this.make(registration)
    window.beginAsleep()
    registration.awakeWindow = window
  }

  untrack(registration: DeviceRegistration): void {
    registration.awakeWindow?.close()
    registration.awakeWindow = undefined
  }

  private make(registration: DeviceRegistration): AwakeWindow {
    const window = this.windowOf(registration.endpoint)
    return new AwakeWindow(this.clock, registration, window, this.listener, this.sleepers)
  }
}
