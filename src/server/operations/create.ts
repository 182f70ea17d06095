import { Code } from '../../coap/codes'
import type { CoapResponse } from '../../coap/types'
import { canEncode, decode, encode } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, MAX_ID, Path, PathError } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Registration, WriteInput } from '../types'
import { writeFormats } from './content-format'
import { pathFromLocation, uriPath } from './device-path'
import { type DeviceRequest, MillisecondNotes } from './device-request'
import type { Operation, OperationContext } from './operation'
import { invalidArgument, requirePath } from './preconditions'
import { registeredObject } from './resource-lookup'
import { codecContext, refusesContentFormat, requireSuccess } from './response'
import { encodeFirst } from './write'
import { writeRecords } from './write-records'

const NOTHING = Buffer.alloc(0)

/** The lowest instance id that the device has not registered. */
function freeInstance(object: Path, device: Registration): Path {
  const taken = new Set(registeredObject(device, object)?.instances)
  let id = 0
  while (taken.has(id)) id++
  if (id >= MAX_ID) throw invalidArgument(`${object.toString()} has no instance id left`)
  return object.child(id)
}

/** `records` of one instance, moved to another. */
function moved(records: readonly Record[], instance: Path): Record[] {
  return records.map((record) => ({
    ...record,
    path: new Path([...instance.ids, ...record.path.ids.slice(Level.INSTANCE)], instance.prefix),
  }))
}

/** TLV of an instance without resources: type 00, the id, length 0 (Core §7.4.3). */
function emptyInstance(id: number): Buffer {
  return id < 256 ? Buffer.from([0x00, id]) : Buffer.from([0x20, id >> 8, id & 0xff])
}

/** The instance that a request creates; `undefined` when its id is left to the device. */
function requestedInstance(request: DeviceRequest): Path | undefined {
  const path = Path.parse(request.path)
  return path.level === Level.INSTANCE ? path : undefined
}

/** Where the new instance is, as the device says, else as it was asked for. */
function createdInstance(
  request: DeviceRequest,
  response: CoapResponse,
  device: Registration,
  context: OperationContext,
): Path | undefined {
  if (response.locationPath.length === 0) return requestedInstance(request)
  try {
    return pathFromLocation(response.locationPath, device)
  } catch (error) {
    if (!(error instanceof PathError)) throw error
    // The instance is there all the same.
    context.warn({
      code: 'value',
      message: `Create was answered with a location that is not a path: ${error.message}`,
      endpoint: device.endpoint,
      path: Path.parse(request.path),
    })
    return requestedInstance(request)
  }
}

/**
 * Create (Core §6.3.6): POST to the object, the instance id in the payload, or left to the device.
 * Only TLV can leave it out (its resources then stand without an instance around them); where the
 * device does not take TLV, the server picks an id that is free.
 */
export const createOperation: Operation<{
  readonly path: Path | string
  readonly value?: WriteInput
}> = {
  build(input, device, context) {
    const path = requirePath(input.path, device, 'Create', [Level.OBJECT, Level.INSTANCE])
    const object = path.at(Level.OBJECT)
    const chosen = context.format
    const known = device.contentFormats
    const set = chosen ?? context.deviceFormat?.(device.endpoint) ?? 'none'
    const takesTlv =
      set === 'none'
        ? known.length === 0 || known.includes(ContentFormat.TLV)
        : set === ContentFormat.TLV
    const leaveId = path.level === Level.OBJECT && takesTlv
    let instance = path
    if (path.level === Level.OBJECT) {
      instance = leaveId ? object.child(0) : freeInstance(object, device)
    }
    const notes = new MillisecondNotes()
    const records = writeRecords(input.value ?? {}, instance, device, context.model, notes.add)
    const said = (format: number, payload: Buffer): DeviceRequest => ({
      operation: 'create',
      path: (leaveId ? object : instance).toString(),
      init: { code: Code.POST, path: uriPath(object, device), contentFormat: format, payload },
      ...(chosen === undefined ? {} : { formatChosen: true }),
      ...notes.member,
    })
    if (records.length === 0) {
      if (!takesTlv) {
        throw invalidArgument('only TLV can say an instance without resources: give one a value')
      }
      return said(ContentFormat.TLV, leaveId ? NOTHING : emptyInstance(instance.instance ?? 0))
    }
    if (leaveId) {
      const codec = codecContext(instance, device, context)
      return said(ContentFormat.TLV, encode(ContentFormat.TLV, records, codec))
    }
    const formats = writeFormats(records, object, device, context)
    const { format, payload } = encodeFirst(formats, records, object, device, context)
    return said(format, payload)
  },

  interpret(request, response, device, context) {
    requireSuccess(response, `Create ${request.path}`, device)
    const location = createdInstance(request, response, device, context)
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: response.contentFormat,
      records: [],
      ...(location === undefined ? {} : { location }),
    }
  },

  fallback(
    request: DeviceRequest,
    response: CoapResponse,
    device: Registration,
    context: OperationContext,
  ) {
    const { contentFormat, payload } = request.init
    if (request.formatChosen === true) return undefined
    if (contentFormat === undefined || !refusesContentFormat(response)) return undefined
    const object = Path.parse(request.path).at(Level.OBJECT)
    const given = requestedInstance(request)
    const instance = given ?? freeInstance(object, device)
    const decodeBase = given === undefined ? object.child(0) : object
    const asked = decode(
      contentFormat,
      payload ?? NOTHING,
      codecContext(decodeBase, device, context),
    )
    const records = given === undefined ? moved(asked, instance) : asked
    const format = writeFormats(records, object, device, context).find(
      (candidate) => candidate !== contentFormat && canEncode(candidate, records, object),
    )
    if (format === undefined || records.length === 0) return undefined
    return {
      ...request,
      path: instance.toString(),
      init: {
        ...request.init,
        contentFormat: format,
        payload: encode(format, records, codecContext(object, device, context)),
      },
    }
  },
}
