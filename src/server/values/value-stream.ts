import type { ValueReport } from '../types'

/** Told of all values that leave devices; must not throw. */
export type ValueSink = (report: ValueReport) => void

/**
 * The one way of all values from devices to whoever wants them: answers of Read, first answers and
 * notifications of observations, and Sends; one report for each moment, oldest first.
 */
export class ValueStream {
  private readonly sinks: ValueSink[] = []

  /** Adds somebody who is told from now on, after those that are there. */
  add(sink: ValueSink): void {
    this.sinks.push(sink)
  }

  report(report: ValueReport): void {
    for (const sink of this.sinks) sink(report)
  }
}
