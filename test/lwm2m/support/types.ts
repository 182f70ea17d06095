import type { CodecContext } from '../../../src/lwm2m/formats/codec'
import type { ResourceDefinition } from '../../../src/lwm2m/model/definition'
import { Path } from '../../../src/lwm2m/path'
import type { ResourceType } from '../../../src/lwm2m/value'

/** Every type that has values. */
export const TYPES: readonly ResourceType[] = [
  'String',
  'Integer',
  'Unsigned Integer',
  'Float',
  'Boolean',
  'Opaque',
  'Time',
  'Objlnk',
  'Corelnk',
]

/** Resources below this id are single, those from it on multiple; both in the order of {@link TYPES}. */
export const FIRST_MULTIPLE = 300

/** The id of the resource of a type. 300 and more make 16-bit ids in TLV. */
export function resourceId(type: ResourceType, multiple = false): number {
  return TYPES.indexOf(type) + (multiple ? FIRST_MULTIPLE : 0)
}

/** An object with one single and one multiple resource of every type. */
export function typedResource(path: Path): ResourceDefinition | undefined {
  const id = path.resource ?? -1
  const multiple = id >= FIRST_MULTIPLE
  const type = TYPES[multiple ? id - FIRST_MULTIPLE : id]
  if (type === undefined) return undefined
  return { id, name: type, type, operations: 'RW', multiple, mandatory: false }
}

/** A context that keeps the warnings. */
export function typedContext(
  base: Path | string,
  extra: Partial<CodecContext> = {},
): CodecContext & { readonly warnings: string[] } {
  const warnings: string[] = []
  return {
    base: Path.from(base),
    resource: typedResource,
    now: 1_700_000_000_000,
    warn: (message) => warnings.push(message),
    ...extra,
    warnings,
  }
}
