import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import { DecodeError } from '../../lwm2m/formats/codec'
import { decodePaths, isCompositeFormat } from '../../lwm2m/formats/index'
import type { Path } from '../../lwm2m/path'
import { Level } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Right, type AccessControl } from './access-control'
import { codecContext, type DeviceContext } from './device-context'
import { Refusal } from './refusal'
import { commit, decodePayload, planWrite, validate } from './write'

/** Maximum number of paths in one composite request. */
const MOST_PATHS = 500

/** @throws Refusal 4.05 before 1.1, 4.15 */
function requireComposite(context: DeviceContext, request: CoapRequest): void {
  if (context.version === '1.0') throw new Refusal(Code.METHOD_NOT_ALLOWED)
  const format = request.contentFormat
  if (format === undefined || !isCompositeFormat(format) || !context.formats.includes(format)) {
    throw new Refusal(Code.UNSUPPORTED_CONTENT_FORMAT)
  }
}

/** The paths of a FETCH request (Core §6.3.7, §6.4.4). @throws Refusal 4.00, 4.05, 4.15 */
export function compositePaths(
  context: DeviceContext,
  request: CoapRequest,
  base: Path,
): readonly Path[] {
  requireComposite(context, request)
  try {
    const paths = decodePaths(
      request.contentFormat as number,
      request.payload,
      codecContext(context, base),
    )
    if (paths.length > MOST_PATHS) throw new Refusal(Code.BAD_REQUEST, 'too many paths')
    const outside = paths.find((path) => !base.contains(path))
    if (outside !== undefined) {
      throw new Refusal(Code.BAD_REQUEST, `${outside.toString()} is not within ${base.toString()}`)
    }
    return paths
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal(Code.BAD_REQUEST, error.message)
    throw error
  }
}

/**
 * Write-Composite (Core §6.3.8), all or nothing; a null deletes a resource instance (1.2).
 * @throws Refusal 4.00, 4.01, 4.04, 4.05, 4.15
 */
export function writeComposite(
  context: DeviceContext,
  access: AccessControl,
  request: CoapRequest,
  base: Path,
): { reply: CoapReply; records: Record[] } {
  requireComposite(context, request)
  const records = decodePayload(context, request, base)
  for (const { path } of records) {
    if (context.tree.place(path)?.instance === undefined) {
      throw new Refusal(Code.NOT_FOUND, `${path.toString()} does not exist`)
    }
    access.require(path.at(Level.INSTANCE), Right.WRITE)
  }
  const changes = planWrite(context, base, records, 'update')
  validate(context, records)
  commit(context, changes)
  return { reply: { code: Code.CHANGED }, records }
}
