import { decodeAnyRecord } from './record-type'
import type { StoreCopy } from './rescue'

/**
 * Exports a store as JSON lines, in any state: one object per entry with its `key` and its content.
 * Records have `version` and `value` (bytes in it are `{base64}`, integers beyond a double are
 * decimal text); other values have `base64`; `corrupt` is true if the checksum does not match.
 * @param areas of keys (`area:rest`) whose values are exported; any other entry, which may be a
 * secret, has only `withheld: true`
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
  // A Buffer was already converted by its toJSON here.
  const value = this[name]
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  return typeof value === 'bigint' ? String(value) : json
}
