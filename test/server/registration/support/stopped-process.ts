/** A server in a process of its own, which reports its port and what happens to registrations. */
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'

export type StoppedReport =
  { readonly port: number } | { readonly event: 'updated' | 'expired'; readonly endpoint: string }

const report = (message: StoppedReport): void => void process.send?.(message)

async function main(): Promise<void> {
  const server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 }, lifetime: { min: 0 } })
  server.on('updated', ({ endpoint }) => report({ event: 'updated', endpoint }))
  server.on('expired', ({ endpoint }) => report({ event: 'expired', endpoint }))
  const { coap } = await server.start()
  report({ port: coap?.port ?? 0 })
}

process.on('disconnect', () => process.exit())
main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
