import type { NodeAPI } from './red'
import { onRuntimeEvent } from './runtime-events'

/** Longer than the nodes of a deploy take to be made, ms; only then is the event missing. */
const PATIENCE = 3_000

/** Resolves when all nodes of the present deploy are there. */
export function whenFlowsStarted(RED: NodeAPI): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer)
      stop()
      resolve()
    }
    const timer = setTimeout(settle, PATIENCE)
    timer.unref()
    const stop = onRuntimeEvent(RED, 'flows:started', settle)
  })
}
