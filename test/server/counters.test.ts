import assert from 'node:assert/strict'
import type { Lwm2mServer } from '../../src/server/lwm2m-server'
import { CON } from '../support/raw-coap'
import { Harness, register, registerOk, toLocation } from './registration/support/harness'
import { SecureTransport } from './registration/support/secure-transport'

const WINDOW = 5_000
const QUEUE = ['lwm2m=1.1', 'Q']

/** What the counters of a server say of its registrations, after a look at each whether it is true. */
function counted({ server }: Harness): readonly number[] {
  const { registrations, asleep, queued, secured, awaitingHandshake } = server.statistics
  const all = [...server.registrations]
  assert.equal(registrations, all.length)
  assert.equal(asleep, all.filter(({ state }) => state === 'asleep').length)
  assert.equal(secured, all.filter(({ peer }) => peer.secure).length)
  const waiting = all.map(({ endpoint }) => server.queued(endpoint).length)
  assert.equal(
    queued,
    waiting.reduce((sum, length) => sum + length, 0),
  )
  return [registrations, asleep, queued, secured, awaitingHandshake]
}

/** The values of a counter by its labels. */
function metric(server: Lwm2mServer, name: string): { readonly [labels: string]: number } {
  const family = [...server.metrics].find((one) => one.name === name)
  assert.ok(family !== undefined, name)
  return Object.fromEntries([...family].map(([labels, value]) => [labels.join(' '), value]))
}

describe('counters of registrations and requests', () => {
  let transport: SecureTransport
  let harness: Harness
  beforeEach(async () => {
    transport = new SecureTransport()
    harness = await Harness.start({ awakeWindow: WINDOW, coaps: { transport } })
  })
  afterEach(() => harness.stop())

  it('follow devices that sleep, wake up, register anew, move and leave', async () => {
    const { server, clock } = harness
    assert.deepEqual(counted(harness), [0, 0, 0, 0, 0])
    const [one, id] = await harness.registered(['ep=a', ...QUEUE])
    await harness.registered(['ep=b', ...QUEUE])
    assert.deepEqual(counted(harness), [2, 0, 0, 0, 0])
    clock.advance(WINDOW)
    assert.deepEqual(counted(harness), [2, 2, 0, 0, 0])
    const outcomes = ['a', 'a', 'b'].map((endpoint) =>
      server.read(endpoint, '/3/0').catch((error: { code: string }) => error.code),
    )
    assert.deepEqual(counted(harness), [2, 2, 3, 0, 0])
    assert.equal((await one.request(toLocation(id))).code, 0x44)
    const request = await one.message()
    assert.deepEqual(counted(harness), [2, 1, 2, 0, 0])
    await one.send({ type: 2, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(await outcomes[0], '4.04')
    // The second goes out; the device registers anew before it answers.
    await one.message()
    const two = await harness.device()
    const again = await registerOk(two, ['ep=a', ...QUEUE])
    assert.deepEqual(counted(harness), [2, 1, 1, 0, 0])
    const repeated = await two.message()
    await two.send({ type: 2, code: 0x84, mid: repeated.mid, token: repeated.token })
    assert.equal(await outcomes[1], '4.04')
    assert.equal(server.cancelQueued('b'), 1)
    clock.advance(WINDOW)
    assert.deepEqual(counted(harness), [2, 2, 0, 0, 0])
    assert.equal((await two.request({ ...toLocation(again), code: 4 })).code, 0x42)
    assert.deepEqual(counted(harness), [1, 1, 0, 0, 0])
    await Promise.all(outcomes)
    assert.deepEqual(metric(server, 'lwm2m_registers_total'), { new: 2, again: 1 })
    assert.deepEqual(metric(server, 'lwm2m_updates_total'), { lifetime: 1, changed: 0 })
    assert.deepEqual(metric(server, 'lwm2m_registrations_ended_total'), {
      deregistered: 1,
      expired: 0,
    })
    assert.deepEqual(metric(server, 'lwm2m_requests_total'), {
      'read 4.04': 2,
      'read cancelled': 1,
    })
  })

  it('follow associations that end and come back', async () => {
    const peer = transport.psk('id-a')
    await peer.request({ ...register(['ep=s', 'lwm2m=1.1', 'lt=60']), type: CON })
    assert.deepEqual(counted(harness), [1, 0, 0, 1, 0])
    transport.close(peer, 'closed')
    assert.deepEqual(counted(harness), [1, 0, 0, 1, 1])
    await transport.psk('id-a').request({ type: CON, code: 0 })
    assert.deepEqual(counted(harness), [1, 0, 0, 1, 0])
    harness.clock.advance(61_000)
    await harness.seen('expired')
    assert.deepEqual(counted(harness), [0, 0, 0, 0, 0])
  })
})
