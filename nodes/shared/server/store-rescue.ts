import { CodedError } from '../../../src/base/coded-error'
import { StoreCopy, putStoreAside, repairStore } from '../../../src/storage'
import type { StoreAction, StoreOutcome } from '../../admin/contract'
import type { StoreRescue } from '../../admin/directory'
import type { ServerHost } from './server-host'

/** What can be done, by the code of the error that keeps a server from running. */
const ACTIONS: { readonly [code: string]: readonly StoreAction[] } = {
  'store-damaged': ['repair', 'empty', 'export'],
  // A repair would take records of a later version for its own.
  'store-newer': ['empty', 'export'],
}

/** What can be done about the store of a server that does not run because of it. */
export function storeRescue(host: ServerHost): StoreRescue | undefined {
  const { state, storeFolder } = host
  if (state.kind !== 'failed' || storeFolder === undefined) return undefined
  const actions = ACTIONS[state.error.code]
  if (actions === undefined) return undefined
  const run = <T>(action: StoreAction, act: () => Promise<T>): Promise<T> =>
    host.betweenAttempts(({ code }) => {
      if (ACTIONS[code]?.includes(action) === true) return act()
      throw new CodedError('invalid-argument', 'the store of this server is not damaged')
    })
  const andStart = async (action: StoreAction, act: () => Promise<StoreOutcome>) => {
    const outcome = await run(action, act)
    host.start()
    return outcome
  }
  return {
    actions,
    repair: () => andStart('repair', () => repairStore(storeFolder)),
    empty: () => andStart('empty', async () => ({ aside: await putStoreAside(storeFolder) })),
    export: () => run('export', () => StoreCopy.of(storeFolder)),
  }
}
