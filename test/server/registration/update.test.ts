import assert from 'node:assert/strict'
import { CON, NON, Opt } from '../../support/raw-coap'
import { Harness, OBJECTS, register, registerOk, toLocation } from './support/harness'

const DELETE = 4

describe('Update and De-register (Core §6.2.2, §6.2.3)', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await Harness.start()
  })
  afterEach(() => harness.stop())

  it('an empty Update is answered 2.04, byte by byte, and restarts the lifetime', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    harness.clock.advance(50_000)
    await device.send({ ...toLocation(id), mid: 0x3001, token: '77' })
    assert.equal((await device.receive()).bytes.toString('hex'), '6144300177')
    harness.clock.advance(59_000)
    assert.equal(harness.server.registrations.size, 1)
    const registration = harness.server.registrations.get('a')
    assert.equal(registration?.updatedAt, (registration?.registeredAt ?? 0) + 50_000)
    assert.equal(registration?.expiresAt, (registration?.registeredAt ?? 0) + 110_000)
    const [, change] = await harness.seen('updated')
    assert.deepEqual(change, {
      address: false,
      lifetime: false,
      binding: false,
      objects: false,
      added: [],
      removed: [],
    })
    harness.clock.advance(2_000)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('an Update changes what it names', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60', 'x=1'])
    const { code } = await device.request(
      toLocation(id, ['lt=120', 'b=UT', 'Q', 'sms=491701', 'y=2']),
    )
    assert.equal(code, 0x44)
    const registration = harness.server.registrations.get('a')
    assert.equal(registration?.lifetime, 120)
    assert.equal(registration?.binding, 'UT')
    assert.equal(registration?.queueMode, true)
    assert.equal(registration?.sms, '491701')
    assert.deepEqual(registration?.attributes, { x: '1', y: '2' })
    const [, change] = await harness.seen('updated')
    assert.deepEqual(
      [change.lifetime, change.binding, change.objects, change.address],
      [true, true, false, false],
    )
    harness.clock.advance(119_000)
    assert.equal(harness.server.registrations.size, 1)
    // Q cannot be switched off by an Update of 1.1: its absence says nothing.
    await device.request(toLocation(id, ['lt=60', 'b=U']))
    assert.equal(registration?.queueMode, true)
    harness.clock.advance(61_000)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('an Update of 1.0 switches queue mode by its binding', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.0', 'b=UQ'])
    await device.request(toLocation(id, ['b=U']))
    assert.equal(harness.server.registrations.get('a')?.queueMode, false)
    await device.request(toLocation(id, ['b=UQS']))
    assert.equal(harness.server.registrations.get('a')?.queueMode, true)
  })

  it('an unknown location is answered 4.04, a wrong method 4.05', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    assert.equal((await device.request(toLocation('nobody'))).code, 0x84)
    assert.equal((await device.request(toLocation(id, [], '', 3))).code, 0x85)
    assert.equal(harness.named('updated').length, 0)
  })

  it('a wrong Update is answered 4.00 and changes nothing', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    harness.clock.advance(30_000)
    for (const query of [['lt=x'], ['b=Z'], ['Q=1'], ['sms=x'], ['lt=1', 'lt=2']]) {
      assert.equal((await device.request(toLocation(id, query))).code, 0x80, query.join())
    }
    assert.equal((await device.request(toLocation(id, ['lt=90'], '</'))).code, 0x80)
    assert.equal(harness.server.registrations.get('a')?.lifetime, 60)
    assert.equal(harness.named('updated').length, 0)
    harness.clock.advance(31_000)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('a list replaces the old one whole, and the difference is told', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const { code } = await device.request(toLocation(id, [], '</1/0>,</3303/0>,</3303/1>,</5>'))
    assert.equal(code, 0x44)
    assert.deepEqual(
      harness.server.registrations.get('a')?.objects.map(({ id, instances }) => [id, instances]),
      [
        [1, [0]],
        [3303, [0, 1]],
        [5, []],
      ],
    )
    const [, change] = await harness.seen('updated')
    assert.equal(change.objects, true)
    assert.deepEqual(change.added, ['/3303/0', '/3303/1', '/5'])
    assert.deepEqual(change.removed, ['/3/0'])
    // The same list again is no change.
    await device.request(toLocation(id, [], '</1/0>,</3303/0>,</3303/1>,</5>'))
    const [, again] = await harness.seen('updated', 2)
    assert.equal(again.objects, false)
  })

  it('DELETE ends it once; after that nothing is sent to the device', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    assert.equal((await device.request(toLocation(id, [], '', DELETE))).code, 0x42)
    assert.equal((await device.request(toLocation(id, [], '', DELETE))).code, 0x84)
    assert.equal(harness.named('deregistered').length, 1)
    assert.equal(harness.server.registrations.size, 0)
    await assert.rejects(harness.server.read('a', '/3/0'), { code: 'unknown-endpoint' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('a pending and a waiting request fail with cancelled at DELETE', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const errors: unknown[] = []
    const pending = [
      harness.server.read('a', '/3/0').catch((error: unknown) => errors.push(error)),
      harness.server.read('a', '/1/0').catch((error: unknown) => errors.push(error)),
    ]
    const request = await device.message()
    assert.equal(request.code, 1)
    await device.send({ ...toLocation(id, [], '', DELETE), mid: 9, token: '09' })
    await Promise.all(pending)
    assert.deepEqual(
      errors.map((error) => (error as { code: string }).code),
      ['cancelled', 'cancelled'],
    )
    assert.equal((await device.message()).code, 0x42)
    // Neither is retransmitted nor is the second one sent.
    await harness.clock.run(20_000, 1_000)
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('registering anew replaces the registration and cancels what is pending at once', async () => {
    const [first, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const pending = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    await first.message()
    const [second, newId] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    assert.equal(((await pending) as { code: string }).code, 'cancelled')
    assert.notEqual(newId, id)
    assert.equal(harness.server.registrations.size, 1)
    assert.equal(harness.server.registrations.get('a')?.peer.port, second.port)
    assert.equal((await first.request(toLocation(id))).code, 0x84)
    assert.equal((await second.request(toLocation(newId))).code, 0x44)
    const [registration, previous] = await harness.seen('registered', 2)
    assert.equal(registration.id, newId)
    assert.equal(previous?.id, id)
    assert.equal(harness.named('deregistered').length, 0)
    // What comes next goes to the new address.
    const read = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    const request = await second.message()
    await second.send({ type: 2, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(((await read) as { code: string }).code, '4.04')
  })

  it('a request made in the registered event goes out after the 2.01', async () => {
    harness.server.on('registered', ({ endpoint }) => {
      harness.server.read(endpoint, '/3/0').catch(() => {})
    })
    const device = await harness.device()
    await device.send({ ...register(['ep=a', 'lwm2m=1.1']), type: CON, mid: 1, token: '01' })
    assert.equal((await device.message()).code, 0x41)
    assert.equal((await device.message()).code, 0x01)
  })

  it('wanted observations are made again after the 2.01', async () => {
    const device = await harness.device()
    harness.server.observe({ target: 'a', paths: ['/3/0/9'] }, { onValue: () => {} })
    for (const mid of [1, 2]) {
      await device.send({ ...register(['ep=a', 'lwm2m=1.1']), type: CON, mid, token: '01' })
      assert.equal((await device.message()).code, 0x41)
      const observe = await device.message()
      assert.equal(observe.code, 0x01)
      assert.ok(observe.options.some(([number]) => number === Opt.OBSERVE))
      await device.send({
        type: 2,
        code: 0x45,
        mid: observe.mid,
        token: observe.token,
        options: [
          [Opt.OBSERVE, 1],
          [Opt.CONTENT_FORMAT, 0],
        ],
        payload: '50',
      })
      await device.barrier()
    }
  })

  it('ends when its lifetime ends, once; an Update afterwards is answered 4.04', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=20'])
    harness.clock.advance(19_990)
    assert.equal(harness.named('expired').length, 0)
    harness.clock.advance(20)
    assert.equal(harness.named('expired').length, 1)
    assert.equal(harness.server.registrations.size, 0)
    assert.equal((await device.request(toLocation(id))).code, 0x84)
    harness.clock.advance(100_000)
    assert.equal(harness.named('expired').length, 1)
    assert.equal(harness.named('deregistered').length, 0)
  })

  it('a shorter lifetime takes effect at once, a longer one too, zero never ends', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=1000'])
    await device.request(toLocation(id, ['lt=10']))
    harness.clock.advance(9_000)
    await device.request(toLocation(id, ['lt=50']))
    harness.clock.advance(49_000)
    assert.equal(harness.server.registrations.size, 1)
    await device.request(toLocation(id, ['lt=0']))
    harness.clock.advance(1e10)
    assert.equal(harness.server.registrations.size, 1)
    await device.request(toLocation(id, ['lt=10']))
    harness.clock.advance(10_001)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('a registration outlives its lifetime by the grace period', async () => {
    await harness.stop()
    harness = await Harness.start({ lifetime: { grace: 5 } })
    await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=20'])
    harness.clock.advance(24_900)
    assert.equal(harness.server.registrations.size, 1)
    harness.clock.advance(200)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('an Update from a new address moves the registration, with what is pending', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const read = harness.server.read('a', '/3/0/0')
    const request = await device.message()
    const moved = await harness.device()
    assert.equal((await moved.request(toLocation(id))).code, 0x44)
    const [, change] = await harness.seen('updated')
    assert.equal(change.address, true)
    assert.equal(harness.server.registrations.get('a')?.peer.port, moved.port)
    // The device answers the old request from where it is now.
    await moved.send({
      type: CON,
      code: 0x45,
      mid: 77,
      token: request.token,
      options: [[Opt.CONTENT_FORMAT, 0]],
      payload: 'maker',
    })
    assert.equal((await read).records[0]?.value, 'maker')
    assert.equal((await moved.message()).type, 2)
  })

  it('an Update from a new address is answered 4.04 where addresses are not learnt', async () => {
    await harness.stop()
    harness = await Harness.start({ learnAddress: false })
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const moved = await harness.device()
    assert.equal((await moved.request(toLocation(id))).code, 0x84)
    assert.equal((await device.request(toLocation(id))).code, 0x44)
    assert.equal(harness.server.registrations.get('a')?.peer.port, device.port)
  })

  it('what is meant for a device is not sent to another one at its old address', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const pending = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    await device.message()
    await registerOk(device, ['ep=b', 'lwm2m=1.1'])
    assert.equal(((await pending) as { code: string }).code, 'cancelled')
    await assert.rejects(harness.server.read('a', '/3/0'), { code: 'peer-gone' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
    // A is still registered, and reachable as soon as it is heard of.
    const moved = await harness.device()
    assert.equal((await moved.request(toLocation(id))).code, 0x44)
    const read = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    const request = await moved.message()
    await moved.send({ type: 2, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(((await read) as { code: string }).code, '4.04')
    // And b's address is b's.
    assert.equal(harness.server.registrations.get('b')?.peer.port, device.port)
  })

  it('warns when two devices with one name take turns, but not when one moves', async () => {
    await harness.stop()
    harness = await Harness.start({ takeOver: 'accept' })
    const [one, two] = [await harness.device(), await harness.device()]
    const query = ['ep=a', 'lwm2m=1.1']
    await registerOk(one, query)
    await registerOk(one, query)
    await registerOk(two, query)
    await registerOk(two, query)
    assert.deepEqual(harness.named('warning'), [])
    await registerOk(one, query)
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'duplicate-endpoint')
    assert.equal(warning.endpoint, 'a')
    assert.ok(warning.message.includes(String(one.port)))
    assert.ok(warning.message.includes(String(two.port)))
    // Once a minute is enough.
    await registerOk(two, query)
    assert.equal(harness.named('warning').length, 1)
    harness.clock.advance(61_000)
    await registerOk(one, query)
    assert.equal(harness.named('warning').length, 2)
  })

  it('a device that vanishes costs its request a typed time-out, and nothing else', async () => {
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const [other, id] = await harness.registered(['ep=b', 'lwm2m=1.1'])
    const read = harness.server.read('a', '/3/0').catch((error: unknown) => error)
    await device.message()
    await harness.vanish(device)
    await harness.clock.run(250_000, 1_000)
    assert.equal(((await read) as { code: string }).code, 'timeout')
    assert.equal(harness.server.registrations.size, 2)
    assert.equal((await other.request(toLocation(id))).code, 0x44)
  })

  it('a NON Update is taken, and an old Update with a list keeps its profile', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.2', 'pid=6:00ff'])
    const answer = await device.request({ ...toLocation(id, ['lt=99']), type: NON })
    assert.deepEqual([answer.type, answer.code], [NON, 0x44])
    assert.equal(harness.server.registrations.get('a')?.lifetime, 99)
    assert.equal((await device.request(toLocation(id, ['pid=6:00ff']))).code, 0x44)
    assert.equal(harness.named('updated').length, 2)
    assert.equal(harness.server.registrations.get('a')?.objects.length, 2)
    assert.ok(OBJECTS.includes('</3/0>'))
  })

  it('an answer or a ping restarts nothing but the sign of life', async () => {
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    const registration = harness.server.registrations.get('a')
    harness.clock.advance(30_000)
    await device.barrier()
    assert.equal(registration?.lastSeen, (registration?.registeredAt ?? 0) + 30_000)
    harness.clock.advance(30_100)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('lists by pattern, in pages', async () => {
    for (const ep of ['dev-1', 'dev-2', 'meter-1', 'dev-3', 'dev-10']) {
      await harness.registered([`ep=${ep}`, 'lwm2m=1.1'])
    }
    const { registrations } = harness.server
    const names = (query?: Parameters<typeof registrations.list>[0]): string[] =>
      registrations.list(query).map(({ endpoint }) => endpoint)
    assert.deepEqual(names(), ['dev-1', 'dev-2', 'meter-1', 'dev-3', 'dev-10'])
    assert.deepEqual(names({ pattern: 'dev-?' }), ['dev-1', 'dev-2', 'dev-3'])
    assert.deepEqual(names({ pattern: 'dev-*', offset: 1, limit: 2 }), ['dev-2', 'dev-3'])
    assert.deepEqual(names({ pattern: 'meter-1' }), ['meter-1'])
    assert.deepEqual(names({ pattern: 'Dev-1' }), [])
    assert.equal(registrations.size, 5)
    assert.equal(harness.server.statistics.registrations, 5)
    const [first] = registrations.list({ limit: 1 })
    const json = JSON.parse(JSON.stringify(first)) as { [name: string]: unknown }
    assert.equal(json['address'], '127.0.0.1')
    assert.equal(json['channel'], undefined)
  })
})
