import type { Lwm2mServer, ObjectModel, Registration } from '../../src'
import type { DeviceDetail, DeviceInfo, DeviceList, DeviceObject, PendingInfo } from './contract'

/** More waiting requests than this are counted, not listed. */
const MAX_PENDING = 100

/** More devices than this are not listed at once; the list says how many there are. */
const MAX_LISTED = 500

/** What the editor shows of a registration in a line. */
export function deviceInfo(engine: Lwm2mServer, registration: Registration): DeviceInfo {
  const { endpoint, state, lastSeen, expiresAt, version, peer } = registration
  const host = peer.address.includes(':') ? `[${peer.address}]` : peer.address
  return {
    endpoint,
    state,
    lastSeen,
    expiresAt,
    version,
    security: peer.identity.kind,
    address: `${peer.secure ? 'coaps' : 'coap'}://${host}:${peer.port}`,
    queued: engine.queued(endpoint).length,
  }
}

/** Devices whose endpoint name contains `search` (any case); those that begin with it come first. */
export function listDevices(engine: Lwm2mServer, search: string, limit: number): DeviceList {
  const wanted = search.toLowerCase()
  const most = Math.min(Math.max(limit, 1), MAX_LISTED)
  const first: Registration[] = []
  const rest: Registration[] = []
  let matching = 0
  for (const registration of engine.registrations) {
    const at = wanted === '' ? 0 : registration.endpoint.toLowerCase().indexOf(wanted)
    if (at < 0) continue
    matching++
    const found = at === 0 ? first : rest
    if (found.length < most) found.push(registration)
  }
  return {
    devices: [...first, ...rest]
      .slice(0, most)
      .map((registration) => deviceInfo(engine, registration)),
    matching,
    total: engine.registrations.size,
  }
}

function deviceObjects(registration: Registration, model: ObjectModel): DeviceObject[] {
  return registration.objects.map(({ id, prefix = '', version, instances }) => {
    const name = model.object(id, version)?.name
    return {
      id,
      prefix,
      ...(version === undefined ? {} : { version }),
      ...(name === undefined ? {} : { name }),
      instances,
    }
  })
}

function pending(engine: Lwm2mServer, endpoint: string): PendingInfo[] {
  return engine
    .queued(endpoint)
    .slice(0, MAX_PENDING)
    .map(({ operation, path, queuedAt, expiresAt }) => ({ operation, path, queuedAt, expiresAt }))
}

/** Everything about one device but its values. */
export function deviceDetail(engine: Lwm2mServer, registration: Registration): DeviceDetail {
  const { lifetime, binding, queueMode, registeredAt, updatedAt } = registration
  return {
    ...deviceInfo(engine, registration),
    lifetime,
    binding,
    queueMode,
    registeredAt,
    updatedAt,
    objects: deviceObjects(registration, engine.model),
    pending: pending(engine, registration.endpoint),
  }
}
