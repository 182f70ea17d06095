import { detach } from '../../base/guard'
import type { Scheduler, Timer } from '../../base/scheduler'
import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest, ObservationHandle } from '../../coap/types'
import type { AttributeSet } from '../../lwm2m/attributes'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { NotificationPolicy, type Sample, type Target, type Timing } from './notification-policy'

/** How one observation is reported; depends on attributes that may be written at any time. */
export interface ReportRules {
  readonly targets: readonly Target[]
  readonly timing: Timing
  readonly confirmable: boolean
  /**
   * Number of notifications kept while they cannot be sent; 0: none (Core §7.3.2 hqmax, `/1/x/6`).
   */
  readonly history: number
}

/** What the observations of one server need from the device. */
export interface ObservationSource {
  readonly clock: Scheduler
  /** The current values of one observed path; undefined if it no longer exists. */
  sample(path: Path): Sample | undefined
  /** Encodes a notification with these values. */
  encode(observation: ObservationRequest, samples: readonly Sample[]): CoapReply
  rules(observation: ObservationRequest): ReportRules
  /** Called before a notification is sent: the radio must be on. */
  beforeSend(): void
  onNotified(paths: readonly Path[], records: readonly Record[]): void
  onEnded(paths: readonly Path[], reason: string): void
}

/** An accepted Observe or Observe-Composite. */
export interface ObservationRequest {
  readonly paths: readonly Path[]
  readonly composite: boolean
  /** Content-Format of the first response, used for all notifications (RFC 7641 §4.2). */
  readonly format: number | undefined
  /** Attributes in the request's own query (Core 1.2 §6.4.1). */
  readonly attributes: AttributeSet
}

interface Observation {
  readonly request: ObservationRequest
  readonly handle: ObservationHandle
  readonly policy: NotificationPolicy
  rules: ReportRules
  timer: Timer | undefined
  /** Values that could not be sent, oldest first, each with its time. */
  held: Sample[][]
}

/** The observations of one server, each with its own conditions and timers. */
export class Observations {
  private readonly all = new Set<Observation>()
  private held = false

  /**
   * @param limit maximum number of observations; further requests are answered without being
   *   observed
   */
  constructor(
    private readonly source: ObservationSource,
    private readonly limit = 1000,
  ) {}

  get size(): number {
    return this.all.size
  }

  /** The observed paths, for tests and status. */
  list(): readonly (readonly Path[])[] {
    return [...this.all].map((observation) => observation.request.paths)
  }

  /** Whether the limit is reached. */
  get full(): boolean {
    return this.all.size >= this.limit
  }

  /** Starts to report; `samples` are the values of the first response, one per path. */
  add(request: CoapRequest, observed: ObservationRequest, samples: readonly Sample[]): void {
    const rules = this.source.rules(observed)
    const now = this.source.clock.monotonic()
    const observation: Observation = {
      request: observed,
      handle: request.acceptObservation(),
      policy: new NotificationPolicy(rules.targets, rules.timing, samples, now),
      rules,
      timer: undefined,
      held: [],
    }
    this.all.add(observation)
    observation.handle.onEnd = (reason) => this.drop(observation, reason)
    this.arm(observation)
  }

  /** Values at or below these paths changed. */
  valuesChanged(paths: readonly Path[]): void {
    for (const observation of [...this.all]) {
      const touched = observation.request.paths.some((observed) =>
        paths.some((path) => observed.contains(path) || path.contains(observed)),
      )
      if (touched) this.touch(observation)
    }
  }

  /** Attributes were written: they apply from now on. */
  rulesChanged(): void {
    for (const observation of this.all) {
      observation.rules = this.source.rules(observation.request)
      observation.policy.reconfigure(observation.rules.targets, observation.rules.timing)
      this.arm(observation)
    }
  }

  /** The server cannot be reached: reports are kept, as far as the rules allow. */
  hold(): void {
    this.held = true
  }

  /** The server can be reached again: sends the reports that were kept. */
  release(): void {
    this.held = false
    for (const observation of [...this.all]) {
      const kept = observation.held
      observation.held = []
      if (kept.length > 0) this.send(observation, mergeHistory(kept))
    }
  }

  /** Ends all observations: the registration has ended (Core §6.4.3: observations end with it). */
  clear(): void {
    for (const observation of [...this.all]) {
      this.all.delete(observation)
      this.source.clock.cancel(observation.timer)
      observation.handle.onEnd = () => {}
      observation.handle.end()
      this.source.onEnded(observation.request.paths, 'registration')
    }
  }

  private touch(observation: Observation): void {
    if (observation.policy.touch(this.source.clock.monotonic())) this.evaluate(observation)
    else this.arm(observation)
  }

  private evaluate(observation: Observation): void {
    const samples: Sample[] = []
    for (const path of observation.request.paths) {
      const sample = this.source.sample(path)
      if (sample === undefined && !observation.request.composite) {
        this.end(observation)
        return
      }
      samples.push(sample ?? [])
    }
    if (observation.policy.evaluate(samples, this.source.clock.monotonic())) {
      this.report(observation, samples)
    }
    this.arm(observation)
  }

  /**
   * The observed path was deleted: notifies the error, which ends the observation (RFC 7641 §4.2).
   */
  private end(observation: Observation): void {
    this.source.beforeSend()
    detach(observation.handle.notify({ code: Code.NOT_FOUND }), () => {})
    this.drop(observation, 'error')
  }

  private report(observation: Observation, samples: readonly Sample[]): void {
    if (!this.held) {
      this.send(observation, samples)
      return
    }
    const { history } = observation.rules
    if (history === 0) return
    const time = this.source.clock.now()
    observation.held.push(samples.map((sample) => sample.map((record) => ({ ...record, time }))))
    if (observation.held.length > history) observation.held.shift()
  }

  private send(observation: Observation, samples: readonly Sample[]): void {
    this.source.beforeSend()
    let reply: CoapReply
    try {
      reply = this.source.encode(observation.request, samples)
    } catch {
      // The current values cannot be encoded in the format of the first response (RFC 7641 §4.2).
      reply = { code: Code.NOT_ACCEPTABLE }
    }
    const { confirmable } = observation.rules
    // A failed notification is reported by onEnd.
    detach(observation.handle.notify(reply, { confirmable }), () => {})
    if (reply.code === Code.NOT_ACCEPTABLE) this.drop(observation, 'error')
    else this.source.onNotified(observation.request.paths, samples.flat())
  }

  private arm(observation: Observation): void {
    const { clock } = this.source
    clock.cancel(observation.timer)
    observation.timer = undefined
    const at = observation.policy.nextAt()
    if (at === undefined || !this.all.has(observation)) return
    observation.timer = clock.after(Math.max(0, at - clock.monotonic()), () =>
      this.evaluate(observation),
    )
  }

  private drop(observation: Observation, reason: string): void {
    if (!this.all.delete(observation)) return
    this.source.clock.cancel(observation.timer)
    this.source.onEnded(observation.request.paths, reason)
  }
}

/** One sample per target with all its kept values, in order of time. */
function mergeHistory(kept: readonly Sample[][]): Sample[] {
  const targets = kept[0]?.length ?? 0
  return Array.from({ length: targets }, (_, index) =>
    kept.flatMap((samples) => samples[index] ?? []),
  )
}
