import { CodedError } from '../../src/base/coded-error'
import { formatCode } from '../../src/coap/codes'
import { formatName } from '../../src/lwm2m/formats'
import { Level, Path } from '../../src/lwm2m/path'
import { parseValue } from '../../src/lwm2m/values'
import type { Lwm2mServer } from '../../src/server/lwm2m-server'
import type { OperationResult, WriteInput } from '../../src/server/types'
import { resourceLookup } from '../shared/messages/names'
import type { RequestBody, RequestOutcome } from './contract'
import { valueInfos } from './values'

/** A dialog does not wait longer than this, nor does a request queue up for a sleeping device. */
const TIMEOUT = 20_000

function writeInput(engine: Lwm2mServer, endpoint: string, body: RequestBody): WriteInput {
  const { value } = body
  if (value === undefined || value === null) {
    throw new CodedError('invalid-argument', 'a value to write is missing')
  }
  const path = Path.parse(body.path)
  const definition = resourceLookup(engine.model, engine.registrations.get(endpoint))(path)
  if (typeof value === 'string' && definition !== undefined && path.level >= Level.RESOURCE) {
    return parseValue(value, definition.type)
  }
  return value as WriteInput
}

function carryOut(
  engine: Lwm2mServer,
  endpoint: string,
  body: RequestBody,
): Promise<OperationResult> {
  const { operation, path } = body
  const options = { timeout: TIMEOUT, ttl: 0 }
  switch (operation) {
    case 'read':
      return engine.read(endpoint, path, options)
    case 'write':
      return engine.write(endpoint, path, writeInput(engine, endpoint, body), options)
    case 'execute':
      return engine.execute(endpoint, path, String(body.value ?? ''), options)
    case 'discover':
      return engine.discover(endpoint, path, options)
    case 'write-attributes':
      return engine.writeAttributes(endpoint, path, (body.value ?? {}) as object, options)
    case 'create':
      return engine.create(endpoint, path, (body.value ?? {}) as WriteInput, options)
    case 'delete':
      return engine.delete(endpoint, path, options)
    default:
      throw new CodedError('invalid-argument', `there is no operation ${JSON.stringify(operation)}`)
  }
}

/** Carries out what a dialog or the sidebar asked for. @throws CodedError */
export async function request(
  engine: Lwm2mServer,
  endpoint: string,
  body: RequestBody,
): Promise<RequestOutcome> {
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
