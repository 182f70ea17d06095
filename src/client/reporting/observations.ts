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
  /** How many notifications are kept while they cannot be sent; 0: none (Core §7.3.2 hqmax, `/1/x/6`). */
  readonly history: number
}

/** What the observations of one server need from the device. */
export interface ObservationSource {
  readonly clock: Scheduler
  /** The values of one observed path now; undefined: it is no longer there. */
  sample(path: Path): Sample | undefined
  /** The notification that says them. */
  encode(observation: ObservationRequest, samples: readonly Sample[]): CoapReply
  rules(observation: ObservationRequest): ReportRules
  /** A notification is about to be sent: the radio has to be on. */
  beforeSend(): void
  onNotified(paths: readonly Path[], records: readonly Record[]): void
  onEnded(paths: readonly Path[], reason: string): void
}

/** An accepted Observe or Observe-Composite. */
export interface ObservationRequest {
  readonly paths: readonly Path[]
  readonly composite: boolean
  /** Content-Format of the first answer, which all notifications keep (RFC 7641 §4.2). */
  readonly format: number | undefined
  /** Attributes of the request's own query (Core 1.2 §6.4.1). */
  readonly attributes: AttributeSet
}

interface Observation {
  readonly request: ObservationRequest
  readonly handle: ObservationHandle
  readonly policy: NotificationPolicy
  rules: ReportRules
  timer: Timer | undefined
  /** What could not be sent, oldest first, each with its time. */
  held: Sample[][]
}

/** The observations that one server made, each with its own conditions and timers. */
export class Observations {
  private readonly all = new Set<Observation>()
  private held = false

  /** @param limit observations kept at once; more are answered without being observed */
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

  /** Whether one more would be accepted. */
  get full(): boolean {
    return this.all.size >= this.limit
  }

  /** Begins to report; `samples` are what the first answer says, one per path. */
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

  /** Attributes were written: from now on they hold. */
  rulesChanged(): void {
    for (const observation of this.all) {
      observation.rules = this.source.rules(observation.request)
      observation.policy.reconfigure(observation.rules.targets, observation.rules.timing)
      this.arm(observation)
    }
  }

  /** The server cannot be reached: what is to be reported is kept, as far as the rules allow. */
  hold(): void {
    this.held = true
  }

  /** The server can be reached again: reports what was kept. */
  release(): void {
    this.held = false
    for (const observation of [...this.all]) {
      const kept = observation.held
      observation.held = []
      if (kept.length > 0) this.send(observation, mergeHistory(kept))
    }
  }

  /** Ends all: the registration is gone (Core §6.4.3: observations do not outlive it). */
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

  /** What was observed is gone: says so, which ends the observation (RFC 7641 §4.2). */
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
      // What is there now cannot be said in the format of the first answer (RFC 7641 §4.2).
      reply = { code: Code.NOT_ACCEPTABLE }
    }
    const { confirmable } = observation.rules
    // How a notification failed is told by onEnd; nothing is left to do here.
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

/** One sample per target with all kept values of it, in order of time. */
function mergeHistory(kept: readonly Sample[][]): Sample[] {
  const targets = kept[0]?.length ?? 0
  return Array.from({ length: targets }, (_, index) =>
    kept.flatMap((samples) => samples[index] ?? []),
  )
}
