import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** Bytes of a file name; the longest suffix of ours and what the system adds still fit. */
const LONGEST = 200

/**
 * Where a node keeps its state: `lwm2m/<id>` in Node-RED's user directory. Ids come with flow files,
 * which anybody may have written: one that is no plain file name is replaced by its SHA-256, so that no
 * id leads out of the folder.
 * @param suffix of a file, e.g. `.accounts`
 */
export function statePath(userDir: string, id: string, suffix = ''): string {
  return join(userDir, 'lwm2m', (isFileName(id) ? id : digestOf(id)) + suffix)
}

// eslint-disable-next-line no-control-regex
const NOT_IN_NAMES = /[/\\\u0000]/

function isFileName(id: string): boolean {
  return (
    id !== '' &&
    id !== '.' &&
    id !== '..' &&
    !NOT_IN_NAMES.test(id) &&
    Buffer.byteLength(id) <= LONGEST
  )
}

function digestOf(id: string): string {
  return `id-${createHash('sha256').update(id).digest('hex')}`
}
