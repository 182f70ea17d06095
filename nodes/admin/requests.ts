import {
  Lwm2mPath as Path,
  type Lwm2mServer,
  type OperationResult,
  type WriteInput,
  formatCode,
  formatName,
} from '../../src'
import { Level, parseValue } from '../../src/internal'
import { attributeSet, executeArguments, writeInput } from '../shared/actions/write-input'
import { ArgumentError } from '../shared/messages/fields'
import { resourceLookup } from '../shared/messages/names'
import type { RequestBody, RequestOutcome } from './contract'
import { valueInfos } from './values'

/** A dialog does not wait longer than this, nor does a request queue up for a sleeping device. */
const TIMEOUT = 20_000

/** Text for a typed resource is read by its type. @throws ArgumentError, PathError, ValueError */
function valueToWrite(
  engine: Lwm2mServer,
  endpoint: string,
  { path: text, value }: RequestBody,
): WriteInput {
  const path = Path.parse(text)
  const definition = resourceLookup(engine.model, engine.registrations.get(endpoint))(path)
  if (typeof value === 'string' && definition !== undefined && path.level >= Level.RESOURCE) {
    return parseValue(value, definition.type)
  }
  return writeInput(value)
}

function carryOut(
  engine: Lwm2mServer,
  endpoint: string,
  body: RequestBody,
): Promise<OperationResult> {
  const { operation, path, value } = body
  const options = { timeout: TIMEOUT, ttl: 0 }
  switch (operation) {
    case 'read':
      return engine.read(endpoint, path, options)
    case 'write':
      return engine.write(endpoint, path, valueToWrite(engine, endpoint, body), options)
    case 'execute':
      return engine.execute(endpoint, path, executeArguments(value), options)
    case 'discover':
      return engine.discover(endpoint, path, options)
    case 'write-attributes':
      return engine.writeAttributes(endpoint, path, attributeSet(value ?? {}), options)
    case 'create':
      return engine.create(endpoint, path, writeInput(value ?? {}), options)
    case 'delete':
      return engine.delete(endpoint, path, options)
  }
}

const OPERATIONS: readonly RequestBody['operation'][] = [
  'read',
  'write',
  'execute',
  'discover',
  'write-attributes',
  'create',
  'delete',
]

/** @throws ArgumentError */
function readBody(body: { readonly [property: string]: unknown }): RequestBody {
  const { path, value } = body
  const operation = OPERATIONS.find((name) => name === body['operation'])
  if (operation === undefined) {
    throw new ArgumentError(`"operation" must be one of ${OPERATIONS.join(', ')}`)
  }
  if (typeof path !== 'string') throw new ArgumentError('"path" must be text such as /3/0/9')
  return { operation, path, value }
}

/** Carries out what a dialog or the sidebar asked for. @throws ArgumentError, CodedError */
export async function request(
  engine: Lwm2mServer,
  endpoint: string,
  wanted: { readonly [property: string]: unknown },
): Promise<RequestOutcome> {
  const body = readBody(wanted)
  const start = performance.now()
  const result = await carryOut(engine, endpoint, body)
  const registration = engine.registrations.get(endpoint)
  const { code, format, links } = result
  return {
    code: formatCode(code),
    ...(format === undefined ? {} : { format: formatName(format) }),
    values: valueInfos(engine.model, registration, result, Date.now()),
    ...(links === undefined
      ? {}
      : {
          links: links.map((link) => ({
            path: link.path.toString(),
            attributes: Object.entries(link.attributes)
              .map(([name, value]) => (value === true ? name : `${name}=${value}`))
              .join(' '),
          })),
        }),
    duration: Math.round(performance.now() - start),
  }
}
