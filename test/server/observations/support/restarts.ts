import assert from 'node:assert/strict'
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import type { ObserveRequest, Subscription } from '../../../../src/server/types'
import { MemoryStore } from '../../../../src/storage/memory-store'
import { FakeClock } from '../../../support/fake-clock'
import type { ReadMessage } from '../../../support/raw-coap'
import { ScriptedPeer } from '../../../support/scripted-device'
import { optionsOf } from '../../support/registered-device'

const GET = 0x01
export const POST = 0x02
export const PUT = 0x03

/** A store whose writes of observations can be held up. */
class HeldStore extends MemoryStore {
  private held: Promise<void> | undefined
  private free: () => void = () => {}
  /** Told when a write waits. */
  onHeld: () => void = () => {}

  hold(): void {
    this.held = new Promise((resolve) => {
      this.free = resolve
    })
  }

  release(): void {
    this.held = undefined
    this.free()
  }

  override async put(key: string, value: Uint8Array): Promise<void> {
    if (key.startsWith('relation:') && this.held !== undefined) {
      this.onHeld()
      await this.held
    }
    return super.put(key, value)
  }
}

/** A device, and a server that is restarted on the same port with the same store. */
export class Restarts {
  readonly clock = new FakeClock()
  readonly store = new HeldStore()
  private port = 0
  peer!: ScriptedPeer
  server!: Lwm2mServer

  async start(before: (server: Lwm2mServer) => void = () => {}): Promise<void> {
    this.server = new Lwm2mServer({
      coap: { host: '127.0.0.1', port: this.port },
      store: this.store,
      clock: this.clock,
    })
    before(this.server)
    const { coap } = await this.server.start()
    this.port = coap?.port ?? 0
    this.peer ??= (await ScriptedPeer.open()).connect(this.port)
  }

  async register(query: string[] = []): Promise<string> {
    const answer = await this.peer.request({
      code: POST,
      options: optionsOf({
        path: 'rd',
        format: 40,
        query: ['ep=dev1', 'lwm2m=1.1', 'lt=86400', ...query],
      }),
      payload: '</1/0>,</3/0>',
    })
    assert.equal(answer.code, 0x41)
    return answer.options.flatMap(([n, value]) => (n === 8 ? [value.toString()] : [])).join('/')
  }

  /** Answers a request in its ACK. */
  async answer(request: ReadMessage, code: number, observe?: number, value = ''): Promise<void> {
    await this.peer.send({
      type: 2,
      code,
      mid: request.mid,
      token: request.token,
      ...(value === '' ? {} : { options: optionsOf({ observe, format: 0 }), payload: value }),
    })
  }

  async notify(token: string, observe: number, value: number): Promise<void> {
    await this.peer.send({
      type: 1,
      code: 0x45,
      mid: this.peer.nextMid(),
      token,
      options: optionsOf({ observe, format: 0 }),
      payload: String(value),
    })
  }

  /** Takes an Observe (0) or Cancel (1) of /3/0/9 and answers it. */
  async observed(observe: 0 | 1, value: number): Promise<string> {
    const request = await this.peer.message()
    assert.equal(request.code, GET)
    const options = optionsOf({ observe, path: '/3/0/9', accept: 112 })
    assert.deepEqual(
      request.options.map(([number, bytes]) => [number, bytes.toString('hex')]),
      options.map(([number, of]) => [
        number,
        typeof of === 'string'
          ? Buffer.from(of).toString('hex')
          : of === 0
            ? ''
            : of === 1
              ? '01'
              : '70',
      ]),
    )
    await this.peer.send({
      type: 2,
      code: 0x45,
      mid: request.mid,
      token: request.token,
      options: optionsOf({ observe: observe === 0 ? 1 : undefined, format: 0 }),
      payload: String(value),
    })
    await this.peer.barrier()
    return request.token
  }

  async silent(): Promise<void> {
    await this.peer.barrier()
    assert.deepEqual(this.peer.pending, [])
  }

  async close(): Promise<void> {
    await this.server.stop()
    await this.peer.close()
  }
}

export function subscribe(
  server: Lwm2mServer,
  values: unknown[],
  request: Partial<ObserveRequest> = {},
): Subscription {
  return server.observe(
    { target: 'dev1', paths: ['/3/0/9'], ...request },
    { onValue: ({ records }) => values.push(...records.map(({ value }) => value)) },
  )
}
