import { type DeviceRequest, supersedes } from '../operations/device-request'
import type { PendingRequest } from './pending-request'

/** Operations whose order decides what a device has in the end. */
const CHANGING: ReadonlySet<string> = new Set(['write', 'write-composite', 'create', 'delete'])

/** Whether one of two paths lies within the other; `/` is around all. */
function overlap(a: string, b: string): boolean {
  const within = (inner: string, outer: string): boolean =>
    outer === '/' || inner === outer || inner.startsWith(`${outer}/`)
  return within(a, b) || within(b, a)
}

/**
 * Where a write waits whose place another may take: the latest that it makes pointless, unless what
 * waits behind that one changes the same part of the device, and would then have the last word.
 * @returns its index, -1 where there is none
 */
export function replaceableBy(request: DeviceRequest, queue: readonly PendingRequest[]): number {
  for (let index = queue.length - 1; index >= 0; index--) {
    const waiting = queue[index]?.request
    if (waiting === undefined) continue
    if (supersedes(request, waiting)) return index
    if (CHANGING.has(waiting.operation) && overlap(request.path, waiting.path)) return -1
  }
  return -1
}
