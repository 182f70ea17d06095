/**
 * Counts what nothing in the process caught: in production it would have ended Node-RED. Loaded before
 * every test file as mocha's root hooks, and used by the fuzzers.
 */
const caught: string[] = []

const onException = (error: unknown): void => note('uncaughtException', error)
/** More listeners than Node.js takes for no leak: a line in the log of every user. */
const onWarning = (warning: Error): void => {
  if (warning.name === 'MaxListenersExceededWarning') note('warning', warning)
}
const onRejection = (reason: unknown): void => note('unhandledRejection', reason)

/** Mocha raises a rejection once more. */
let last: unknown

function note(kind: string, error: unknown): void {
  if (error === last) return
  last = error
  caught.push(`${kind}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
}

/** From now on uncaught errors are counted, and do not end the process. */
export function watchUncaught(): void {
  process.on('uncaughtException', onException)
  process.on('unhandledRejection', onRejection)
  process.on('warning', onWarning)
}

export function unwatchUncaught(): void {
  process.off('uncaughtException', onException)
  process.off('unhandledRejection', onRejection)
  process.off('warning', onWarning)
}

/** What was not caught since the last call, after what is under way now has been dealt with. */
export async function uncaught(): Promise<readonly string[]> {
  // Node.js reports a rejection when its microtasks are done.
  await new Promise((resolve) => setImmediate(resolve))
  return caught.splice(0)
}

async function check(): Promise<void> {
  const errors = await uncaught()
  if (errors.length > 0) throw new Error(`not caught by anything:\n${errors.join('\n')}`)
}

export const mochaHooks = {
  beforeAll: watchUncaught,
  afterEach: check,
  async afterAll(): Promise<void> {
    await check()
    unwatchUncaught()
  },
}
