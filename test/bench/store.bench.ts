/** What durability costs: updates with the disk store, a start with a full one, and a queue that drains. */
import { BenchProcess, pinLoad } from './bench-process'
import { rateOf, scenarios } from './coap.bench'
import { piggyback, locationOf, register, update } from './datagrams'
import { closeDevices, exchanges, type LoadDevice, openDevice, sameMessageId, send } from './load'
import { atLeast, atMost, type BenchRow, median } from './report'
import type { Figures } from './subjects/subject'

const SLEEPERS = 10_000
/** Milliseconds in which all of them wake. */
const WAKING = 1000

async function diskToMemory(name: keyof typeof scenarios, rounds: number): Promise<number> {
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const memory = await rateOf('engine', scenarios[name])
    ratios.push((await rateOf('disk', scenarios[name])) / memory)
  }
  return median(ratios)
}

async function restart(rounds: number): Promise<BenchRow[]> {
  const found: Figures[] = []
  for (let round = 0; round < rounds; round++) {
    const subject = await BenchProcess.start('restart')
    found.push(await subject.ask<Figures>('figures'))
    subject.stop()
  }
  const figure = (name: string): number => median(found.map((figures) => figures[name] ?? NaN))
  return [
    atMost('start with 100,000 registrations', figure('seconds'), 's', 3),
    atMost('longest pause of the event loop meanwhile', figure('block'), 'ms', 50),
  ]
}

const token = Buffer.from([7, 7])
const nextId = (device: LoadDevice): number => (device.messageId = (device.messageId + 1) & 0xffff)

/** Registers the sleepers and answers every read, as long as the sockets are open. */
async function openSleepers(subject: BenchProcess): Promise<Map<LoadDevice, Buffer>> {
  const updates = new Map<LoadDevice, Buffer>()
  for (let i = 0; i < SLEEPERS; i++) {
    const device = await openDevice(`sleeper-${i}`, subject.port)
    updates.set(device, Buffer.alloc(0))
  }
  await exchanges(
    [...updates.keys()],
    SLEEPERS,
    64,
    (device) => register(device.endpoint, nextId(device), token, true),
    sameMessageId,
    (device, answer) => {
      updates.set(device, update(locationOf(answer), nextId(device), token))
    },
  )
  for (const device of updates.keys()) {
    device.onMessage = (datagram) => {
      if (datagram[1] === 0x01) send(device, piggyback(datagram, Buffer.from('21.5')))
    }
  }
  return updates
}

async function drain(): Promise<Figures> {
  const subject = await BenchProcess.start('sleepers')
  const updates = await openSleepers(subject)
  const endpoints = [...updates.keys()].map((device) => device.endpoint)
  await subject.ask('queue', { endpoints })
  const waiting = [...updates]
  const begin = performance.now()
  while (waiting.length > 0) {
    const due = SLEEPERS * (1 - Math.min(1, (performance.now() - begin) / WAKING))
    while (waiting.length > due) {
      const [device, datagram] = waiting.pop() as [LoadDevice, Buffer]
      send(device, datagram)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  while ((await subject.ask<number>('count')) < SLEEPERS) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const figures = await subject.ask<Figures>('figures')
  subject.stop()
  closeDevices([...updates.keys()])
  return figures
}

/** Updates with the disk store, a start with a full store, and a queue that drains. */
export async function storeBench(rounds: number): Promise<BenchRow[]> {
  pinLoad()
  const drains: Figures[] = []
  for (let round = 0; round < Math.min(rounds, 3); round++) drains.push(await drain())
  const figure = (name: string): number => median(drains.map((figures) => figures[name] ?? NaN))
  return [
    atLeast('updates, disk store to memory store', await diskToMemory('updates', rounds), '×', 0.6),
    {
      name: 'new registrations, disk store to memory store',
      value: await diskToMemory('registrations', Math.min(rounds, 3)),
      unit: '×',
    },
    ...(await restart(Math.min(rounds, 3))),
    {
      name: 'queued reads of 10,000 devices that wake in 1 s',
      value: (SLEEPERS / figure('milliseconds')) * 1000,
      unit: '/s',
    },
    { name: 'event-loop delay meanwhile, p99', value: figure('p99'), unit: 'ms' },
  ]
}
