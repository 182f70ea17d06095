import type { Clock } from '../../base/clock'

/** Resolves when `work` ended, either way, at the latest after `timeout` ms. */
export function endedWithin(work: Promise<unknown>, timeout: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(resolve, timeout)
    const end = (): void => {
      clock.clearTimeout(timer)
      resolve()
    }
    work.then(end, end)
  })
}
