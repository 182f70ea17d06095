import {
  ContentFormat,
  formatTraits,
  hasWholeNames,
  isTreeFormat,
  isValueFormat,
} from '../../lwm2m/formats'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { PatternMap } from '../endpoint-pattern'
import type { Registration } from '../types'

const { TEXT, OCTET_STREAM, SENML_JSON, SENML_CBOR, TLV, LWM2M_JSON } = ContentFormat

/** Formats of composite requests that every client which knows those operations has (Core §6.3.8). */
const COMPOSITES: readonly number[] = [SENML_CBOR, SENML_JSON]
/** Formats that say deletions (RFC 8790), the more compact one first. */
const DELETING: readonly number[] = [ContentFormat.SENML_ETCH_CBOR, ContentFormat.SENML_ETCH_JSON]
/** The format that an operator set for a device; `none`: requests carry no Accept. */
export type DeviceFormat = number | 'none'

/** What the choice of a Content-Format depends on beside the device. */
export interface FormatChoice {
  /** What the caller asked for. */
  readonly format?: number
  /** What the operator set for an endpoint. */
  readonly deviceFormat?: (endpoint: string) => DeviceFormat | undefined
}

/** What the options set for endpoints, by name or pattern. */
export function deviceFormats(options: {
  readonly formats?: { readonly [pattern: string]: DeviceFormat }
}): (endpoint: string) => DeviceFormat | undefined {
  const entries = Object.entries(options.formats ?? {})
  if (entries.length === 0) return () => undefined
  const formats = new PatternMap<DeviceFormat>()
  for (const [pattern, format] of entries) formats.set(pattern, format)
  return (endpoint) => formats.get(endpoint)
}

/** What was set for a device, by the caller before the operator. */
function setFormat(device: Registration, choice: FormatChoice): DeviceFormat | undefined {
  return choice.format ?? choice.deviceFormat?.(device.endpoint)
}

/**
 * The Accept of a read: what was asked for or set for the device; else what the device likes best (`ct`
 * of its root link) and can say here; where it names nothing, the format that every client of its
 * version has (Core §7.4): TLV in 1.0, SenML CBOR since. `undefined` leaves the choice to the device.
 */
export function acceptFor(
  path: Path,
  device: Registration,
  choice: FormatChoice,
): number | undefined {
  if (choice.format !== undefined) return choice.format
  const set = setFormat(device, choice)
  if (set === 'none') return undefined
  if (set !== undefined && (isTreeFormat(set) || path.level >= Level.RESOURCE)) return set
  const known = device.contentFormats
  if (known.length === 0) return device.version === '1.0' ? TLV : SENML_CBOR
  const tree = known.find(isTreeFormat)
  if (tree !== undefined) return tree
  if (path.level < Level.RESOURCE) return undefined
  return known.find(isValueFormat)
}

/**
 * The Content-Formats to say a write in, best first: what the caller asked for and nothing else; bytes
 * alone as they are, whatever the device likes (firmware, which it need not take apart then); what was
 * set for the device, what it likes best, what clients of its version have.
 */
export function writeFormats(
  records: readonly Record[],
  base: Path,
  device: Registration,
  choice: FormatChoice,
): readonly number[] {
  if (choice.format !== undefined) return [choice.format]
  const only = records.length === 1 ? records[0] : undefined
  const single =
    only !== undefined && only.path.level === base.level && base.level >= Level.RESOURCE
  const bytes = only?.value instanceof Uint8Array
  const usable = (format: number) =>
    isTreeFormat(format) ||
    (single && isValueFormat(format) && (bytes || formatTraits(format)?.bytesOnly !== true))
  const usual =
    device.version === '1.0' ? [TLV, TEXT, LWM2M_JSON] : [SENML_CBOR, TLV, TEXT, SENML_JSON]
  const known = device.contentFormats
  const set = setFormat(device, choice)
  const order = [
    ...(single && bytes ? [OCTET_STREAM] : []),
    ...(set === undefined || set === 'none' ? [] : [set].filter(usable)),
    ...known.filter(usable),
    ...usual.filter(usable),
  ]
  return [...new Set(order)]
}

/**
 * Content-Formats of a Write-Composite, best first. `deleting`: only SenML-ETCH says that (RFC 8790).
 */
export function compositeFormats(
  device: Registration,
  choice: FormatChoice,
  deleting = false,
): readonly number[] {
  if (choice.format !== undefined) return [choice.format]
  const able = deleting ? DELETING : COMPOSITES
  const set = setFormat(device, choice)
  const known = [set, ...device.contentFormats].filter((format) => able.includes(Number(format)))
  return [...new Set([...(known as number[]), ...able])]
}

/**
 * The Content-Formats of the list of paths of a composite operation, best first: SenML CBOR or JSON
 * (Core §6.3.8), whatever format is wanted of the answer.
 */
export function pathsFormats(device: Registration, choice: FormatChoice): readonly number[] {
  const set = setFormat(device, choice)
  const preferred = [set, ...device.contentFormats].map((format) =>
    format === undefined || format === 'none' ? format : compositeAccept(format),
  )
  const json = preferred.find((format) => format === SENML_JSON || format === SENML_CBOR)
  return json === SENML_JSON ? [SENML_JSON, SENML_CBOR] : COMPOSITES
}

/** The Accept of a composite operation whose paths are said in `format`; undefined for none. */
export function compositeAcceptFor(
  format: number,
  device: Registration,
  choice: FormatChoice,
): number | undefined {
  const set = setFormat(device, choice)
  if (set === 'none') return undefined
  if (set === undefined) return format
  const answer = compositeAccept(set)
  return choice.format !== undefined || hasWholeNames(answer) ? answer : format
}

/** The format that answers in place of `format`, where that says requests only. */
function compositeAccept(format: number): number {
  return formatTraits(format)?.answeredIn ?? format
}
