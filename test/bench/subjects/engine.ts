import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { Lwm2mServerOptions } from '../../../src/server/options'
import { inParallel, type Subject } from './subject'

/** The engine as a script would use it; by default with CoAP and without a store. */
export async function engineSubject(options: Lwm2mServerOptions = {}): Promise<Subject> {
  const server = new Lwm2mServer({
    coap: { port: 0 },
    // All load comes from one address.
    budgets: { registersPerMinute: 1e9 },
    ...options,
  })
  await server.start()
  const subject = {
    port: (server.addresses.coap ?? server.addresses.coaps)?.port ?? 0,
    count: 0,
    async observe(endpoints: readonly string[]): Promise<void> {
      await new Promise<void>((resolve, reject) => {
        server.observe(
          { target: '*', paths: ['/3303/0/5700'] },
          {
            onValue: () => subject.count++,
            onError: (_endpoint, error) => reject(error),
            onCount: (active) => {
              if (active === endpoints.length) resolve()
            },
          },
        )
      })
    },
    async read(
      endpoints: readonly string[],
      _ports: readonly number[],
      count: number,
      inFlight: number,
    ): Promise<void> {
      await inParallel(count, inFlight, async (index) => {
        await server.read(endpoints[index % endpoints.length] as string, '/3303/0/5700')
        subject.count++
      })
    },
    figures: () => ({ associations: server.statistics.dtls?.associations ?? 0 }),
  }
  server.on('registered', () => subject.count++)
  server.on('updated', () => subject.count++)
  return subject
}
