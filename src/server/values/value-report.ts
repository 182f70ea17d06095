import type { OperationResult, Registration, ValueCause, ValueReport } from '../types'
import { byTime, isOneMoment } from './by-time'

/** An answer with values. */
export type ValueAnswer = Pick<
  OperationResult,
  'endpoint' | 'path' | 'code' | 'format' | 'records' | 'definitionOf'
>

/**
 * What is reported of an answer with values of one moment.
 * @param time when it came, ms since the epoch
 */
export function valueReport(
  cause: ValueCause,
  answer: ValueAnswer,
  registration: Registration,
  time: number,
): ValueReport {
  const { endpoint, path, code, format, records, definitionOf } = answer
  return { endpoint, path, code, format, records, definitionOf, registration, cause, time }
}

/** What is reported of an answer: one report for each moment, oldest first. */
export function valueReports(
  cause: ValueCause,
  answer: ValueAnswer,
  registration: Registration,
  time: number,
): readonly ValueReport[] {
  if (isOneMoment(answer.records)) return [valueReport(cause, answer, registration, time)]
  return byTime(answer.records).map(({ records }) =>
    valueReport(cause, { ...answer, records }, registration, time),
  )
}
