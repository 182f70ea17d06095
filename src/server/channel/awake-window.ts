import { type Scheduler, Timer } from '../../base/scheduler'
import { matchesPattern, PatternMap } from '../endpoint-pattern'
import type { DeviceRegistration } from '../registration/device-registration'

/** MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2), which Core §6.5 names as a default, ms. */
export const DEFAULT_AWAKE_WINDOW = 93_000

/** Whether one queue-mode device listens now; as a timer, until when. */
export class AwakeWindow extends Timer {
  awake = true
  /** Monotonic ms of the device's last message. */
  touchedAt = 0
  /** It ended while the device owed an answer. */
  lapsed = false

  constructor(
    private readonly windows: AwakeWindows,
    readonly registration: DeviceRegistration,
    /** ms */
    public window: number,
  ) {
    super()
  }

  onTimer(): void {
    this.windows.onDue(this)
  }
}

/** What the windows tell. */
export interface AwakeWindowsHost {
  readonly clock: Scheduler
  onAwake(registration: DeviceRegistration): void
  onAsleep(registration: DeviceRegistration): void
}

/**
 * The awake windows of all queue-mode devices (Core §6.5): each message of a device opens its window
 * again; when nothing came for as long as it lasts, the device sleeps.
 */
export class AwakeWindows {
  private readonly settings = new PatternMap<number>()

  constructor(
    private readonly host: AwakeWindowsHost,
    private readonly defaultWindow: number,
    /** Endpoint patterns treated as queue mode whatever the device says. */
    private readonly patterns: readonly string[],
  ) {}

  /** The window of an endpoint, ms. */
  windowOf(endpoint: string): number {
    return this.settings.get(endpoint) ?? this.defaultWindow
  }

  /** Sets or, with `undefined`, unsets the window of an endpoint or pattern. */
  set(pattern: string, ms: number | undefined, registrations: Iterable<DeviceRegistration>): void {
    if (ms === undefined) this.settings.delete(pattern)
    else this.settings.set(pattern, ms)
    for (const registration of registrations) {
      const window = registration.awakeWindow
      if (window === undefined || !matchesPattern(pattern, registration.endpoint)) continue
      window.window = this.windowOf(registration.endpoint)
      if (window.awake) this.open(window, window.touchedAt)
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
    registration.awakeWindow ??= new AwakeWindow(
      this,
      registration,
      this.windowOf(registration.endpoint),
    )
    this.touch(registration.awakeWindow)
  }

  /** Starts to follow a device that came back with a restart; it sleeps until it is heard of. */
  trackAsleep(registration: DeviceRegistration): void {
    if (!this.appliesTo(registration)) return
    const window = new AwakeWindow(this, registration, this.windowOf(registration.endpoint))
    window.awake = false
    registration.awakeWindow = window
  }

  untrack(registration: DeviceRegistration): void {
    const window = registration.awakeWindow
    if (window === undefined) return
    this.host.clock.cancel(window)
    registration.awakeWindow = undefined
  }

  /** A message of the device came. */
  touch(window: AwakeWindow): void {
    this.open(window, this.host.clock.monotonic())
    if (window.awake) return
    window.awake = true
    this.host.onAwake(window.registration)
  }

  /** The device did not acknowledge: it does not listen, whatever its window says. */
  sleep(window: AwakeWindow): void {
    this.host.clock.cancel(window)
    window.lapsed = false
    if (!window.awake) return
    window.awake = false
    this.host.onAsleep(window.registration)
  }

  private open(window: AwakeWindow, from: number): void {
    window.touchedAt = from
    window.lapsed = false
    this.host.clock.scheduleAt(window, from + window.window)
  }

  /** For the window's timer. */
  onDue(window: AwakeWindow): void {
    // While it owes an answer a device stays awake; how the exchange ends decides.
    if (window.registration.channel?.busy === true) window.lapsed = true
    else this.sleep(window)
  }
}
