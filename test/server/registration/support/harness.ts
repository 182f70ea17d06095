import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import type { Lwm2mServerOptions } from '../../../../src/server/options'
import type { Lwm2mServerEvents } from '../../../../src/server/types'
import { FakeClock } from '../../../support/fake-clock'
import { CON, Opt, type RawMessage, type ReadMessage } from '../../../support/raw-coap'
import { ScriptedPeer } from '../../../support/scripted-device'

export const OBJECTS = '</>;rt="oma.lwm2m";ct=112,</1>;ver=1.1,</1/0>,</3/0>'

/** POST, 0.02 */
export const POST = 0x02

/** One event as it was emitted: its name and arguments. */
export type Seen = {
  [K in keyof Lwm2mServerEvents]: readonly [name: K, ...args: Lwm2mServerEvents[K]]
}[keyof Lwm2mServerEvents]

const EVENTS = [
  'registered',
  'updated',
  'deregistered',
  'expired',
  'awake',
  'asleep',
  'connected',
  'disconnected',
  'completed',
  'queue',
  'warning',
] as const

/** A server on an ephemeral port with a clock that stands still, and the devices of a test. */
export class Harness {
  readonly clock: FakeClock
  readonly server: Lwm2mServer
  readonly events: Seen[] = []
  readonly options: Lwm2mServerOptions
  port = 0
  private readonly devices = new Set<ScriptedPeer>()
  private waiting: (() => void)[] = []

  constructor(options: Lwm2mServerOptions = {}, clock = new FakeClock()) {
    this.clock = clock
    this.options = { clock, ...options }
    this.server = new Lwm2mServer({ coap: { host: '127.0.0.1', port: 0 }, clock, ...options })
    for (const name of EVENTS) {
      this.server.on(name, (...args: unknown[]) => {
        this.events.push([name, ...args] as unknown as Seen)
        for (const wake of this.waiting.splice(0)) wake()
      })
    }
  }

  static async start(options?: Lwm2mServerOptions, clock?: FakeClock): Promise<Harness> {
    const harness = new Harness(options, clock)
    const { coap } = await harness.server.start()
    harness.port = coap?.port ?? 0
    return harness
  }

  /** A device that talks to the server. */
  async device(port?: number): Promise<ScriptedPeer> {
    const device = (await ScriptedPeer.open(port)).connect(this.port)
    this.devices.add(device)
    return device
  }

  /** Takes over the devices of an earlier server on the same port. */
  adopt(earlier: Harness): void {
    for (const device of earlier.devices) this.devices.add(device)
    earlier.devices.clear()
  }

  /** A device vanishes without a word. */
  async vanish(device: ScriptedPeer): Promise<void> {
    this.devices.delete(device)
    await device.close()
  }

  /** A device that is registered, and its location. */
  async registered(query: readonly string[], payload = OBJECTS): Promise<[ScriptedPeer, string]> {
    const device = await this.device()
    return [device, await registerOk(device, query, payload)]
  }

  /** Events so far, by name. */
  named<K extends keyof Lwm2mServerEvents>(name: K): Lwm2mServerEvents[K][] {
    return this.events
      .filter((event) => event[0] === name)
      .map(([, ...args]) => args as unknown as Lwm2mServerEvents[K])
  }

  /** Resolves when an event has been emitted `count` times. */
  async seen<K extends keyof Lwm2mServerEvents>(name: K, count = 1): Promise<Lwm2mServerEvents[K]> {
    while (this.named(name).length < count) {
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
    return this.named(name)[count - 1] as Lwm2mServerEvents[K]
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await Promise.all([...this.devices].map((device) => device.close()))
  }
}

/** A Register as raw as it gets. */
export function register(
  query: readonly string[],
  payload: string | Uint8Array = OBJECTS,
  more: Partial<RawMessage> = {},
): Omit<RawMessage, 'mid'> & Partial<RawMessage> {
  return {
    type: CON,
    code: POST,
    options: [
      [Opt.URI_PATH, 'rd'],
      ...(payload.length === 0 ? [] : [[Opt.CONTENT_FORMAT, 40] as const]),
      ...query.map((one) => [Opt.URI_QUERY, one] as const),
    ],
    payload,
    ...more,
  }
}

/** A request to a location: Update by default. */
export function toLocation(
  id: string,
  query: readonly string[] = [],
  payload = '',
  code = POST,
): Omit<RawMessage, 'mid'> {
  return {
    type: CON,
    code,
    options: [
      [Opt.URI_PATH, 'rd'],
      [Opt.URI_PATH, id],
      ...(payload === '' ? [] : [[Opt.CONTENT_FORMAT, 40] as const]),
      ...query.map((one) => [Opt.URI_QUERY, one] as const),
    ],
    payload,
  }
}

/** The Location-Path of an answer. */
export function locationOf(answer: ReadMessage): string[] {
  return answer.options
    .filter(([number]) => number === Opt.LOCATION_PATH)
    .map(([, value]) => value.toString())
}

/** Registers and returns the id; fails when the answer is not 2.01. */
export async function registerOk(
  device: ScriptedPeer,
  query: readonly string[],
  payload = OBJECTS,
): Promise<string> {
  const answer = await device.request(register(query, payload))
  if (answer.code !== 0x41) {
    throw new Error(`registration answered ${answer.code.toString(16)}: ${String(answer.payload)}`)
  }
  return locationOf(answer)[1] ?? ''
}
