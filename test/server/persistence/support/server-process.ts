/**
 * A server in a process of its own, to be killed: `server-process <folder> <port>`. Answers commands
 * that come as IPC messages.
 */
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import { DiskStore } from '../../../../src/storage/disk-store'

/** What the test asks for. */
export type Command =
  | { readonly name: 'state' }
  | { readonly name: 'queue'; readonly endpoint: string; readonly value: number }

/** What it is told. */
export type Report =
  | { readonly name: 'started'; readonly port: number }
  | { readonly name: 'queued'; readonly value: number }
  | { readonly name: 'observed'; readonly value: unknown }
  | {
      readonly name: 'state'
      readonly registrations: readonly { id: string; endpoint: string; lifetime: number }[]
      readonly queued: readonly number[]
    }

const [, , folder = '', port = '0'] = process.argv
// Devices of this test never wake: the window is over as soon as it opened.
const server = new Lwm2mServer({
  coap: { host: '127.0.0.1', port: Number(port) },
  store: new DiskStore(folder),
  awakeWindow: 1,
  queue: { maxLength: 10_000 },
})

const report = (what: Report): void => void process.send?.(what)

server.observe(
  { target: 'observed', paths: ['/3/0/9'] },
  { onValue: ({ records }) => report({ name: 'observed', value: records[0]?.value }) },
)

function stateNow(): Report {
  const registrations = server.registrations
    .list()
    .map(({ id, endpoint, lifetime }) => ({ id, endpoint, lifetime }))
  const queued = registrations.flatMap(({ endpoint }) =>
    server.queued(endpoint).map(({ path }) => Number(path.split('/')[2])),
  )
  return { name: 'state', registrations, queued }
}

process.on('message', (command: Command) => {
  if (command.name === 'state') {
    report(stateNow())
    return
  }
  const { endpoint, value } = command
  server
    .read(endpoint, `/3/${value}`, {
      ticket: { origin: 'test', data: value },
      onQueued: () => report({ name: 'queued', value }),
    })
    .catch(() => {})
})
process.on('disconnect', () => process.exit(0))

void server.start().then(({ coap }) => report({ name: 'started', port: coap?.port ?? 0 }))
