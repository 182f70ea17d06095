import assert from 'node:assert/strict'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { ObserveRequest, Subscription } from '../../../src/server/types'
import { MemoryStore } from '../../../src/storage/memory-store'
import { FakeClock } from '../../support/fake-clock'
import { ScriptedPeer } from '../../support/scripted-device'
import { optionsOf } from '../support/registered-device'

const GET = 0x01
const POST = 0x02
const PUT = 0x03

/** A device, and a server that is restarted on the same port with the same store. */
class Restarts {
  readonly clock = new FakeClock()
  private readonly store = new MemoryStore()
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

function subscribe(
  server: Lwm2mServer,
  values: unknown[],
  request: Partial<ObserveRequest> = {},
): Subscription {
  return server.observe(
    { target: 'dev1', paths: ['/3/0/9'], ...request },
    { onValue: ({ records }) => values.push(...records.map(({ value }) => value)) },
  )
}

describe('Observations over a restart', () => {
  let lab: Restarts
  beforeEach(async () => {
    lab = new Restarts()
    await lab.start()
    await lab.register()
  })
  afterEach(() => lab.close())

  for (const when of ['before', 'after'] as const) {
    it(`go on with their token for who subscribes ${when} the start, with nothing sent`, async () => {
      const before: unknown[] = []
      subscribe(lab.server, before)
      const token = await lab.observed(0, 1)
      await lab.server.stop()
      const after: unknown[] = []
      await lab.start((server) => {
        if (when === 'before') subscribe(server, after)
      })
      await lab.notify(token, 2, 2)
      await lab.silent()
      if (when === 'after') subscribe(lab.server, after)
      await lab.notify(token, 3, 3)
      await lab.silent()
      assert.deepEqual(before, [1])
      assert.deepEqual(after, [2, 3], 'a value from before the subscription is its last known one')
      await lab.clock.run(120_000, 60_000)
      await lab.silent()
    })
  }

  it('are cancelled a minute after the start when nobody wants them', async () => {
    subscribe(lab.server, [], { criteria: { pmin: 5 } })
    const attributes = await lab.peer.message()
    assert.equal(attributes.code, PUT)
    await lab.peer.send({ type: 2, code: 0x44, mid: attributes.mid, token: attributes.token })
    const token = await lab.observed(0, 1)
    await lab.server.stop()
    await lab.start()
    await lab.silent()
    lab.clock.advance(60_000)
    assert.equal(await lab.observed(1, 1), token)
    const unset = await lab.peer.message()
    assert.deepEqual(
      [unset.code, unset.options.map(([, value]) => value.toString())],
      [PUT, ['3', '0', '9', 'pmin']],
    )
    await lab.peer.send({ type: 2, code: 0x44, mid: unset.mid, token: unset.token })
    await lab.silent()
    await lab.server.stop()
    await lab.start()
    lab.clock.advance(60_000)
    await lab.silent()
  })

  it('have their attributes brought up to date', async () => {
    subscribe(lab.server, [], { criteria: { pmin: 5 } })
    const first = await lab.peer.message()
    await lab.peer.send({ type: 2, code: 0x44, mid: first.mid, token: first.token })
    await lab.observed(0, 1)
    await lab.server.stop()
    await lab.start((server) => subscribe(server, [], { criteria: { pmin: 7, pmax: 70 } }))
    const write = await lab.peer.message()
    assert.deepEqual(
      [write.code, write.options.map(([, value]) => value.toString())],
      [PUT, ['3', '0', '9', 'pmin=7', 'pmax=70']],
    )
    await lab.peer.send({ type: 2, code: 0x44, mid: write.mid, token: write.token })
    await lab.silent()
  })

  it('are made anew at the next registration, and not kept from the one before', async () => {
    subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    await lab.server.stop()
    const values: unknown[] = []
    await lab.start((server) => subscribe(server, values))
    await lab.register()
    const renewed = await lab.observed(0, 2)
    assert.notEqual(renewed, token)
    await lab.server.stop()
    await lab.start((server) => subscribe(server, values))
    await lab.notify(renewed, 5, 5)
    await lab.silent()
    assert.deepEqual(values, [2, 5])
  })

  it('that were wanted but not made yet are made after the start', async () => {
    await lab.server.stop()
    const values: unknown[] = []
    await lab.start((server) => subscribe(server, values, { target: '*' }))
    await lab.observed(0, 1)
    assert.deepEqual(values, [1])
  })

  it('end with the registration', async () => {
    subscribe(lab.server, [])
    await lab.observed(0, 1)
    await lab.server.stop()
    lab.clock.advance(86_500_000)
    const values: unknown[] = []
    await lab.start((server) => subscribe(server, values))
    await lab.silent()
    lab.clock.advance(60_000)
    await lab.silent()
  })
})

describe('Observations of a sleeping device', () => {
  let lab: Restarts
  let location: string
  beforeEach(async () => {
    lab = new Restarts()
    await lab.start()
    location = await lab.register(['Q'])
    await lab.peer.barrier()
  })
  afterEach(() => lab.close())

  const update = async () => {
    const answer = await lab.peer.request({ code: POST, options: optionsOf({ path: location }) })
    assert.equal(answer.code, 0x44)
  }

  it('are made when it wakes', async () => {
    lab.clock.advance(100_000)
    const values: unknown[] = []
    subscribe(lab.server, values)
    assert.deepEqual(lab.peer.pending, [])
    await update()
    await lab.observed(0, 1)
    assert.deepEqual(values, [1])
  })

  it('that it did not answer are made when it wakes', async () => {
    const values: unknown[] = []
    subscribe(lab.server, values)
    await lab.peer.message()
    await lab.clock.run(100_000, 1000)
    while (lab.peer.pending.length > 0) await lab.peer.message()
    await update()
    await lab.observed(0, 1)
    assert.deepEqual(values, [1])
  })

  it('are cancelled by RST to the next notification', async () => {
    const values: unknown[] = []
    const subscription = subscribe(lab.server, values)
    const token = await lab.observed(0, 1)
    lab.clock.advance(100_000)
    subscription.close()
    assert.deepEqual(lab.peer.pending, [])
    await lab.notify(token, 2, 2)
    assert.equal((await lab.peer.message()).type, 3)
    assert.deepEqual(values, [1])
  })
})
