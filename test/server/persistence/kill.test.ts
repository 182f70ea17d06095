import { buildSync } from 'esbuild'
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ACK,
  CON,
  rawCoap,
  type RawMessage,
  readCoap,
  type ReadMessage,
} from '../../support/raw-coap'
import { seededRandom } from '../../support/random'
import { locationOf, register, toLocation } from '../registration/support/harness'
import { optionsOf } from '../support/registered-device'
import type { Command, Report } from './support/server-process'

const KILLS = 50
const DEVICES = 6
const DELETE = 4
const CONTENT = 0x45

/** A registration as a device knows it: `undefined` for none. */
type Known = { readonly id: string | undefined; readonly lifetime: number } | undefined

interface Observation {
  readonly token: string
  readonly id: string | undefined
  readonly value: number
}

/** One device on its own socket; requests end with `undefined` when the server is killed. */
class Device {
  /** What the server may have: one entry when the last request was answered, else before and after. */
  possible: Known[] = [undefined]
  /**
   * The observation that it accepted last, and under which registration (as far as it knew of one);
   * its first value is the number of it.
   */
  observation: Observation | undefined
  private mid = 0
  /** Of the server. */
  private port = 0
  private readonly waiting = new Map<number, (answer: ReadMessage | undefined) => void>()

  private constructor(
    readonly endpoint: string,
    private readonly socket: Socket,
  ) {
    socket.on('message', (bytes) => {
      const message = readCoap(bytes)
      if (message.type === CON) {
        this.accept(message)
        return
      }
      this.waiting.get(message.mid)?.(message)
      this.waiting.delete(message.mid)
    })
    socket.on('error', () => {})
  }

  static async open(endpoint: string): Promise<Device> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Device(endpoint, socket)
  }

  request(port: number, message: Omit<RawMessage, 'mid'>): Promise<ReadMessage | undefined> {
    this.port = port
    this.mid = (this.mid + 1) & 0xffff
    const { mid } = this
    return new Promise((resolve) => {
      this.waiting.set(mid, resolve)
      this.socket.send(rawCoap({ ...message, type: CON, mid }), port, '127.0.0.1')
    })
  }

  /** A notification; answers its ACK or RST. */
  notify(port: number, token: string, value: number): Promise<ReadMessage | undefined> {
    const options = optionsOf({ observe: value, format: 0 })
    return this.request(port, { type: CON, code: CONTENT, token, options, payload: String(value) })
  }

  /** Accepts the observation that the server asks for; each has a value of its own. */
  private accept({ mid, token }: ReadMessage): void {
    if (this.observation?.token !== token) {
      const [known] = this.possible
      this.observation = { token, id: known?.id, value: (this.observation?.value ?? 0) + 1 }
    }
    const { value } = this.observation
    const options = optionsOf({ observe: value, format: 0 })
    const { port } = this
    const answer = { type: ACK, code: CONTENT, mid, token, options, payload: String(value) }
    this.socket.send(rawCoap(answer), port, '127.0.0.1')
  }

  giveUp(): void {
    for (const resolve of this.waiting.values()) resolve(undefined)
    this.waiting.clear()
  }

  close(): void {
    this.socket.close()
  }
}

describe('kill -9', () => {
  let folder: string
  let bundle: string
  const devices: Device[] = []
  let child: ChildProcess | undefined

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-kill-'))
    // Bundled once: fifty starts would otherwise be fifty compilations.
    bundle = join('node_modules', '.cache', `lwm2m-kill-${process.pid}.cjs`)
    mkdirSync(join('node_modules', '.cache'), { recursive: true })
    buildSync({
      entryPoints: [join(__dirname, 'support', 'server-process.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      target: 'node20',
      packages: 'external',
    })
  })
  after(() => {
    child?.kill('SIGKILL')
    for (const device of devices) device.close()
    rmSync(folder, { recursive: true })
    rmSync(bundle)
  })

  it(`at ${KILLS} random moments loses nothing that was acknowledged`, async function () {
    this.timeout(300_000)
    const random = seededRandom(20_26)
    let port = 0
    let lifetime = 1000
    let value = 0
    const queued = new Set<number>()
    let acknowledged = 0
    let goal = Infinity
    let onGoal = (): void => {}
    const acknowledge = (): void => {
      if (++acknowledged >= goal) onGoal()
    }
    const reached = (count: number): Promise<void> =>
      new Promise((resolve) => {
        goal = count
        onGoal = resolve
      })

    for (let i = 0; i < DEVICES; i++) devices.push(await Device.open(`d-${i}`))
    const sleeper = await Device.open('sleeper')
    devices.push(sleeper)
    const observed = await Device.open('observed')
    devices.push(observed)
    /** The observation of which the flow was told a value last. */
    let told: Observation | undefined
    let kept = 0

    for (let round = 0; round <= KILLS; round++) {
      const server = fork(bundle, [folder, String(port)])
      child = server
      const reports = new Reports(server)
      port = (await reports.next('started')).port

      server.send({ name: 'state' } satisfies Command)
      const state = await reports.next('state')
      for (const device of devices) checkDevice(device, state.registrations)
      for (const one of queued) {
        assert.ok(state.queued.includes(one), `round ${round}: request ${one} was lost`)
      }
      for (const one of state.queued) queued.add(one)
      if (told !== undefined && observed.possible[0]?.id === told.id) {
        const answer = await observed.notify(port, told.token, 1e6 + round)
        assert.equal(answer?.type, ACK, `round ${round}: observation ${told.token} was lost`)
        kept++
      }
      if (round === KILLS) {
        server.kill('SIGKILL')
        break
      }

      let killed = false
      const work = devices.map(async (device) => {
        while (!killed) {
          if (device === sleeper) {
            if (device.possible[0] === undefined) await registerDevice(device, 86_400, ['Q'])
            // It was killed while it registered: there is nobody to tell.
            if (killed) break
            value++
            server.send({ name: 'queue', endpoint: 'sleeper', value } satisfies Command)
            const report = await reports.next('queued')
            if (report === undefined) break
            queued.add(report.value)
            acknowledge()
            continue
          }
          if (device === observed) {
            await registerDevice(device, 86_400, [])
            const report = killed ? undefined : await reports.next('observed')
            if (report === undefined) break
            const { observation } = device
            // The value of an earlier observation, or the one of the notification above.
            if (observation === undefined || observation.value !== report.value) continue
            // It may be of an earlier registration than the last, and has ended with that.
            told = observation
            acknowledge()
            continue
          }
          lifetime++
          const [known] = device.possible
          const choice = random()
          if (known === undefined || choice < 0.2) await registerDevice(device, lifetime, [])
          else if (choice < 0.85) await updateDevice(device, known, lifetime)
          else await deregisterDevice(device, known)
          if (device.possible.length === 1) acknowledge()
        }
      })
      // So many answers, and then any moment of what follows: no slow machine makes a round empty.
      await reached(acknowledged + 10 + Math.floor(random() * 40))
      await new Promise((resolve) => setTimeout(resolve, random() * 4))
      killed = true
      const exited = once(server, 'exit')
      server.kill('SIGKILL')
      await exited
      reports.end()
      for (const device of devices) device.giveUp()
      await Promise.all(work)
    }

    assert.ok(kept > 0, 'no observation was taken up')

    async function registerDevice(device: Device, lt: number, more: string[]): Promise<void> {
      const query = [`ep=${device.endpoint}`, 'lwm2m=1.1', `lt=${lt}`, ...more]
      device.possible.push({ id: undefined, lifetime: lt })
      const answer = await device.request(port, register(query) as Omit<RawMessage, 'mid'>)
      if (answer === undefined) return
      assert.equal(answer.code, 0x41)
      device.possible = [{ id: locationOf(answer)[1], lifetime: lt }]
    }

    async function updateDevice(device: Device, known: Known, lt: number): Promise<void> {
      const id = known?.id ?? ''
      device.possible.push({ id, lifetime: lt })
      const answer = await device.request(port, toLocation(id, [`lt=${lt}`]))
      if (answer === undefined) return
      assert.equal(answer.code, 0x44)
      device.possible = [{ id, lifetime: lt }]
    }

    async function deregisterDevice(device: Device, known: Known): Promise<void> {
      device.possible.push(undefined)
      const answer = await device.request(port, toLocation(known?.id ?? '', [], '', DELETE))
      if (answer === undefined) return
      assert.equal(answer.code, 0x42)
      device.possible = [undefined]
    }
  })

  /** The server has what the device was told, or what it asked for last without an answer. */
  function checkDevice(
    device: Device,
    registrations: readonly { id: string; endpoint: string; lifetime: number }[],
  ): void {
    const found = registrations.find(({ endpoint }) => endpoint === device.endpoint)
    const fits = device.possible.some((known) =>
      known === undefined
        ? found === undefined
        : found?.lifetime === known.lifetime && (known.id === undefined || found.id === known.id),
    )
    assert.ok(
      fits,
      `${device.endpoint}: ${JSON.stringify(found)} is none of ${JSON.stringify(device.possible)}`,
    )
    device.possible = [found && { id: found.id, lifetime: found.lifetime }]
  }
})

/** What a process reports, by name, in order. */
class Reports {
  private readonly seen: Report[] = []
  private wake: (() => void)[] = []
  private ended = false

  constructor(child: ChildProcess) {
    child.on('message', (report: Report) => {
      this.seen.push(report)
      for (const wake of this.wake.splice(0)) wake()
    })
  }

  /** The next one of a name; `undefined` (for `queued`) when the process was killed before. */
  next(name: 'started'): Promise<Extract<Report, { name: 'started' }>>
  next(name: 'state'): Promise<Extract<Report, { name: 'state' }>>
  next(name: 'observed'): Promise<Extract<Report, { name: 'observed' }> | undefined>
  next(name: 'queued'): Promise<Extract<Report, { name: 'queued' }> | undefined>
  async next(name: Report['name']): Promise<Report | undefined> {
    for (;;) {
      const index = this.seen.findIndex((report) => report.name === name)
      if (index >= 0) return this.seen.splice(index, 1)[0]
      if (this.ended) return undefined
      await new Promise<void>((resolve) => this.wake.push(resolve))
    }
  }

  end(): void {
    this.ended = true
    for (const wake of this.wake.splice(0)) wake()
  }
}
