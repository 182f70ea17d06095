import { Code } from '../../coap/codes'
import type { CoapReply, CoapRequest } from '../../coap/types'
import {
  AttributeError,
  checkAttributes,
  parseAttributeQuery,
  type AttributeSet,
} from '../../lwm2m/attributes'
import { ExecuteArgumentError, parseExecuteArguments } from '../../lwm2m/execute-arguments'
import { ContentFormat } from '../../lwm2m/formats/codec'
import { Level, type Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Arguments } from '../behaviours/behaviour'
import type { AttributeStore } from '../reporting/attribute-store'
import type { ObservationRequest, Observations } from '../reporting/observations'
import { Right, type AccessControl } from './access-control'
import { compositePaths, writeComposite } from './composite'
import { requestPath, type DeviceContext } from './device-context'
import { discover } from './discover'
import { create, remove } from './instances'
import { compositeRecords, compositeReply, contentReply, readRecords, visibleRecords } from './read'
import { Refusal } from './refusal'
import { write } from './write'

/** Called after operations of a server. */
export interface DeviceListener {
  onWritten(path: Path, records: readonly Record[]): void
  onExecuted(path: Path, args: Arguments): void
  onCreated(path: Path): void
  onDeleted(path: Path): void
  onObserved(paths: readonly Path[]): void
}

/**
 * The device management and information reporting interfaces for one server (Core §6.3, §6.4): maps
 * requests to operations, and refusals to response codes.
 */
export class DeviceInterface {
  constructor(
    private readonly context: DeviceContext,
    private readonly access: AccessControl,
    private readonly attributes: AttributeStore,
    private readonly observations: Observations,
    private readonly listener: DeviceListener,
  ) {}

  handle(request: CoapRequest): CoapReply {
    try {
      return this.dispatch(request)
    } catch (error) {
      if (error instanceof Refusal) return error.toReply()
      const message = error instanceof Error ? error.message : String(error)
      this.context.warn('operation-failed', message)
      return { code: Code.INTERNAL_SERVER_ERROR }
    }
  }

  private dispatch(request: CoapRequest): CoapReply {
    const path = requestPath(this.context, request)
    switch (request.code) {
      case Code.GET:
        return this.get(request, path)
      case Code.PUT:
        return this.put(request, path)
      case Code.POST:
        return this.post(request, path)
      case Code.DELETE: {
        const reply = remove(this.context, this.access, path)
        this.attributes.forget(path)
        this.listener.onDeleted(path)
        return reply
      }
      case Code.FETCH:
        return this.fetch(request, path)
      case Code.IPATCH: {
        this.requireRoot(path)
        const { reply, records } = writeComposite(this.context, this.access, request, path)
        this.tellWritten(path, records)
        return reply
      }
      default:
        throw new Refusal(Code.METHOD_NOT_ALLOWED)
    }
  }

  private get(request: CoapRequest, path: Path): CoapReply {
    if (request.accept === ContentFormat.LINK) {
      return discover(this.context, this.access, this.attributes, request, path)
    }
    if (request.observe === 1) request.cancelObservation()
    const records = readRecords(this.context, this.access, path)
    const reply = contentReply(this.context, path, records, request.accept)
    if (request.observe === 0) {
      this.observe(request, { paths: [path], composite: false, reply }, [records])
    }
    return reply
  }

  /** Composite operations address the root, or that of an end device (Core §6.3.7). */
  private requireRoot(path: Path): void {
    if (path.level !== Level.ROOT) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    if (!this.context.tree.hasPrefix(path.prefix)) throw new Refusal(Code.NOT_FOUND)
  }

  private fetch(request: CoapRequest, path: Path): CoapReply {
    this.requireRoot(path)
    if (request.observe === 1) request.cancelObservation()
    const paths = compositePaths(this.context, request, path)
    const records = compositeRecords(this.context, this.access, paths)
    const reply = compositeReply(this.context, path, records, request.accept)
    if (request.observe === 0) {
      const samples = paths.map((each) => visibleRecords(this.context, this.access, each))
      this.observe(request, { paths, composite: true, reply }, samples)
    }
    return reply
  }

  private observe(
    request: CoapRequest,
    what: { paths: readonly Path[]; composite: boolean; reply: CoapReply },
    samples: readonly (readonly Record[])[],
  ): void {
    const observed: ObservationRequest = {
      paths: what.paths,
      composite: what.composite,
      format: what.reply.contentFormat,
      attributes: this.queryAttributes(request),
    }
    // If the limit is reached, the response has no Observe option: not observed (RFC 7641 §4.1).
    if (this.observations.full) return
    this.observations.add(request, observed, samples)
    this.listener.onObserved(what.paths)
  }

  /** Attributes in the query of the observation itself (Core 1.2 §6.4.1). @throws Refusal 4.00 */
  private queryAttributes(request: CoapRequest): AttributeSet {
    if (request.query.length === 0) return {}
    const { version } = this.context
    return this.refusing(() => {
      const attributes = parseAttributeQuery(request.query)
      checkAttributes(attributes, { version })
      return attributes
    })
  }

  private put(request: CoapRequest, path: Path): CoapReply {
    const attributes = request.payload.length === 0 && request.contentFormat === undefined
    if (attributes) return this.writeAttributes(request, path)
    const { reply, records } = write(this.context, this.access, request, path, 'replace')
    this.tellWritten(path, records)
    return reply
  }

  /** Write-Attributes (Core §6.3.4). */
  private writeAttributes(request: CoapRequest, path: Path): CoapReply {
    if (path.level === Level.ROOT) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    this.requireThere(path)
    if (request.query.length === 0) throw new Refusal(Code.BAD_REQUEST, 'no attributes')
    const { version } = this.context
    this.refusing(() => {
      const changes = parseAttributeQuery(request.query)
      checkAttributes(changes, { version, level: path.level })
      this.attributes.write(path, changes, (effective) => checkAttributes(effective, { version }))
    })
    this.observations.rulesChanged()
    return { code: Code.CHANGED }
  }

  /** @throws Refusal 4.01, 4.04 */
  private requireThere(path: Path): void {
    const place = this.context.tree.place(path)
    const there =
      place !== undefined &&
      (path.level < Level.INSTANCE || place.instance !== undefined) &&
      (path.level < Level.RESOURCE || place.resource !== undefined) &&
      (path.resourceInstance === undefined ||
        place.resource?.instance(path.resourceInstance) !== undefined)
    if (!there) throw new Refusal(Code.NOT_FOUND)
    this.access.require(path, Right.READ)
  }

  /** Invalid attributes are a bad request. @throws Refusal 4.00 */
  private refusing<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof AttributeError) throw new Refusal(Code.BAD_REQUEST, error.message)
      throw error
    }
  }

  private post(request: CoapRequest, path: Path): CoapReply {
    if (path.level === Level.OBJECT) {
      const created = create(this.context, this.access, request, path)
      this.listener.onCreated(created.path)
      return created.reply
    }
    if (path.level === Level.RESOURCE && this.isExecutable(path)) return this.execute(request, path)
    const { reply, records } = write(this.context, this.access, request, path, 'update')
    this.tellWritten(path, records)
    return reply
  }

  private isExecutable(path: Path): boolean {
    const place = this.context.tree.place(path)
    if (place?.instance === undefined) throw new Refusal(Code.NOT_FOUND)
    const definition = place.resource?.definition ?? place.object.resource(path.resource as number)
    // POST on a resource is Execute, except on a multiple one, which it updates (Core 1.2 §6.3.3).
    return definition === undefined || !definition.multiple
  }

  /** Execute (Core §6.3.5 of 1.0, §6.3.9). */
  private execute(request: CoapRequest, path: Path): CoapReply {
    const resource = this.context.tree.place(path)?.resource
    if (resource === undefined) throw new Refusal(Code.NOT_FOUND)
    this.access.require(path, Right.EXECUTE)
    if (!resource.executable) throw new Refusal(Code.METHOD_NOT_ALLOWED)
    const format = request.contentFormat
    if (format !== undefined && format !== ContentFormat.TEXT) {
      throw new Refusal(Code.UNSUPPORTED_CONTENT_FORMAT)
    }
    const args = this.arguments(request)
    const after: (() => void)[] = []
    for (const behaviour of this.context.behaviours.of(path)) {
      const then = behaviour.execute?.(path, args)
      if (then !== undefined) after.push(then)
    }
    this.listener.onExecuted(path, args)
    return { code: Code.CHANGED, onSent: () => after.forEach((then) => then()) }
  }

  private arguments(request: CoapRequest): Arguments {
    try {
      return parseExecuteArguments(request.payload.toString('utf8'))
    } catch (error) {
      if (error instanceof ExecuteArgumentError) throw new Refusal(Code.BAD_REQUEST, error.message)
      throw error
    }
  }

  private tellWritten(path: Path, records: readonly Record[]): void {
    for (const object of new Set(records.map((record) => record.path.object))) {
      const own = records.filter((record) => record.path.object === object)
      const first = own[0]
      if (first === undefined) continue
      for (const behaviour of this.context.behaviours.of(first.path)) behaviour.written?.(own)
    }
    this.listener.onWritten(path, records)
  }
}
