/** Memory: what a registered device costs, and that traffic leaves nothing behind. */
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

export async function memoryBench(): Promise<BenchRow[]> {
  pinLoad()
  return [await perDevice(), await soak()]
}
