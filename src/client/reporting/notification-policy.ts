import { changeMatters, type ChangeConditions } from '../../lwm2m/notification-conditions'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'

/** Periods of an observation between reports (Core §7.3.2), in seconds. */
export interface Timing {
  readonly pmin?: number
  readonly pmax?: number
  /** Minimum and maximum time between two evaluations. */
  readonly epmin?: number
  readonly epmax?: number
}

/** One observed path with its conditions; a composite observation has several. */
export interface Target {
  readonly path: Path
  readonly conditions: ChangeConditions
}

/** The values of one target at one moment. */
export type Sample = readonly Record[]

/**
 * Decides when an observation is reported. It uses neither timers nor sockets: it is called at each
 * change and at {@link nextAt}, and keeps its state in between. All times are in milliseconds.
 *
 * - A relevant change is reported at once, or when `pmin` has passed since the last report, even
 *   if the value changes back meanwhile.
 * - After `pmax` since the last report there is a report in any case.
 * - `epmin`/`epmax` limit how often the values are evaluated.
 */
export class NotificationPolicy {
  private reported: readonly Sample[]
  private previous: readonly Sample[]
  private reportedAt: number
  private evaluatedAt: number
  /** A relevant change waits for pmin. */
  private pending = false
  /** A change waits for epmin. */
  private dirty = false

  /** @param samples the values in the first response, one per target */
  constructor(
    private targets: readonly Target[],
    private timing: Timing,
    samples: readonly Sample[],
    now: number,
  ) {
    this.reported = this.previous = samples
    this.reportedAt = this.evaluatedAt = now
  }

  /** Attributes were written: the conditions apply from the next change on. */
  reconfigure(targets: readonly Target[], timing: Timing): void {
    this.targets = targets
    this.timing = timing
  }

  /**
   * Something may have changed. Returns true if it is to be evaluated now, not delayed by epmin.
   */
  touch(now: number): boolean {
    this.dirty = true
    return now >= this.evaluatedAt + seconds(this.timing.epmin)
  }

  /** Evaluates the current values; returns whether they are to be reported now. */
  evaluate(samples: readonly Sample[], now: number): boolean {
    this.dirty = false
    this.evaluatedAt = now
    this.pending ||= this.targets.some((target, index) =>
      sampleMatters(
        target.conditions,
        this.reported[index] ?? [],
        this.previous[index] ?? [],
        samples[index] ?? [],
      ),
    )
    this.previous = samples
    const due =
      (this.pending && now >= this.reportedAt + seconds(this.timing.pmin)) ||
      now >= this.reportedAt + this.longest()
    if (due) this.markReported(samples, now)
    return due
  }

  /** A report was sent for another reason (attributes, a cached value after being offline). */
  markReported(samples: readonly Sample[], now: number): void {
    this.reported = this.previous = samples
    this.reportedAt = this.evaluatedAt = now
    this.pending = this.dirty = false
  }

  /** When to evaluate next without a change; undefined: never. */
  nextAt(): number | undefined {
    let next = this.reportedAt + this.longest()
    if (this.pending) next = Math.min(next, this.reportedAt + seconds(this.timing.pmin))
    if (this.dirty) next = Math.min(next, this.evaluatedAt + seconds(this.timing.epmin))
    const { epmin, epmax } = this.timing
    if (epmax !== undefined && epmax > 0 && epmax >= (epmin ?? 0)) {
      next = Math.min(next, this.evaluatedAt + seconds(epmax))
    }
    return next === Infinity ? undefined : next
  }

  /** pmax in ms; a pmax of 0 or below pmin is ignored (Core §7.3.2; equal is accepted, OMA#495). */
  private longest(): number {
    const { pmin, pmax } = this.timing
    return pmax === undefined || pmax <= 0 || pmax < (pmin ?? 0) ? Infinity : seconds(pmax)
  }
}

const seconds = (value: number | undefined): number => (value ?? 0) * 1000

/**
 * Whether the step from `previous` to `current` is to be reported, `reported` being the last value
 * sent to the server. A resource that was added or removed always is.
 */
export function sampleMatters(
  conditions: ChangeConditions,
  reported: Sample,
  previous: Sample,
  current: Sample,
): boolean {
  if (current.length !== previous.length) return true
  return current.some((record, index) => {
    const before = at(previous, index, record.path)
    if (before === undefined) return true
    return changeMatters(conditions, at(reported, index, record.path), before, record.value)
  })
}

/** The value at a path, which is nearly always at the same index. */
function at(sample: Sample, index: number, path: Path): Value | undefined {
  const there = sample[index]
  if (there !== undefined && there.path.equals(path)) return there.value
  return sample.find((record) => record.path.equals(path))?.value
}
