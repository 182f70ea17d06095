/** How a simulated value moves. Times are seconds; the same description gives the same values. */
export type SignalDescription =
  | {
      readonly type: 'sine'
      readonly mean: number
      readonly amplitude: number
      /** Seconds of one turn. */
      readonly period: number
      /** Seconds. */
      readonly phase?: number
      readonly interval?: number
      readonly decimals?: number
    }
  | {
      /** From `from` to `to` in `period` seconds, then again from `from`. */
      readonly type: 'ramp'
      readonly from: number
      readonly to: number
      readonly period: number
      readonly interval?: number
      readonly decimals?: number
    }
  | {
      /** Each `interval`, up to `step` up or down, within `min` and `max`. */
      readonly type: 'random-walk'
      readonly start: number
      readonly step: number
      readonly min: number
      readonly max: number
      readonly seed?: number
      readonly interval?: number
      readonly decimals?: number
    }
