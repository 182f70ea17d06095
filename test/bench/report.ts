/** One figure of a benchmark. `goal` says what is wanted, e.g. `≥ 0.6`; `met` whether it was reached. */
export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal?: string
  readonly met?: boolean
}

/** A figure that should be at least `goal`. */
export function atLeast(name: string, value: number, unit: string, goal: number): BenchRow {
  return { name, value, unit, goal: `≥ ${goal}`, met: value >= goal }
}

/** A figure that should be at most `goal`. */
export function atMost(name: string, value: number, unit: string, goal: number): BenchRow {
  return { name, value, unit, goal: `≤ ${goal}`, met: value <= goal }
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  return value.toLocaleString('en', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 3 })
}

/** One aligned line per figure. */
export function formatRows(rows: readonly BenchRow[]): string {
  const width = Math.max(0, ...rows.map((row) => row.name.length))
  return rows
    .map((row) => {
      const goal = row.goal === undefined ? '' : `  (${row.goal} ${row.met ? 'met' : 'MISSED'})`
      return `  ${row.name.padEnd(width)}  ${digits(row.value).padStart(10)} ${row.unit}${goal}`
    })
    .join('\n')
}
