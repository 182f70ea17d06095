import { Code } from '../../coap/codes'
import type { CoapReply } from '../../coap/types'
import { ContentFormat, EncodeError } from '../../lwm2m/formats/codec'
import { encode, isPackFormat, isValueFormat } from '../../lwm2m/formats/index'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Right, type AccessControl } from './access-control'
import { codecContext, type DeviceContext } from './device-context'
import { Refusal } from './refusal'

/**
 * The values at a path that a server may read (Core §6.3.2).
 * @throws Refusal 4.01, 4.04, 4.05
 */
export function readRecords(context: DeviceContext, access: AccessControl, path: Path): Record[] {
  if (path.level === Level.ROOT) throw new Refusal(Code.METHOD_NOT_ALLOWED)
  const place = context.tree.place(path)
  if (place === undefined || !access.visible(path)) throw new Refusal(Code.NOT_FOUND)
  if (path.level > Level.OBJECT) {
    if (place.instance === undefined) throw new Refusal(Code.NOT_FOUND)
    access.require(path, Right.READ)
  }
  if (path.level >= Level.RESOURCE) {
    const { resource } = place
    if (resource === undefined) throw new Refusal(Code.NOT_FOUND)
    if (!resource.readable) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    if (
      path.resourceInstance !== undefined &&
      resource.instance(path.resourceInstance) === undefined
    ) {
      throw new Refusal(Code.NOT_FOUND)
    }
    if (!resource.multiple && resource.size === 0) throw new Refusal(Code.NOT_FOUND)
  }
  return visibleRecords(context, access, path)
}

/** The readable values at a path; empty if it does not exist (composite reads, Core §6.3.7). */
export function visibleRecords(
  context: DeviceContext,
  access: AccessControl,
  path: Path,
): Record[] {
  context.behaviours.refresh(path)
  return context.tree.records(
    path,
    (resource, at) => resource.readable && access.allows(at, Right.READ),
  )
}

/**
 * Encodes values in the requested format, or in the most preferred one that can represent them.
 * @throws Refusal 4.06
 */
export function contentReply(
  context: DeviceContext,
  path: Path,
  records: readonly Record[],
  accept: number | undefined,
): CoapReply {
  for (const format of accept === undefined ? candidates(context, path) : [accept]) {
    if (!context.formats.includes(format) || !sayable(format, context, path)) continue
    try {
      const payload = encode(format, records, codecContext(context, path))
      return { code: Code.CONTENT, contentFormat: format, payload }
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
    }
  }
  throw new Refusal(Code.NOT_ACCEPTABLE)
}

/** Single-value formats need a path with one value; link-format is not a format for values. */
function sayable(format: number, context: DeviceContext, path: Path): boolean {
  if (format === ContentFormat.LINK) return false
  if (!isValueFormat(format)) return true
  if (path.level === Level.RESOURCE_INSTANCE) return true
  return path.level === Level.RESOURCE && context.tree.place(path)?.resource?.multiple === false
}

function candidates(context: DeviceContext, path: Path): readonly number[] {
  const general = context.formats.filter((format) => !isValueFormat(format))
  return path.level >= Level.RESOURCE ? [...general, ...context.formats] : general
}

/**
 * The reply to Read-Composite: the readable values of the paths, each once (Core §6.3.7).
 * @throws Refusal 4.06
 */
export function compositeReply(
  context: DeviceContext,
  base: Path,
  records: readonly Record[],
  accept: number | undefined,
): CoapReply {
  for (const format of accept === undefined ? context.formats : [accept]) {
    if (!context.formats.includes(format) || !isPackFormat(format)) continue
    try {
      const payload = encode(format, records, codecContext(context, base))
      return { code: Code.CONTENT, contentFormat: format, payload }
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
    }
  }
  throw new Refusal(Code.NOT_ACCEPTABLE)
}

/** The values of several paths, each once, in the requested order. */
export function compositeRecords(
  context: DeviceContext,
  access: AccessControl,
  paths: readonly Path[],
): Record[] {
  const seen = new Set<string>()
  const records: Record[] = []
  for (const path of paths) {
    for (const record of visibleRecords(context, access, path)) {
      const key = record.path.toString()
      if (seen.has(key)) continue
      seen.add(key)
      records.push(record)
    }
  }
  return records
}
