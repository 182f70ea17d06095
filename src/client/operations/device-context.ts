import type { Scheduler } from '../../base/scheduler'
import { Code } from '../../coap/codes'
import type { CoapRequest } from '../../coap/types'
import { formatsOf } from '../../lwm2m/formats'
import { ContentFormat, type CodecContext } from '../../lwm2m/formats/codec'
import { Path, PathError } from '../../lwm2m/path'
import type { Behaviours } from '../behaviours/behaviour'
import type { ObjectTree } from '../tree/object-tree'
import type { Lwm2mVersion } from '../types'
import { Refusal } from './refusal'

/** What the operations of one interface work on. */
export interface DeviceContext {
  readonly clock: Scheduler
  readonly tree: ObjectTree
  readonly behaviours: Behaviours
  /** The version of the registration. */
  readonly version: Lwm2mVersion
  /** Alternate root without outer slashes. */
  readonly root: string
  /** Supported Content-Formats, most preferred first. */
  readonly formats: readonly number[]
  readonly warn: (code: string, message: string) => void
}

/** Content-Formats supported by default (Core §7.4), most preferred first. */
export function defaultFormats(version: Lwm2mVersion): readonly number[] {
  const { TEXT, LINK, OCTET_STREAM, CBOR, SENML_JSON, SENML_CBOR, TLV, LWM2M_JSON } = ContentFormat
  const preferred: readonly number[] =
    version === '1.0'
      ? [TLV, LWM2M_JSON, TEXT, OCTET_STREAM, LINK]
      : [SENML_CBOR, SENML_JSON, TLV, CBOR, TEXT, OCTET_STREAM, LINK, LWM2M_JSON]
  // Those of later versions after them, compact ones first.
  const later = formatsOf(version).filter((format) => !preferred.includes(format))
  return [...preferred, ...later.sort((a, b) => b - a)]
}

/** The context of a codec for a request or reply at `base`. */
export function codecContext(context: DeviceContext, base: Path): CodecContext {
  return {
    base,
    root: context.root,
    resource: (path) => context.tree.definition(path),
    now: context.clock.now(),
    warn: (message, path) =>
      context.warn('value', path === undefined ? message : `${path.toString()}: ${message}`),
  }
}

/**
 * The path of a request, without the alternate root.
 * @throws Refusal 4.04 outside the root, 4.00 if it is not a path
 */
export function requestPath(context: DeviceContext, request: CoapRequest): Path {
  const root = context.root === '' ? [] : context.root.split('/')
  if (!root.every((segment, index) => request.path[index] === segment)) {
    throw new Refusal(Code.NOT_FOUND)
  }
  try {
    return Path.parse('/' + request.path.slice(root.length).join('/'))
  } catch (error) {
    if (error instanceof PathError) throw new Refusal(Code.BAD_REQUEST, error.message)
    throw error
  }
}
