import { Code } from '../coap/codes'
import { encode, formatTraits, isPackFormat } from '../lwm2m/formats'
import { ServerResource } from '../lwm2m/objects/server'
import { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import { HIDDEN_OBJECTS, serverResource } from './accounts'
import type { VirtualDevice } from './device'
import { ClientError } from './errors'
import { expect } from './session/registration'
import type { ServerConnection } from './session/server-connection'
import type { SendResult } from './types'

/**
 * Collects the current values of paths, and records unchanged.
 * @throws ClientError `unknown-path`, PathError
 */
export function collect(
  device: VirtualDevice,
  what: readonly (Path | string | Record)[],
): readonly Record[] {
  const records: Record[] = []
  for (const item of what) {
    if (typeof item === 'object' && 'value' in item) {
      records.push(item)
      continue
    }
    const path = Path.from(item as Path | string)
    if (path.object !== undefined && HIDDEN_OBJECTS.has(path.object)) {
      throw new ClientError('unknown-path', `${path.toString()} cannot be sent`)
    }
    device.behaviours.refresh(path)
    const found = device.tree.records(path, (resource) => resource.readable)
    if (found.length === 0) {
      throw new ClientError('unknown-path', `nothing to send at ${path.toString()}`)
    }
    records.push(...found)
  }
  if (records.length === 0) throw new ClientError('unknown-path', 'nothing to send')
  return records
}

/**
 * LwM2M Send (Core §6.4.6) to one server.
 * @throws ClientError `muted`, `not-registered`, `unsupported`; ServerRejected; EncodeError
 */
export async function sendTo(
  device: VirtualDevice,
  connection: ServerConnection,
  formats: readonly number[],
  root: string,
  records: readonly Record[],
): Promise<SendResult> {
  const { account, registration } = connection
  if (registration === undefined) {
    throw new ClientError('not-registered', 'the device is not registered')
  }
  if (registration.version === '1.0') {
    throw new ClientError('unsupported', 'LwM2M 1.0 has no Send')
  }
  if (serverResource(device.tree, account, ServerResource.MUTE_SEND) === true) {
    throw new ClientError('muted', 'the server does not accept Sends (/1/x/23)')
  }
  const dated = records.some((record) => record.time !== undefined)
  const format = formats.find(
    (one) => isPackFormat(one) && (!dated || formatTraits(one)?.timed === true),
  )
  if (format === undefined) {
    throw new ClientError('unsupported', 'the server supports no format of Send')
  }
  const payload = encode(format, records, {
    base: Path.ROOT,
    root,
    resource: (path) => device.tree.definition(path),
  })
  const response = await connection.session.request({
    code: Code.POST,
    path: ['dp'],
    contentFormat: format,
    payload,
  })
  expect(response, Code.CHANGED, 'Send')
  return { shortServerId: account.shortServerId, code: response.code }
}
