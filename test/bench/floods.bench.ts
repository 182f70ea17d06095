/** Handshakes of legitimate devices while strangers flood the port with hellos. */
import { HostileClient } from '../dtls/support/hostile-client'
import { MemoryNet } from '../dtls/support/memory-net'
import { BenchProcess, pinLoad } from './bench-process'
import { CoapsDevice } from './coaps-device'
import { closeDevices, type LoadDevice, openDevice, send } from './load'
import { atLeast, type BenchRow, median } from './report'

/** Handshakes that a flood begins each second, with a valid cookie: 35 are enough to fill 2,000 places. */
const VERIFIED_RATE = 1000
/** Hellos without a cookie each second. */
const COOKIELESS_RATE = 10_000
const TICK = 10
const LEGITIMATE = 60
/** Between the beginnings of two legitimate handshakes, ms. */
const PAUSE = 50
/** A handshake that takes longer has failed, ms. */
const LIMIT = 5000

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Does `step` so often that it was done `rate` times a second, until it is stopped. */
function paced(rate: number, step: () => void): () => void {
  const start = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - start) * rate) / 1000
    while (done < due) {
      step()
      done++
    }
  }, TICK)
  return () => clearInterval(timer)
}

/** Begins handshakes and leaves them, each from the next of many ports. */
async function openFlood(port: number, addresses: readonly string[], ports: number) {
  const devices: LoadDevice[] = []
  for (let i = 0; i < ports; i++) {
    devices.push(await openDevice('flood', port, addresses[i % addresses.length]))
  }
  let next = 0
  const step = (): void => {
    const device = devices[next++ % devices.length] as LoadDevice
    const net = {
      listen: (_address: string, _port: number, onDatagram: (datagram: Buffer) => void) =>
        (device.onMessage = onDatagram),
      server: { receive: (datagram: Buffer) => send(device, datagram) },
    }
    const client = new HostileClient(net as unknown as MemoryNet, { suites: [0xc0a8] })
    const onDatagram = device.onMessage
    device.onMessage = (datagram) => {
      onDatagram(datagram)
      if (client.cookie.length === 0) return
      device.onMessage = () => {}
      client.send(client.hello({ cookie: client.cookie }))
    }
    client.send(client.hello())
  }
  return { step, close: () => closeDevices(devices) }
}

/** Sends hellos without a cookie from one port. */
async function openCookieless(port: number) {
  const { device, hello } = await CoapsDevice.open(0, port)
  device.onMessage = () => {}
  return { step: () => send(device, hello), close: () => closeDevices([device]) }
}

/** Times of the legitimate handshakes, ms; Infinity for those that failed. */
async function legitimate(port: number): Promise<number[]> {
  const times: Promise<number>[] = []
  const devices: LoadDevice[] = []
  for (let i = 0; i < LEGITIMATE; i++) {
    const device = await CoapsDevice.open(i, port, '127.0.2.1')
    devices.push(device.device)
    const start = performance.now()
    const done = device.handshake().then(() => performance.now() - start)
    times.push(Promise.race([done, wait(LIMIT).then(() => Infinity)]))
    await wait(PAUSE)
  }
  const all = await Promise.all(times)
  closeDevices(devices)
  return all
}

type Opened = { step: () => void; close: () => void }

async function under(
  name: string,
  rate: number,
  open: (port: number) => Promise<Opened>,
): Promise<BenchRow[]> {
  const subject = await BenchProcess.start('coaps')
  const flood = await open(subject.port)
  const stop = paced(rate, flood.step)
  // Until all places are taken.
  await wait(3000)
  const times = await legitimate(subject.port)
  stop()
  flood.close()
  subject.stop()
  return rowsOf(name, times)
}

function rowsOf(name: string, times: readonly number[]): BenchRow[] {
  const good = times.filter((time) => time < LIMIT)
  return [
    atLeast(
      `handshakes that end within 5 s under ${name}`,
      (100 * good.length) / times.length,
      '%',
      95,
    ),
    { name: '  median time of those', value: median(good), unit: 'ms' },
  ]
}

/**
 * A flood from the addresses of an IPv6 /48, which a loopback has not: in process and in its own time.
 * Each legitimate client takes two seconds between its flights.
 */
async function underIpv6(): Promise<BenchRow[]> {
  const net = new MemoryNet()
  const roundTrip = 2000
  let hellos = 0
  const flood = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 100) {
      for (let i = 0; i < VERIFIED_RATE / 10; i++) {
        const address = `2001:db8:7:${(hellos++ % 0x10000).toString(16)}::1`
        const attacker = new HostileClient(net, { address, port: 5000 })
        attacker.send(attacker.hello())
        attacker.send(attacker.hello({ cookie: attacker.cookie }))
        net.unlisten(attacker.address, attacker.port)
      }
      await net.run(100)
    }
  }
  await flood(3000)
  const waves = 5
  const times: number[] = []
  for (let wave = 0; wave < waves; wave++) {
    const devices = Array.from(
      { length: LEGITIMATE / waves },
      (_, i) => new HostileClient(net, { address: `2001:db8:${100 + i}::1` }),
    )
    for (const device of devices) await device.greet()
    await flood(roundTrip)
    for (const device of devices) await device.finish().catch(() => {})
    times.push(...devices.map((device) => (device.serverFinished ? roundTrip : Infinity)))
  }
  return rowsOf(`${VERIFIED_RATE} begun a second from an IPv6 /48`, times)
}

/** The share of legitimate handshakes that end, under each flood. */
export async function floodsBench(): Promise<BenchRow[]> {
  pinLoad()
  const addresses = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `127.1.${Math.floor(i / 250)}.${1 + (i % 250)}`)
  const verified = (name: string, count: number, ports: number): Promise<BenchRow[]> =>
    under(`${VERIFIED_RATE} begun a second from ${name}`, VERIFIED_RATE, (port) =>
      openFlood(port, addresses(count), ports),
    )
  return [
    ...(await verified('one address', 1, 2500)),
    ...(await verified('4 addresses', 4, 2500)),
    ...(await verified('1,000 addresses', 1000, 3000)),
    ...(await underIpv6()),
    ...(await under(
      `${COOKIELESS_RATE} hellos a second without cookie`,
      COOKIELESS_RATE,
      openCookieless,
    )),
  ]
}
