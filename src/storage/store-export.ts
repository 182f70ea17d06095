import { decodeAnyRecord } from './record-type'
import type { StoreCopy } from './rescue'

/**
 * A store as JSON lines, whatever its state: one object an entry with its `key` and what it holds.
 * `version` and `value` are of a record (bytes in it are `{base64}`, integers beyond a double decimal
 * text); `base64` is of anything else; `corrupt` is true where the value is not what was written.
 * @param areas of keys (`area:rest`) whose values are written; of any other entry, which may be a
 *   secret, there is only `withheld: true`
 */
export async function* exportLines(
  copy: StoreCopy,
  areas: ReadonlySet<string>,
): AsyncGenerator<string> {
  for await (const { key, value } of copy.entries()) {
    const [area = ''] = key.split(':', 1)
    const content = areas.has(area) ? contentOf(value) : { withheld: true }
    yield `${JSON.stringify({ key, ...content }, plain)}\n`
  }
}

function contentOf(value: Uint8Array | undefined): object {
  if (value === undefined) return { corrupt: true }
  const record = decodeAnyRecord(value)
  if (record !== undefined) return { version: record.version, value: record.body }
  return { base64: Buffer.from(value).toString('base64') }
}

function plain(this: { readonly [name: string]: unknown }, name: string, json: unknown): unknown {
  // A Buffer has been through its own toJSON here.
  const value = this[name]
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  return typeof value === 'bigint' ? String(value) : json
}
