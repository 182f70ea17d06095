/** CoAP over DTLS 1.2 with pre-shared keys and AES-128-CCM-8, per second of the server's CPU time. */
import { BENCH_PEERS } from './bench-psk'
import { BenchProcess, type Mark, pinLoad } from './bench-process'
import { CoapsDevice } from './coaps-device'
import { rateOf, scenarios } from './coap.bench'
import { locationOf, register, update } from './datagrams'
import { closeDevices, exchanges, type LoadDevice } from './load'
import { atLeast, atMost, type BenchRow, median } from './report'
import { inParallel, type Figures } from './subjects/subject'

const ASSOCIATIONS = 20_000
const HANDSHAKE = 22
const HELLO_VERIFY_REQUEST = 3

const token = (messageId: number): Buffer => Buffer.from([messageId >> 8, messageId & 255, 0x5a])
const nextId = (device: LoadDevice): number => (device.messageId = (device.messageId + 1) & 0xffff)
const isFirst = (answer: Buffer): boolean => answer.length > 0

/** Seconds of CPU time between two marks. */
const cpuSeconds = (before: Mark, after: Mark): number => (after.cpu - before.cpu) / 1e6

async function connect(
  subject: BenchProcess,
  count: number,
  place: (index: number) => [address: string, port: number] = () => ['127.0.0.1', 0],
): Promise<CoapsDevice[]> {
  const devices: CoapsDevice[] = []
  for (let i = 0; i < count; i++) {
    devices.push(await CoapsDevice.open(i, subject.port, ...place(i)))
  }
  await inParallel(count, 64, (index) => (devices[index] as CoapsDevice).handshake())
  return devices
}

/** Updates over established associations, as the plain scenario has them. */
async function updates(): Promise<number> {
  const subject = await BenchProcess.start('coaps')
  const devices = await connect(subject, BENCH_PEERS)
  const byDevice = new Map(devices.map((one) => [one.device, one]))
  const locations = new Map<LoadDevice, string[]>()
  for (const one of devices) {
    const { device } = one
    const id = nextId(device)
    const answer = await one.exchange(register(device.endpoint, id, token(id)))
    locations.set(device, locationOf(answer))
  }
  const build = (device: LoadDevice): Buffer => {
    const id = nextId(device)
    const one = byDevice.get(device) as CoapsDevice
    return one.seal(update(locations.get(device) ?? [], id, token(id)))
  }
  const plain = [...byDevice.keys()]
  // The answers stay sealed: that the updates were understood, the subject counts.
  await exchanges(plain, 20_000, 64, build, isFirst)
  const before = await subject.mark()
  await exchanges(plain, 40_000, 64, build, isFirst)
  const after = await subject.mark()
  subject.stop()
  closeDevices(plain)
  return (after.count - before.count) / cpuSeconds(before, after)
}

/** Whole handshakes, and hellos that are answered with a cookie. */
async function handshakes(): Promise<{ handshakes: number; hellos: number }> {
  const subject = await BenchProcess.start('coaps')
  const wave = async (count: number): Promise<void> => {
    closeDevices((await connect(subject, count)).map(({ device }) => device))
  }
  await wave(500)
  let before = await subject.mark()
  for (let i = 0; i < 4; i++) await wave(500)
  let after = await subject.mark()
  const shaken = 2000 / cpuSeconds(before, after)
  const devices: CoapsDevice[] = []
  for (let i = 0; i < BENCH_PEERS; i++) devices.push(await CoapsDevice.open(i, subject.port))
  const hellos = new Map(devices.map(({ device, hello }) => [device, hello]))
  const plain = [...hellos.keys()]
  const greet = (count: number): Promise<void> =>
    exchanges(
      plain,
      count,
      64,
      (device) => hellos.get(device) as Buffer,
      (answer) => answer[0] === HANDSHAKE && answer[13] === HELLO_VERIFY_REQUEST,
    )
  await greet(10_000)
  before = await subject.mark()
  await greet(40_000)
  after = await subject.mark()
  subject.stop()
  closeDevices(plain)
  return { handshakes: shaken, hellos: 40_000 / cpuSeconds(before, after) }
}

/** RSS of an association with its session, without registration. */
async function memory(): Promise<number> {
  const subject = await BenchProcess.start('coaps')
  const associations = async (): Promise<number> =>
    (await subject.ask<Figures>('figures'))['associations'] ?? NaN
  const wave = async (first: number): Promise<void> => {
    const devices = await connect(subject, 500, (index) => {
      const i = first + index
      return [`127.0.1.${1 + Math.floor(i / 10_000)}`, 10_001 + (i % 10_000)]
    })
    closeDevices(devices.map(({ device }) => device))
  }
  // Code, caches and pools are there before the first mark.
  for (let i = 0; i < 2000; i += 500) await wave(i)
  const before = { ...(await subject.mark()), associations: await associations() }
  for (let i = 2000; i < ASSOCIATIONS; i += 500) await wave(i)
  const after = { ...(await subject.mark()), associations: await associations() }
  subject.stop()
  return (after.rss - before.rss) / (after.associations - before.associations)
}

/** Updates over DTLS, handshakes, cookies, memory. */
export async function coapsBench(rounds: number): Promise<BenchRow[]> {
  pinLoad()
  const toEcho: number[] = []
  const toPlain: number[] = []
  const shakes: number[] = []
  const hellos: number[] = []
  for (let round = 0; round < rounds; round++) {
    const echo = await rateOf('echo', scenarios.updates)
    const plain = await rateOf('engine', scenarios.updates)
    const secured = await updates()
    toEcho.push(secured / echo)
    toPlain.push(secured / plain)
    const rates = await handshakes()
    shakes.push(rates.handshakes)
    hellos.push(rates.hellos)
  }
  return [
    atLeast('CoAPS registration updates, relative to a raw echo', median(toEcho), '×', 0.42),
    atLeast('CoAPS registration updates, relative to plain CoAP', median(toPlain), '×', 0.6),
    { name: 'PSK handshakes per second of CPU', value: median(shakes), unit: '/s' },
    { name: 'hellos answered with a cookie, per second of CPU', value: median(hellos), unit: '/s' },
    atMost(
      'memory per DTLS association (RSS, 20,000 associations)',
      (await memory()) / 1024,
      'kB',
      6,
    ),
  ]
}
