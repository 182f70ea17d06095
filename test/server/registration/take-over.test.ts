import assert from 'node:assert/strict'
import { CON } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import type { TakeOverPolicy } from '../../../src/server/registration/take-over'
import { Harness, register, registerOk } from './support/harness'

const QUERY = ['ep=room-1', 'lwm2m=1.1']

describe('a Register without security for an endpoint that is registered from another address', () => {
  let harness: Harness
  let holder: ScriptedPeer
  let other: ScriptedPeer
  afterEach(() => harness.stop())

  async function start(takeOver?: TakeOverPolicy): Promise<void> {
    harness = await Harness.start(takeOver === undefined ? {} : { takeOver })
    ;[holder] = await harness.registered(QUERY)
    other = await harness.device()
  }

  const port = (): number | undefined => harness.server.registrations.get('room-1')?.peer.port

  it('is accepted with a warning each time that names both addresses', async () => {
    await start()
    await registerOk(other, QUERY)
    assert.equal(port(), other.port)
    await registerOk(holder, QUERY)
    const warnings = harness.named('warning').filter(([{ code }]) => code === 'endpoint-taken-over')
    assert.equal(warnings.length, 2)
    const [first] = warnings[0] ?? []
    assert.equal(first?.endpoint, 'room-1')
    assert.match(first?.message ?? '', new RegExp(`port ${other.port} .* port ${holder.port}`))
  })

  it('is accepted without a warning where that was chosen', async () => {
    await start('accept')
    await registerOk(other, QUERY)
    assert.equal(port(), other.port)
    assert.deepEqual(harness.named('warning'), [])
  })

  it('from the same address it is none', async () => {
    await start('refuse')
    await registerOk(holder, QUERY)
    assert.deepEqual(harness.named('warning'), [])
  })

  it('is rejected with 4.03 while the registered device answers a ping', async () => {
    await start('refuse')
    const asked = other.request(register(QUERY))
    const ping = await holder.message()
    assert.deepEqual([ping.type, ping.code], [CON, 0])
    await holder.send({ type: 3, code: 0, mid: ping.mid })
    assert.equal((await asked).code, 0x83)
    assert.equal(port(), holder.port)
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'take-over-refused')
    assert.match(warning.message, new RegExp(`port ${other.port}.* port ${holder.port}`))
  })

  it('and accepted, with a warning, where it does not answer', async () => {
    await start('refuse')
    const asked = other.request(register(QUERY))
    await holder.message()
    await harness.clock.run(20_000, 500)
    assert.equal((await asked).code, 0x41)
    assert.equal(port(), other.port)
    assert.equal((await harness.seen('warning'))[0].code, 'endpoint-taken-over')
  })
})
