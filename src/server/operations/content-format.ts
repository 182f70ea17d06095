import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Registration } from '../types'

const {
  TEXT,
  OCTET_STREAM,
  CBOR,
  SENML_JSON,
  SENML_CBOR,
  SENML_ETCH_JSON,
  SENML_ETCH_CBOR,
  TLV,
  LWM2M_JSON,
  LWM2M_CBOR,
} = ContentFormat

/** Formats that can say any number of values. */
const TREES: readonly number[] = [SENML_CBOR, SENML_JSON, TLV, LWM2M_JSON, LWM2M_CBOR]
/** Formats that say one value. */
const SINGLES: readonly number[] = [TEXT, OCTET_STREAM, CBOR]
/** Formats of composite requests that every client which knows those operations has (Core §6.3.8). */
const COMPOSITES: readonly number[] = [SENML_CBOR, SENML_JSON]

/**
 * The Accept of a read: what the device likes best (`ct` of its root link) and can say here; where
 * it names nothing, the format that every client of its version has (Core §7.4): TLV in 1.0, SenML
 * CBOR since. `undefined` leaves the choice to the device.
 */
export function acceptFor(path: Path, device: Registration): number | undefined {
  const known = device.contentFormats
  if (known.length === 0) return device.version === '1.0' ? TLV : SENML_CBOR
  const tree = known.find((format) => TREES.includes(format))
  if (tree !== undefined) return tree
  if (path.level < Level.RESOURCE) return undefined
  return known.find((format) => SINGLES.includes(format))
}

/**
 * The Content-Formats to say a write in, best first: bytes alone go as they are, whatever the
 * device likes (firmware, which it need not take apart then); else what it likes best, else what
 * clients of its version have.
 */
export function writeFormats(
  records: readonly Record[],
  base: Path,
  device: Registration,
): readonly number[] {
  const only = records.length === 1 ? records[0] : undefined
  const single =
    only !== undefined && only.path.level === base.level && base.level >= Level.RESOURCE
  const bytes = only?.value instanceof Uint8Array
  const usable = (format: number) =>
    TREES.includes(format) ||
    (single && (format === OCTET_STREAM ? bytes : SINGLES.includes(format)))
  const usual =
    device.version === '1.0' ? [TLV, TEXT, LWM2M_JSON] : [SENML_CBOR, TLV, TEXT, SENML_JSON]
  const known = device.contentFormats
  const order = [
    ...(single && bytes ? [OCTET_STREAM] : []),
    ...known.filter(usable),
    ...usual.filter(usable),
  ]
  return [...new Set(order)]
}

/** Content-Formats of a composite request, best first. `deleting`: only SenML-ETCH says that (RFC 8790). */
export function compositeFormats(device: Registration, deleting = false): readonly number[] {
  const able = deleting ? [SENML_ETCH_CBOR, SENML_ETCH_JSON] : COMPOSITES
  const known = device.contentFormats.filter((format) => able.includes(format))
  return [...new Set([...known, ...able])]
}

/** The format that answers a composite request said in `format`: ETCH says requests only. */
export function compositeAccept(format: number): number {
  if (format === SENML_ETCH_CBOR) return SENML_CBOR
  if (format === SENML_ETCH_JSON) return SENML_JSON
  return format
}
