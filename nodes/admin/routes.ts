import { pipeline } from 'node:stream/promises'
import type { Request, RequestHandler, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { detach } from '../../src/base/guard'
import { CodedError } from '../../src/base/coded-error'
import type { ErrorCode } from '../../src/base/codes'
import { type Lwm2mServer, builtinModel } from '../../src'
import { quoteName } from '../../src/internal'
import { type StoreCopy, exportLines } from '../../src/storage'
import type { ApiError, ServerInfo, WatchBody } from './contract'
import { ArgumentError } from '../shared/messages/fields'
import { reachableUris } from '../shared/server/addresses'
import { deviceDetail, listDevices } from './devices'
import type { ManagedServer, ServerDirectory, StoreRescue } from './directory'
import { listObjects, objectInfo, searchModel } from './model-info'
import { request } from './requests'
import { TrafficLog } from './traffic-log'
import { Watches } from './watches'

/** Answered with an HTTP status of its own. */
class HttpError extends CodedError {
  constructor(
    readonly status: number,
    code: ErrorCode,
    message: string,
  ) {
    super(code, message)
  }
}

function serverInfo(server: ManagedServer): ServerInfo {
  const { id, name, state, error, engine, rescue } = server
  const { coap, coaps } = engine.addresses
  const addresses = [
    ...(coap === undefined ? [] : reachableUris('coap', coap)),
    ...(coaps === undefined ? [] : reachableUris('coaps', coaps)),
  ]
  const { size: devices } = engine.registrations
  return {
    ...{ id, name, state, devices, addresses },
    ...(error === undefined ? {} : { error }),
    ...(rescue === undefined ? {} : { storeActions: rescue.actions }),
  }
}

/** The name in a path. A browser would take `.` and `..` for folders: `~` before a name is not of it. */
function endpointName(req: Request): string {
  return text(req.params['endpoint']).replace(/^~/, '')
}

/** The JSON object of a request. @throws HttpError */
function bodyOf(req: Request): { readonly [property: string]: unknown } {
  const body: unknown = req.body
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as { readonly [property: string]: unknown }
  }
  throw new HttpError(400, 'invalid-argument', 'the body must be a JSON object')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown, fallback: number): number {
  const found = Number(text(value))
  return text(value) !== '' && Number.isFinite(found) ? found : fallback
}

/** @throws HttpError */
function watchOf({ watcher, paths }: { readonly [property: string]: unknown }): WatchBody {
  if (typeof watcher === 'string' && watcher !== '' && Array.isArray(paths)) {
    const texts = paths.filter((path): path is string => typeof path === 'string')
    if (texts.length === paths.length) return { watcher, paths: texts }
  }
  throw new HttpError(
    400,
    'invalid-argument',
    '"watcher" must be text and "paths" an array of text',
  )
}

/** Runs a handler; whatever it throws becomes a status and an {@link ApiError}. */
function answering(handler: (req: Request) => unknown): RequestHandler {
  return (req, res) => {
    // An answer that is no JSON is refused, too.
    const answered = Promise.resolve(req)
      .then(handler)
      .then((answer) => res.json(answer))
    detach(answered, (error) => refuse(res, error))
  }
}

function refuse(res: Response, error: unknown): void {
  const known = error instanceof CodedError
  const body: ApiError = {
    code: known ? error.code : 'internal',
    message: error instanceof Error ? error.message : String(error),
  }
  res.status(statusOf(error)).json(body)
}

/** What an export of a store shows; credentials, bootstrap configurations and DTLS sessions are secret. */
const EXPORTED = new Set(['registration', 'profile', 'relation', 'queue', 'awake', 'node'])

/** The lines of a store; its copy is removed with the last one. */
async function* storeLines(copy: StoreCopy): AsyncGenerator<string> {
  try {
    yield* exportLines(copy, EXPORTED)
  } finally {
    await copy.remove()
  }
}

/** 400 for a request that is wrong in itself, 422 for one that could not be carried out. */
function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status
  if (error instanceof ArgumentError) return 400
  return error instanceof CodedError ? 422 : 500
}

/** The admin HTTP API of all servers; see `contract.ts`. */
export class AdminApi {
  private readonly watches = new Watches()
  private readonly logs = new WeakMap<Lwm2mServer, TrafficLog>()

  constructor(private readonly servers: ServerDirectory) {}

  /** Adds the routes, each under its permission. Call once per runtime. */
  register(RED: NodeAPI): void {
    const read = RED.auth.needsPermission('lwm2m-server.read')
    const write = RED.auth.needsPermission('lwm2m-server.write')
    const get = (path: string, handler: (req: Request) => unknown): void => {
      RED.httpAdmin.get(`/lwm2m/${path}`, read, answering(handler))
    }
    const post = (path: string, handler: (req: Request) => unknown): void => {
      RED.httpAdmin.post(`/lwm2m/${path}`, write, answering(handler))
    }

    get('servers', () => this.servers.list().map(serverInfo))
    get(':server/devices', (req) =>
      listDevices(this.engine(req), text(req.query['q']), number(req.query['limit'], 50)),
    )
    get(':server/devices/:endpoint', (req) => {
      const engine = this.engine(req)
      return deviceDetail(engine, this.registration(engine, req))
    })
    get(':server/model', (req) => listObjects(this.model(req)))
    get(':server/model/:object', (req) => {
      const version = text(req.query['version'])
      const id = number(req.params['object'], NaN)
      const found = objectInfo(this.model(req), id, version === '' ? undefined : version)
      if (found === undefined) throw new HttpError(404, 'unknown-object', `object ${id} is unknown`)
      return found
    })
    get(':server/statistics', (req) => this.engine(req).statistics)
    get(':server/search', (req) => searchModel(this.model(req), text(req.query['q'])))
    post(':server/devices/:endpoint/request', (req) =>
      request(this.engine(req), endpointName(req), bodyOf(req)),
    )
    post(':server/devices/:endpoint/watch', (req) => {
      const engine = this.engine(req)
      const { watcher, paths } = watchOf(bodyOf(req))
      return this.watches.set(watcher, engine, endpointName(req), paths)
    })
    get(':server/devices/:endpoint/values', (req) => {
      const updates = this.watches.poll(text(req.query['watcher']), number(req.query['since'], 0))
      if (updates === undefined)
        throw new HttpError(404, 'unknown-watcher', 'the watch has expired')
      return updates
    })
    post(':server/store/repair', (req) => this.rescue(req).repair())
    post(':server/store/empty', (req) => this.rescue(req).empty())
    RED.httpAdmin.post('/lwm2m/:server/store/export', write, (req, res) => {
      const id = text(req.params['server']).replace(/[^\w.-]+/g, '_')
      const exported = async (): Promise<void> => {
        const copy = await this.rescue(req).export()
        res.attachment(`lwm2m-${id}-store.jsonl`).type('application/x-ndjson')
        // Where it fails (the client went away, a read failed) the response is destroyed.
        await pipeline(storeLines(copy), res).catch(() => undefined)
      }
      detach(exported(), (error) => refuse(res, error))
    })
    get(':server/traffic', (req) => {
      const endpoint = text(req.query['endpoint'])
      return this.log(this.engine(req)).page(
        number(req.query['since'], 0),
        endpoint === '' ? undefined : endpoint,
      )
    })
  }

  /** A server stops: whoever watched it has to ask the next one. */
  forget(engine: Lwm2mServer): void {
    this.watches.close(engine)
    this.logs.get(engine)?.close()
    this.logs.delete(engine)
  }

  private rescue(req: Request): StoreRescue {
    const rescue = this.servers.get(text(req.params['server']))?.rescue
    if (rescue !== undefined) return rescue
    throw new HttpError(409, 'invalid-argument', 'the store of this server is not damaged')
  }

  private engine(req: Request): Lwm2mServer {
    const server = this.servers.get(text(req.params['server']))
    if (server === undefined) {
      throw new HttpError(404, 'unknown-server', 'this server is not deployed (yet)')
    }
    return server.engine
  }

  /** The model of a deployed server; the built-in registry for `-` and for what is not deployed. */
  private model(req: Request): Lwm2mServer['model'] {
    return this.servers.get(text(req.params['server']))?.engine.model ?? builtinModel()
  }

  private registration(engine: Lwm2mServer, req: Request) {
    const endpoint = endpointName(req)
    const registration = engine.registrations.get(endpoint)
    if (registration === undefined) {
      throw new HttpError(404, 'unknown-endpoint', `${quoteName(endpoint)} is not registered`)
    }
    return registration
  }

  private log(engine: Lwm2mServer): TrafficLog {
    let log = this.logs.get(engine)
    if (log === undefined) this.logs.set(engine, (log = new TrafficLog(engine)))
    return log
  }
}
