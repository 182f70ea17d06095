import assert from 'node:assert/strict'
import { decode, encode } from '../../../src/lwm2m/formats'
import { type CodecContext, DecodeError } from '../../../src/lwm2m/formats/codec'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { Path } from '../../../src/lwm2m/path'
import type { Record } from '../../../src/lwm2m/record'
import type { Value } from '../../../src/lwm2m/value'

/** Bytes from hex with spaces. */
export function hex(text: string): Buffer {
  const digits = text.replace(/\s/g, '')
  assert.match(digits, /^([\da-f]{2})*$/i)
  return Buffer.from(digits, 'hex')
}

/** Values by path, as tests write them. */
export type Plain = { readonly [path: string]: Value | undefined }

export function plain(records: readonly Record[]): Plain {
  const entries = records.map(({ path, value }) => [path.toString(), value] as const)
  assert.equal(new Set(entries.map(([path]) => path)).size, entries.length, 'a path twice')
  return Object.fromEntries(entries)
}

export function records(values: Plain): Record[] {
  return Object.entries(values).map(([path, value]) => ({ path: Path.parse(path), value }))
}

/** 2013-03-21T20:04:00Z as a tagged time of CBOR (RFC 8949 §3.4.1, §3.4.2), in every form. */
export const TIMES: readonly string[] = [
  'c1 1a514b67b0',
  'c1 1b00000000514b67b0',
  'c1 fb41d452d9ec000000',
  `c0 74${Buffer.from('2013-03-21T20:04:00Z').toString('hex')}`,
  `c0 74${Buffer.from('2013-03-21t20:04:00z').toString('hex')}`,
  `c0 76${Buffer.from('2013-03-21T20:04:00.0Z').toString('hex')}`,
  `c0 7819${Buffer.from('2013-03-21T21:04:00+01:00').toString('hex')}`,
  `c0 7f 6a${Buffer.from('2013-03-21').toString('hex')} 6a${Buffer.from('T20:04:00Z').toString('hex')} ff`,
]

/** A moment for relative times. */
export const NOW = Date.UTC(2026, 0, 1)

/**
 * Definitions of the registry, with warnings recorded. `version` selects the version of the
 * objects.
 */
export function modelContext(
  base: string,
  extra: Partial<CodecContext> = {},
  version?: string,
): CodecContext & { readonly warnings: string[] } {
  const warnings: string[] = []
  return {
    base: Path.parse(base),
    resource: (path) =>
      builtinModel()
        .object(path.object ?? -1, version)
        ?.resources.get(path.resource ?? -1),
    now: NOW,
    warn: (message) => warnings.push(message),
    ...extra,
    warnings,
  }
}

/** Decodes without a warning. */
export function decoded(
  format: number,
  bytes: Uint8Array,
  base: string,
  extra: Partial<CodecContext> = {},
): Plain {
  const context = modelContext(base, extra)
  const found = plain(decode(format, bytes, context))
  assert.deepEqual(context.warnings, [])
  return found
}

/** Decodes with exactly one warning, which matches. */
export function mended(
  format: number,
  bytes: Uint8Array,
  base: string,
  warning: RegExp,
  extra: Partial<CodecContext> = {},
): Plain {
  const context = modelContext(base, extra)
  const found = plain(decode(format, bytes, context))
  assert.equal(context.warnings.length, 1, context.warnings.join('; '))
  assert.match(context.warnings[0] ?? '', warning)
  return found
}

export function encoded(
  format: number,
  values: Plain,
  base: string,
  extra: Partial<CodecContext> = {},
): Buffer {
  return encode(format, records(values), modelContext(base, extra))
}

/** Decoding fails with the typed error that carries the bytes. */
export function malformed(
  format: number,
  bytes: Uint8Array,
  base: string,
  message: RegExp = /./,
): void {
  assert.throws(
    () => decode(format, bytes, modelContext(base)),
    (error) => {
      assert.ok(error instanceof DecodeError, String(error))
      assert.equal(error.code, 'decode')
      assert.equal(error.raw, bytes)
      assert.match(error.message, message)
      return true
    },
  )
}
