import { ClientError } from './errors'

export interface Sampling {
  /** Seconds between two values; default 5. */
  readonly interval?: number
  /** Digits after the point; default 2. */
  readonly decimals?: number
}

/** `mean + amplitude · sin(2π (t + phase) / period)`; seconds. */
export interface SineSignal extends Sampling {
  readonly type: 'sine'
  readonly mean: number
  readonly amplitude: number
  readonly period: number
  readonly phase?: number
}

/** From `from` to `to` in `period` seconds, then again from `from`. */
export interface RampSignal extends Sampling {
  readonly type: 'ramp'
  readonly from: number
  readonly to: number
  readonly period: number
}

/** At each interval up to `step` up or down, reflected at `min` and `max`. */
export interface RandomWalkSignal extends Sampling {
  readonly type: 'random-walk'
  readonly start: number
  readonly step: number
  readonly min: number
  readonly max: number
  readonly seed?: number
}

/** The values of the list in turn, one per interval. */
export interface SequenceSignal extends Sampling {
  readonly type: 'sequence'
  readonly values: readonly number[]
}

/** A simulated value over time; the same description always gives the same values. */
export type SignalDescription = SineSignal | RampSignal | RandomWalkSignal | SequenceSignal

const DEFAULT_INTERVAL = 5
const DEFAULT_DECIMALS = 2

/** A signal as a function of the time since its start. It does not use a clock itself. */
export interface Signal {
  /** Milliseconds between two values. */
  readonly interval: number
  /** The value at this many milliseconds after the start. Times must not decrease. */
  at(elapsed: number): number
}

function finite(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new ClientError('invalid-description', `signal: ${name} must be a number`)
  }
  return value
}

function positive(value: unknown, name: string): number {
  const number = finite(value, name)
  if (number <= 0) throw new ClientError('invalid-description', `signal: ${name} must be above 0`)
  return number
}

/** @throws ClientError `invalid-description` */
export function createSignal(description: SignalDescription): Signal {
  const interval = positive(description.interval ?? DEFAULT_INTERVAL, 'interval') * 1000
  const decimals = finite(description.decimals ?? DEFAULT_DECIMALS, 'decimals')
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 15) {
    throw new ClientError('invalid-description', 'signal: decimals must be 0 to 15')
  }
  const raw = generator(description, interval)
  const scale = 10 ** decimals
  // + 0 turns -0 into 0.
  return { interval, at: (elapsed) => Math.round(raw(elapsed) * scale) / scale + 0 }
}

function generator(description: SignalDescription, interval: number): (elapsed: number) => number {
  switch (description.type) {
    case 'sine': {
      const mean = finite(description.mean, 'mean')
      const amplitude = finite(description.amplitude, 'amplitude')
      const period = positive(description.period, 'period') * 1000
      const phase = finite(description.phase ?? 0, 'phase') * 1000
      return (elapsed) => mean + amplitude * Math.sin((2 * Math.PI * (elapsed + phase)) / period)
    }
    case 'ramp': {
      const from = finite(description.from, 'from')
      const to = finite(description.to, 'to')
      const period = positive(description.period, 'period') * 1000
      return (elapsed) => from + ((to - from) * (elapsed % period)) / period
    }
    case 'random-walk':
      return randomWalk(description, interval)
    case 'sequence': {
      const { values } = description
      if (!Array.isArray(values) || values.length === 0) {
        throw new ClientError('invalid-description', 'signal: values must be a list of numbers')
      }
      values.forEach((value, index) => finite(value, `values[${index}]`))
      return (elapsed) => values[Math.floor(elapsed / interval) % values.length] as number
    }
    default:
      throw new ClientError(
        'invalid-description',
        'signal: type must be sine, ramp, random-walk or sequence',
      )
  }
}

/** Maximum number of steps that are computed after a gap (a suspended laptop). */
const MOST_STEPS = 10_000

function randomWalk(description: RandomWalkSignal, interval: number): (elapsed: number) => number {
  const step = positive(description.step, 'step')
  const [min, max] = [finite(description.min, 'min'), finite(description.max, 'max')]
  if (min >= max) throw new ClientError('invalid-description', 'signal: min must be below max')
  let value = Math.min(max, Math.max(min, finite(description.start, 'start')))
  let random = finite(description.seed ?? 1, 'seed') >>> 0
  let done = 0
  return (elapsed) => {
    const target = Math.floor(elapsed / interval)
    done = Math.max(done, target - MOST_STEPS)
    for (; done < target; done++) {
      // Numerical Recipes' linear congruential generator: good enough for a sensor value.
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0
      const next = value + (random / 2 ** 31 - 1) * step
      value =
        next > max
          ? Math.max(min, 2 * max - next)
          : next < min
            ? Math.min(max, 2 * min - next)
            : next
    }
    return value
  }
}
