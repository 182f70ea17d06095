/**
 * The process under measurement: started by `bench-process.ts`, pinned to one core, commanded over
 * IPC. One kind per process: a raw socket, the engine, or the same work on the `coap` package.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Subject } from './subjects/subject'

/** A raw socket: what no work on datagrams can be faster than. */
async function rawSubject(
  answer: (socket: Socket, datagram: Buffer, from: RemoteInfo) => void,
): Promise<Subject> {
  const socket = createSocket({ type: 'udp6', ipv6Only: false, recvBufferSize: 4 << 20 })
  const subject = { port: 0, count: 0 }
  socket.on('message', (datagram, from) => {
    subject.count++
    answer(socket, datagram, from)
  })
  await new Promise<void>((resolve) => socket.bind(0, resolve))
  subject.port = socket.address().port
  return subject
}

/** Each loads what it needs alone. */
const kinds: { [kind: string]: () => Promise<Subject> } = {
  echo: () =>
    rawSubject((socket, datagram, from) => socket.send(datagram, from.port, from.address)),
  sink: () => rawSubject(() => {}),
  engine: async () => (await import('./subjects/engine')).engineSubject(),
  'coap-package': async () => (await import('./subjects/coap-package')).coapPackageSubject(),
  disk: async () => (await import('./subjects/disk')).diskSubject(),
  restart: async () => (await import('./subjects/restart')).restartSubject(),
  sleepers: async () => (await import('./subjects/sleepers')).sleepersSubject(),
  coaps: async () => (await import('./subjects/coaps')).coapsSubject(),
  flow: async () => (await import('./subjects/flow')).flowSubject(),
}

interface Command {
  readonly id: number
  readonly name: 'start' | 'mark' | 'count' | 'observe' | 'read' | 'queue' | 'figures'
  readonly kind: string
  readonly endpoints: string[]
  readonly ports: number[]
  readonly count: number
  readonly inFlight: number
}

let subject: Subject | undefined

async function carryOut(command: Command): Promise<unknown> {
  if (command.name === 'start') {
    subject = await (kinds[command.kind] as () => Promise<Subject>)()
    return { port: subject.port }
  }
  if (subject === undefined) throw new Error('not started')
  if (command.name === 'observe') return subject.observe?.(command.endpoints, command.ports)
  if (command.name === 'read') {
    return subject.read?.(command.endpoints, command.ports, command.count, command.inFlight)
  }
  if (command.name === 'queue') return subject.queue?.(command.endpoints)
  if (command.name === 'figures') return subject.figures?.()
  if (command.name === 'count') return subject.count
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  return { count: subject.count, cpu: user + system, rss, heapUsed }
}

process.on('message', (command: Command) => {
  void carryOut(command).then(
    (answer) => process.send?.({ id: command.id, answer }),
    (error: unknown) => process.send?.({ id: command.id, error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
