import { changeMatters, type ChangeConditions } from '../../lwm2m/notification-conditions'
import type { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'

/** When an observation may and must be reported (Core §7.3.2); seconds. */
export interface Timing {
  readonly pmin?: number
  readonly pmax?: number
  /** Shortest and longest time between two evaluations. */
  readonly epmin?: number
  readonly epmax?: number
}

/** One observed path with its conditions; a composite observation has several. */
export interface Target {
  readonly path: Path
  readonly conditions: ChangeConditions
}

/** The values of one target at a moment. */
export type Sample = readonly Record[]

/**
 * Decides when an observation is to be reported. Knows neither timers nor sockets: it is asked at
 * each change and at {@link nextAt}, and keeps what it needs between. All times are milliseconds.
 *
 * - A change that matters is reported at once, or as soon as `pmin` after the last report is over:
 *   it is not forgotten when the value changes back meanwhile.
 * - `pmax` after the last report there is a report whatever the value.
 * - `epmin`/`epmax` bound how often the values are looked at.
 */
export class NotificationPolicy {
  private reported: readonly Sample[]
  private previous: readonly Sample[]
  private reportedAt: number
  private evaluatedAt: number
  /** A change mattered and waits for pmin. */
  private pending = false
  /** Something changed and waits for epmin. */
  private dirty = false

  /** @param samples what the first answer reported, one per target */
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

  /** Says that something may have changed. Evaluate now, unless epmin holds it back. */
  touch(now: number): boolean {
    this.dirty = true
    return now >= this.evaluatedAt + seconds(this.timing.epmin)
  }

  /** Looks at the current values and says whether they are to be reported now. */
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

  /** A report went out for another reason (attributes, a cached value after being offline). */
  markReported(samples: readonly Sample[], now: number): void {
    this.reported = this.previous = samples
    this.reportedAt = this.evaluatedAt = now
    this.pending = this.dirty = false
  }

  /** When to evaluate next although nothing changes; undefined: never. */
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
 * Whether the step from `previous` to `current` is worth a report, `reported` being what the server
 * knows. A resource that appears or goes away always is.
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
