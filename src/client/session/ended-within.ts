import type { Scheduler } from '../../base/scheduler'

/** Resolves when `work` has settled, or after `timeout` ms. */
export function endedWithin(
  work: Promise<unknown>,
  timeout: number,
  clock: Scheduler,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(timeout, () => resolve())
    const end = (): void => {
      clock.cancel(timer)
      resolve()
    }
    clock.detach('waiting for an end', work.then(end, end))
  })
}
