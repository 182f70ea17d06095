/**
 * CoAP over UDP: what the server does with one core. A figure is work per second of the server's own
 * CPU time (user and system), so that a slower load generator does not flatter it, as a ratio to the
 * raw echo of the same datagrams in the same round.
 */
import { BenchProcess, pinLoad } from './bench-process'
import { locationOf, notification, piggyback, register, TYPE, update } from './datagrams'
import { closeDevices, exchange, exchanges, type LoadDevice, openDevice, send } from './load'
import { atLeast, type BenchRow, median } from './report'

const KINDS = ['echo', 'engine', 'coap-package'] as const
type Kind = (typeof KINDS)[number] | 'sink' | 'disk' | 'flow'
/** Work per CPU second of one subject in one round. */
type Scenario = (subject: BenchProcess, kind: Kind) => Promise<number>

const token = (messageId: number): Buffer => Buffer.from([messageId >> 8, messageId & 255, 0x5a])
const nextId = (device: LoadDevice): number => (device.messageId = (device.messageId + 1) & 0xffff)

/** Work per second of CPU time between two marks. */
async function perCpuSecond(subject: BenchProcess, work: () => Promise<void>): Promise<number> {
  const before = await subject.mark()
  await work()
  const after = await subject.mark()
  return ((after.count - before.count) / (after.cpu - before.cpu)) * 1e6
}

async function openDevices(subject: BenchProcess, count: number): Promise<LoadDevice[]> {
  const devices: LoadDevice[] = []
  for (let i = 0; i < count; i++) devices.push(await openDevice(`bench-${i}`, subject.port))
  return devices
}

async function registerAll(devices: readonly LoadDevice[]): Promise<Map<LoadDevice, string[]>> {
  const locations = new Map<LoadDevice, string[]>()
  for (const device of devices) {
    const id = nextId(device)
    locations.set(
      device,
      locationOf(await exchange(device, register(device.endpoint, id, token(id)))),
    )
  }
  return locations
}

const updates: Scenario = async (subject) => {
  const devices = await openDevices(subject, 200)
  const locations = await registerAll(devices)
  const build = (device: LoadDevice): Buffer => {
    const id = nextId(device)
    const location = locations.get(device) ?? []
    return update(location.length === 0 ? ['rd', 'abcdefghijkl'] : location, id, token(id))
  }
  await exchanges(devices, 20_000, 64, build)
  const rate = await perCpuSecond(subject, () => exchanges(devices, 40_000, 64, build))
  closeDevices(devices)
  return rate
}

const registrations: Scenario = async (subject) => {
  const wave = async (first: number, count: number, prefix: string): Promise<void> => {
    const devices: LoadDevice[] = []
    for (let i = 0; i < count; i++) {
      devices.push(await openDevice(`${prefix}-${first + i}`, subject.port))
    }
    await exchanges(devices, count, 64, (device) => {
      const id = nextId(device)
      return register(device.endpoint, id, token(id))
    })
    closeDevices(devices)
  }
  for (let i = 0; i < 2_000; i += 500) await wave(i, 500, 'warm')
  return perCpuSecond(subject, async () => {
    for (let i = 0; i < 10_000; i += 500) await wave(i, 500, 'device')
  })
}

/** Answers observe and read requests as 200 devices would; returns each device's observe token. */
function answerAll(devices: readonly LoadDevice[]): Map<LoadDevice, Buffer> {
  const tokens = new Map<LoadDevice, Buffer>()
  for (const device of devices) {
    device.onMessage = (datagram) => {
      const isRequest = datagram[1] === 0x01
      if (!isRequest) return
      const length = (datagram[0] ?? 0) & 15
      tokens.set(device, Buffer.from(datagram.subarray(4, 4 + length)))
      // Observe is option 6, the first one where it is there.
      const observed = (datagram[4 + length] ?? 0) >> 4 === 6
      send(device, piggyback(datagram, Buffer.from('21.5'), observed ? 1 : undefined))
    }
  }
  return tokens
}

function notifications(type: number): Scenario {
  return async (subject, kind) => {
    const devices = await openDevices(subject, 200)
    const isRaw = kind === 'echo' || kind === 'sink'
    if (!isRaw) await registerAll(devices)
    const tokens = answerAll(devices)
    if (!isRaw) {
      await subject.ask('observe', {
        endpoints: devices.map((device) => device.endpoint),
        ports: devices.map((device) => device.port),
      })
    }
    let observe = 2
    const build = (device: LoadDevice): Buffer =>
      notification(type, nextId(device), tokens.get(device) ?? Buffer.alloc(8, 1), observe, observe)
    const work = async (count: number): Promise<void> => {
      if (type === TYPE.CON || kind === 'echo') {
        await exchanges(devices, count, 64, (device) => {
          observe++
          return build(device)
        })
        return
      }
      // Nothing answers a NON: at most 400 are on their way at a time, by the subject's own count.
      const start = await subject.ask<number>('count')
      for (let sent = 0; sent < count;) {
        observe++
        for (const device of devices) send(device, build(device))
        sent += devices.length
        if (sent % 4_000 !== 0) {
          await new Promise((resolve) => setImmediate(resolve))
          continue
        }
        for (let polls = 0; polls < 50; polls++) {
          if ((await subject.ask<number>('count')) - start >= sent) break
        }
      }
    }
    await work(20_000)
    const rate = await perCpuSecond(subject, () => work(60_000))
    closeDevices(devices)
    return rate
  }
}

const reads: Scenario = async (subject, kind) => {
  const devices = await openDevices(subject, 200)
  const work = async (count: number): Promise<void> => {
    if (kind === 'echo') {
      await exchanges(devices, count, 64, (device) => {
        const id = nextId(device)
        return update(['3303', '0', '5700'], id, token(id))
      })
      return
    }
    await subject.ask('read', {
      endpoints: devices.map((device) => device.endpoint),
      ports: devices.map((device) => device.port),
      count,
      inFlight: 64,
    })
  }
  if (kind !== 'echo') {
    await registerAll(devices)
    answerAll(devices)
  }
  await work(20_000)
  const rate = await perCpuSecond(subject, () => work(40_000))
  closeDevices(devices)
  return rate
}

/** The rates of one round. */
async function measure<K extends Kind>(
  scenario: Scenario,
  kinds: readonly K[],
): Promise<{ [P in K]: number }> {
  const rates = {} as { [P in K]: number }
  for (const kind of kinds) rates[kind] = await rateOf(kind, scenario)
  return rates
}

/** Work per CPU second of one kind in one round. */
export async function rateOf(kind: Kind, scenario: Scenario): Promise<number> {
  const subject = await BenchProcess.start(kind)
  try {
    return await scenario(subject, kind)
  } finally {
    subject.stop()
  }
}

/** The scenarios that other benchmarks have a use for. */
export const scenarios = { updates, registrations, reads }
export const notificationScenarios = {
  non: notifications(TYPE.NON),
  con: notifications(TYPE.CON),
}

/** One scenario over all kinds, `rounds` times in turn; the rows are medians. */
async function compare(
  name: string,
  scenario: Scenario,
  goal: number,
  rounds: number,
): Promise<BenchRow[]> {
  const toEcho: number[] = []
  const toPackage: number[] = []
  const absolute: number[] = []
  for (let round = 0; round < rounds; round++) {
    const rates = await measure(scenario, KINDS)
    toEcho.push(rates.engine / rates.echo)
    toPackage.push(rates.engine / rates['coap-package'])
    absolute.push(rates.engine)
  }
  return [
    atLeast(`${name}, relative to a raw echo`, median(toEcho), '×', goal),
    atLeast(`${name}, relative to the coap package`, median(toPackage), '×', 2),
    { name: `${name} per second of CPU`, value: median(absolute), unit: '/s' },
  ]
}

/** How near notifications without an answer come to a socket that only receives. */
async function toSink(rounds: number): Promise<BenchRow[]> {
  const engine: number[] = []
  const coapPackage: number[] = []
  for (let round = 0; round < rounds; round++) {
    const rates = await measure(notificationScenarios.non, ['sink', 'engine', 'coap-package'])
    engine.push(rates.engine / rates.sink)
    coapPackage.push(rates['coap-package'] / rates.sink)
  }
  return [
    { name: 'NON notifications, relative to a raw sink', value: median(engine), unit: '×' },
    { name: 'the coap package, relative to it', value: median(coapPackage), unit: '×' },
  ]
}

/** Updates, registrations, notifications in, reads out. */
export async function coapBench(rounds: number): Promise<BenchRow[]> {
  pinLoad()
  return [
    ...(await compare('registration updates', updates, 0.6, rounds)),
    ...(await compare('new registrations', registrations, 0.35, rounds)),
    ...(await compare('NON notifications', notificationScenarios.non, 1.2, rounds)),
    ...(await toSink(rounds)),
    ...(await compare('CON notifications', notificationScenarios.con, 0.75, rounds)),
    ...(await compare('reads', reads, 0.35, rounds)),
  ]
}

/** Notifications through an `lwm2m-observe` node into a flow. */
export async function flowBench(rounds: number): Promise<BenchRow[]> {
  pinLoad()
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const rates = await measure(notificationScenarios.non, ['echo', 'flow'])
    ratios.push(rates.flow / rates.echo)
  }
  return [atLeast('notifications into a flow, relative to a raw echo', median(ratios), '×', 0.45)]
}
