import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { LoopDelay } from './loop-delay'
import type { Subject } from './subject'

/** The engine with queue-mode devices that it has a read for, each. */
export async function sleepersSubject(): Promise<Subject> {
  const server = new Lwm2mServer({ coap: { port: 0 }, awakeWindow: 500 })
  await server.start()
  let delay = new LoopDelay()
  let firstWake = 0
  let lastRead = 0
  server.on('updated', () => {
    if (firstWake === 0) {
      firstWake = performance.now()
      delay = new LoopDelay()
    }
  })
  const subject = {
    port: server.addresses.coap?.port ?? 0,
    count: 0,
    async queue(endpoints: readonly string[]): Promise<void> {
      while (server.statistics.asleep < endpoints.length) {
        await new Promise((resolve) => server.once('asleep', resolve))
      }
      await Promise.all(
        endpoints.map(
          (endpoint) =>
            new Promise<void>((resolve, reject) => {
              server.read(endpoint, '/3303/0/5700', { onQueued: resolve }).then(() => {
                subject.count++
                lastRead = performance.now()
              }, reject)
            }),
        ),
      )
    },
    figures: () => ({ milliseconds: lastRead - firstWake, p99: delay.stop().p99 }),
  }
  return subject
}
