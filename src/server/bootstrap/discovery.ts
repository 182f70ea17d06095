import { parseBootstrapInventory } from '../../lwm2m/object-links'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { Level } from '../../lwm2m/path'
import type { DeviceState, DiscoveredSecurity } from './device-state'

/**
 * Reads the answer to Bootstrap-Discover (Core §6.1.7.2).
 * @throws LinkFormatError
 */
export function readDiscovery(payload: Uint8Array): DeviceState {
  const inventory = parseBootstrapInventory(payload)
  const objects = new Map<number, number[]>()
  const security: DiscoveredSecurity[] = []
  const servers = new Map<number, number>()
  for (const { path, shortServerId } of inventory.links) {
    const { object, instance } = path
    if (object === undefined || path.prefix !== '') continue
    const instances = objects.get(object) ?? []
    objects.set(object, instances)
    if (instance === undefined || path.level !== Level.INSTANCE || instances.includes(instance)) {
      continue
    }
    instances.push(instance)
    if (object === ObjectId.SECURITY)
      security.push({ instance, shortServerId: serverId(shortServerId) })
    const server = serverId(shortServerId)
    if (object === ObjectId.SERVER && server !== undefined) servers.set(server, instance)
  }
  return { version: inventory.lwm2mVersion, objects, security, servers }
}

/** 0 and 65535 are reserved: some devices say them of the bootstrap account (Core E.1, resource 10). */
function serverId(said: number | undefined): number | undefined {
  return said === undefined || said === 0 || said === 65535 ? undefined : said
}
