import { detach, onAbort } from '../../base/guard'
import { ClientError } from '../errors'

/**
 * Resolves like `work`, unless `signal` is aborted before: a stop must not wait for a handshake or
 * for another server. @throws ClientError `not-running`
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () =>
      reject(new ClientError('not-running', 'the client stopped')),
    )
    detach(work.then(resolve, reject).finally(forget), reject)
  })
}
