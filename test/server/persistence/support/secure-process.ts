/**
 * A CoAPS server in a process of its own, to be killed: `secure-process <folder> <port> <key>`. Tells
 * the state of its device, and reads it when it gets a message.
 */
import { CredentialStore } from '../../../../src/server/credentials/credential-store'
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import { DiskStore } from '../../../../src/storage/disk-store'

export type SecureReport =
  | { readonly name: 'started'; readonly port: number; readonly state: string | undefined }
  | { readonly name: 'registered' | 'queued' }
  | { readonly name: 'completed'; readonly data: unknown; readonly value: unknown }

const [, , folder = '', port = '0', key = ''] = process.argv

async function main(): Promise<void> {
  const report = (what: SecureReport): void => void process.send?.(what)
  const credentials = new CredentialStore()
  await credentials.setList([{ endpoint: 'dev', identity: 'dev', key }])
  const server = new Lwm2mServer({
    coaps: { host: '127.0.0.1', port: Number(port) },
    credentials,
    store: new DiskStore(folder),
  })
  server.on('registered', () => report({ name: 'registered' }))
  server.on('completed', ({ data }, outcome) => {
    const value = 'result' in outcome ? outcome.result.records[0]?.value : String(outcome.error)
    report({ name: 'completed', data, value })
  })
  process.on('message', (data) => {
    const onQueued = (): void => report({ name: 'queued' })
    server.read('dev', '/3/0/9', { ticket: { origin: 'test', data }, onQueued }).catch(() => {})
  })
  process.on('disconnect', () => process.exit())
  const { coaps } = await server.start()
  const { state } = server.registrations.get('dev') ?? {}
  report({ name: 'started', port: coaps?.port ?? 0, state })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
