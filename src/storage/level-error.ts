import { StoreError } from './store'

/** Error of classic-level: the code of the outermost error seldom gives the cause. */
interface LevelFailure {
  readonly code?: string
  readonly message?: string
  readonly cause?: { readonly code?: string; readonly message?: string }
}

/** Advice for a damaged store. */
const ADVICE = 'Restore the folder from a copy, repair the store, or start empty'

/**
 * Message for a table that LevelDB cannot read because it is truncated: the code is only EINVAL.
 */
const BROKEN_TABLE = /\.(ldb|sst): (Invalid argument|file is too short)/

/**
 * Converts a failure of LevelDB to a typed error that names its cause.
 * @param what what failed: `opened`, `read`, `written`
 */
export function explainLevelError(folder: string, error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error
  const { code, cause } = error as LevelFailure
  switch (cause?.code ?? code) {
    case 'LEVEL_LOCKED':
      return new StoreError('store-locked', `the store ${folder} is in use elsewhere`, {
        cause: error,
      })
    case 'LEVEL_CORRUPTION':
      return storeDamaged(folder, reasonOf(error), error)
    case 'LEVEL_DATABASE_NOT_OPEN':
    case 'LEVEL_ITERATOR_NOT_OPEN':
      return new StoreError('store-closed', 'the store is not open', { cause: error })
    default: {
      const reason = reasonOf(error)
      return BROKEN_TABLE.test(reason)
        ? storeDamaged(folder, reason, error)
        : storeFailed(folder, what, error)
    }
  }
}

/** `store-damaged`: its files or its contents are corrupt. */
export function storeDamaged(folder: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    'store-damaged',
    `the store ${folder} is damaged: ${why}. ${ADVICE}`,
    cause === undefined ? undefined : { cause },
  )
}

/** `store-failed`: the system refuses (no space, no permission, no file descriptors, …). */
export function storeFailed(folder: string, what: string, cause: unknown): StoreError {
  return new StoreError(
    'store-failed',
    `the store ${folder} cannot be ${what}: ${reasonOf(cause)}`,
    { cause },
  )
}

/** The innermost message: "Database failed to open" alone does not help. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as LevelFailure
  return cause?.message ?? message ?? String(error)
}
