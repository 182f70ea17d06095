/** Memory: what a registered device costs, and that traffic leaves nothing behind. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { UdpTransport } from '../../src/transport/udp'
import { registerLongLists } from '../server/registration/support/long-lists'
import type { MemoryReport } from '../server/registration/support/memory-process'
import { BenchProcess, pinLoad } from './bench-process'
import { locationOf, register, update } from './datagrams'
import { closeDevices, exchange, exchanges, type LoadDevice, openDevice } from './load'
import { atMost, type BenchRow } from './report'

const token = Buffer.from([1, 2, 3])
const nextId = (device: LoadDevice): number => (device.messageId = (device.messageId + 1) & 0xffff)

/** RSS growth per device at 100,000 devices, spread over 127.0.1.1 … 127.0.1.10. */
async function perDevice(): Promise<BenchRow> {
  const subject = await BenchProcess.start('engine')
  const wave = async (first: number, count: number): Promise<void> => {
    const devices: LoadDevice[] = []
    for (let i = first; i < first + count; i++) {
      const address = `127.0.1.${1 + Math.floor(i / 10_000)}`
      devices.push(await openDevice(`device-${i}`, subject.port, address, 10_001 + (i % 10_000)))
    }
    await exchanges(devices, count, 64, (device) =>
      register(device.endpoint, nextId(device), token),
    )
    closeDevices(devices)
  }
  // Code, caches and pools are there before the first mark.
  for (let i = 0; i < 10_000; i += 500) await wave(i, 500)
  const before = await subject.mark()
  for (let i = 10_000; i < 100_000; i += 500) await wave(i, 500)
  const after = await subject.mark()
  subject.stop()
  const bytes = (after.rss - before.rss) / (after.count - before.count)
  return atMost('memory per registered device (RSS, 100,000 devices)', bytes / 1024, 'kB', 3)
}

/** Heap growth between the second million and the last of ten million messages. */
async function soak(): Promise<BenchRow> {
  const subject = await BenchProcess.start('engine')
  const devices: LoadDevice[] = []
  const locations = new Map<LoadDevice, string[]>()
  for (let i = 0; i < 200; i++) {
    const device = await openDevice(`soak-${i}`, subject.port)
    devices.push(device)
    const answer = await exchange(device, register(device.endpoint, nextId(device), token))
    locations.set(device, locationOf(answer))
  }
  const run = (count: number): Promise<void> =>
    exchanges(devices, count, 64, (device) =>
      update(locations.get(device) ?? [], nextId(device), token),
    )
  await run(1_000_000)
  const before = await subject.mark()
  // A message in and a message out each: nine million more.
  await run(4_000_000)
  const after = await subject.mark()
  subject.stop()
  closeDevices(devices)
  return atMost(
    'heap growth over ten million messages',
    (after.heapUsed - before.heapUsed) / 2 ** 20,
    'MiB',
    2,
  )
}

/** A process of 256 MB that devices without security send 369 object lists of 62 kB each. */
async function longLists(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lwm2m-bench-lists-'))
  const script = join(__dirname, '../server/registration/support/memory-process.ts')
  const execArgv = ['--import', 'tsx', '--expose-gc', '--max-old-space-size=256']
  const child = fork(script, [folder], { execArgv })
  const client = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
  try {
    await client.start()
    const [before] = (await once(child, 'message')) as [MemoryReport]
    await registerLongLists(client, before.port, 369)
    child.send('report')
    const [after] = (await once(child, 'message')) as [MemoryReport]
    const heap = after.heap - before.heap
    return [
      {
        name: 'object lists of 62 kB in a process of 256 MB',
        value: after.registrations,
        unit: '',
      },
      atMost('heap per byte of object list on the wire', (heap * 2 ** 20) / after.lists, '×', 1.3),
    ]
  } finally {
    await client.stop()
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function memoryBench(): Promise<BenchRow[]> {
  pinLoad()
  return [...(await longLists()), await perDevice(), await soak()]
}
