import type { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { ServerNode } from '../../../nodes/shared/server/server-node'
import type { Flows } from './harness'

/** The engine of a server node, once it runs. */
export async function engineOf(flows: Flows, id = 'server'): Promise<Lwm2mServer> {
  const { host } = flows.node(id) as ServerNode
  return (await host.running()).server
}

/** Resolves when a device is registered. */
export async function registeredAt(flows: Flows, endpoint: string, id = 'server'): Promise<void> {
  const server = await engineOf(flows, id)
  if (server.registrations.get(endpoint) !== undefined) return
  await new Promise<void>((resolve) => {
    const stop = server.on('registered', (registration) => {
      if (registration.endpoint !== endpoint) return
      stop()
      resolve()
    })
  })
}

/** The client behind a virtual device node. */
export function clientOf(flows: Flows, endpoint: string): Lwm2mClient {
  return (flows.node(`device-${endpoint}`) as unknown as { client: Lwm2mClient }).client
}

/** Resolves when a virtual device knows that it is registered. */
export async function deviceRegistered(flows: Flows, endpoint: string): Promise<void> {
  const client = clientOf(flows, endpoint)
  if (client.registrations.length > 0) return
  await new Promise((resolve) => client.once('registered', resolve))
}

/** The values that a virtual device node has now, by path. */
export function valuesOf(
  flows: Flows,
  endpoint: string,
  path: string,
): { [path: string]: unknown } {
  const client = clientOf(flows, endpoint)
  return Object.fromEntries(
    client.records(path).map((record) => [String(record.path), record.value]),
  )
}
