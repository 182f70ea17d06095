import assert from 'node:assert/strict'
import { optionsOf } from '../support/registered-device'
import { POST, PUT, Restarts, subscribe } from './support/restarts'

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

describe('Observations whose listener is made anew', () => {
  let lab: Restarts
  beforeEach(async () => {
    lab = new Restarts()
    await lab.start()
    await lab.register()
  })
  afterEach(() => lab.close())

  it('go on with nothing sent, and nothing that came meanwhile is lost', async () => {
    const subscription = subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    subscription.release()
    await lab.silent()
    await lab.notify(token, 2, 2)
    await lab.notify(token, 3, 3)
    await lab.silent()
    const values: unknown[] = []
    const beside: unknown[] = []
    subscribe(lab.server, values)
    subscribe(lab.server, beside)
    await lab.silent()
    await lab.notify(token, 4, 4)
    await lab.silent()
    assert.deepEqual(values, [1, 2, 3, 4])
    assert.deepEqual(beside, [1, 2, 3, 4])
    const late: unknown[] = []
    subscribe(lab.server, late)
    await lab.silent()
    assert.deepEqual(late, [4])
    await lab.clock.run(120_000, 60_000)
    await lab.silent()
  })

  it('are given what came meanwhile once, not again to who comes later', async () => {
    const subscription = subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    subscription.release()
    await lab.notify(token, 2, 2)
    await lab.silent()
    subscribe(lab.server, [])
    await lab.silent()
    const late: unknown[] = []
    subscribe(lab.server, late)
    await lab.silent()
    assert.deepEqual(late, [2])
  })

  it('keep the latest 100 values while nobody subscribes', async () => {
    const subscription = subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    subscription.release()
    for (let value = 2; value <= 150; value++) await lab.notify(token, value, value)
    await lab.silent()
    const values: unknown[] = []
    subscribe(lab.server, values)
    await lab.silent()
    assert.deepEqual(
      values,
      Array.from({ length: 100 }, (_, i) => 51 + i),
    )
  })

  it('have their attributes written once, for all who come back', async () => {
    const criteria = { criteria: { pmin: 5 } }
    const one = subscribe(lab.server, [], { criteria: { pmin: 9 } })
    const other = subscribe(lab.server, [], criteria)
    await lab.answer(await lab.peer.message(), 0x44)
    await lab.observed(0, 1)
    await lab.answer(await lab.peer.message(), 0x44)
    await lab.silent()
    one.release()
    other.release()
    subscribe(lab.server, [], { criteria: { pmin: 9 } })
    subscribe(lab.server, [], criteria)
    await lab.silent()
  })

  it('are cancelled after a minute when it does not come back', async () => {
    const subscription = subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    subscription.release()
    lab.clock.advance(59_999)
    await lab.silent()
    lab.clock.advance(1)
    assert.equal(await lab.observed(1, 1), token)
    await lab.silent()
  })

  it('end with the registration', async () => {
    const subscription = subscribe(lab.server, [])
    await lab.observed(0, 1)
    subscription.release()
    await lab.register()
    await lab.clock.run(120_000, 60_000)
    await lab.silent()
  })

  it('have every timestamp of what came before anybody listened', async () => {
    subscribe(lab.server, [])
    const token = await lab.observed(0, 1)
    await lab.server.stop()
    await lab.start()
    await lab.peer.send({
      type: 1,
      code: 0x45,
      mid: lab.peer.nextMid(),
      token,
      options: optionsOf({ observe: 2, format: 110 }),
      payload: '[{"bn":"/3/0/9","bt":1700000000,"t":2,"v":3},{"t":1,"v":2},{"t":0,"v":1}]',
    })
    await lab.silent()
    const values: unknown[] = []
    subscribe(lab.server, values)
    await lab.silent()
    assert.deepEqual(values, [1, 2, 3])
  })
})

describe('When the server stops', () => {
  let lab: Restarts
  beforeEach(async () => {
    lab = new Restarts()
    await lab.start()
    await lab.register()
  })
  afterEach(() => lab.close())

  it('values that were acknowledged while their observation was being kept are delivered', async () => {
    const values: unknown[] = []
    subscribe(lab.server, values)
    const held = new Promise<void>((resolve) => {
      lab.store.onHeld = resolve
    })
    lab.store.hold()
    const token = await lab.observed(0, 1)
    await held
    await lab.notify(token, 2, 2)
    await lab.peer.barrier()
    assert.deepEqual(values, [])
    await lab.server.stop()
    assert.deepEqual(values, [1, 2])
    lab.store.release()
  })
})

describe('Paths observed one by one for want of Observe-Composite', () => {
  const paths = ['/1/0/1', '/3/0/9']
  let lab: Restarts
  beforeEach(async () => {
    lab = new Restarts()
    await lab.start()
    await lab.register()
  })
  afterEach(() => lab.close())

  /** Refuses Observe-Composite. */
  async function refuse(): Promise<void> {
    const composite = await lab.peer.message()
    assert.equal(composite.code, 0x05)
    await lab.answer(composite, 0x85)
  }

  /** Answers the Observe of the first path; its token. */
  async function first(value: number): Promise<string> {
    const request = await lab.peer.message()
    assert.deepEqual(
      request.options.map(([, bytes]) => String(bytes)),
      ['', '1', '0', '1', 'p'],
    )
    await lab.answer(request, 0x45, 1, String(value))
    return request.token
  }

  it('go on after a restart with their tokens, with nothing sent', async () => {
    subscribe(lab.server, [], { paths })
    await refuse()
    const tokens = [await first(300), await lab.observed(0, 1)]
    await lab.server.stop()
    const values: unknown[] = []
    await lab.start((server) => subscribe(server, values, { paths }))
    await lab.notify(tokens[0] ?? '', 2, 301)
    await lab.notify(tokens[1] ?? '', 2, 2)
    await lab.silent()
    assert.deepEqual(values, [301, 2])
  })

  it('that were not observed before the stop are after the start', async () => {
    subscribe(lab.server, [], { paths })
    await refuse()
    const token = await first(300)
    await lab.peer.message()
    await lab.server.stop()
    const values: unknown[] = []
    await lab.start((server) => subscribe(server, values, { paths }))
    await lab.observed(0, 1)
    await lab.notify(token, 2, 301)
    await lab.silent()
    assert.deepEqual(values, [1, 301])
  })

  it('that the device did not answer are tried again, and only these', async () => {
    const values: unknown[] = []
    subscribe(lab.server, values, { paths })
    await refuse()
    await first(300)
    const lost = await lab.peer.message()
    await lab.clock.run(100_000, 1000)
    while (lab.peer.pending.length > 0) assert.equal((await lab.peer.message()).mid, lost.mid)
    while (lab.peer.pending.length === 0) {
      lab.clock.advance(1000)
      await lab.peer.barrier()
    }
    await lab.observed(0, 1)
    await lab.silent()
    assert.deepEqual(values, [300, 1])
  })

  it('that end with an error of the device are observed again, and only these', async () => {
    const values: unknown[] = []
    subscribe(lab.server, values, { paths })
    await refuse()
    await first(300)
    const token = await lab.observed(0, 1)
    await lab.peer.send({ type: 1, code: 0xa0, mid: lab.peer.nextMid(), token })
    await lab.silent()
    lab.clock.advance(60_000)
    await lab.observed(0, 2)
    await lab.silent()
    assert.deepEqual(values, [300, 1, 2])
  })
})
