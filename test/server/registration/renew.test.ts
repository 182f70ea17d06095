import assert from 'node:assert/strict'
import { MemoryStore } from '../../../src/storage/memory-store'
import { CON, NON, Opt } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import { optionsOf } from '../support/registered-device'
import { Harness } from './support/harness'

const LIFETIME = 60_000

describe('a lifetime that notifications and Sends renew', () => {
  let harness: Harness
  afterEach(() => harness.stop())

  const send = (device: ScriptedPeer): Promise<{ code: number }> =>
    device.request({
      type: CON,
      code: 2,
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 110],
      ],
      payload: '[{"n":"/3/0/9","v":21}]',
    })

  async function observed(device: ScriptedPeer): Promise<string> {
    const { mid, token } = await device.message()
    const options = optionsOf({ observe: 1, format: 0 })
    await device.send({ type: 2, code: 0x45, mid, token, options, payload: '1' })
    await device.barrier()
    return token
  }

  async function notify(device: ScriptedPeer, token: string, observe: number): Promise<void> {
    const mid = device.nextMid()
    const options = optionsOf({ observe, format: 0 })
    await device.send({ type: NON, code: 0x45, mid, token, options, payload: '2' })
    await device.barrier()
  }

  for (const store of [undefined, new MemoryStore()]) {
    it(`lasts as long as they come (${store === undefined ? 'without' : 'with'} a store)`, async () => {
      harness = await Harness.start({ store, lifetime: { renewOnReports: true } })
      harness.server.observe({ target: 'a', paths: ['/3/0/9'] }, { onValue: () => {} })
      const [device] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
      const token = await observed(device)
      harness.clock.advance(50_000)
      assert.equal((await send(device)).code, 0x44)
      harness.clock.advance(50_000)
      await notify(device, token, 2)
      harness.clock.advance(50_000)
      const registration = harness.server.registrations.get('a')
      assert.equal(registration?.expiresAt, harness.clock.now() + 10_000)
      // Anything else does not count.
      await device.barrier()
      harness.clock.advance(10_001)
      await harness.seen('expired')
    })
  }

  it('is there with its renewed lifetime after a restart', async () => {
    const store = new MemoryStore()
    harness = await Harness.start({ store, lifetime: { renewOnReports: true } })
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    harness.clock.advance(50_000)
    await send(device)
    const { clock } = harness
    await harness.stop()
    clock.advance(50_000)
    harness = await Harness.start({ store, lifetime: { renewOnReports: true } }, clock)
    assert.ok(harness.server.registrations.get('a'))
  })

  it('without that choice only an Update renews it', async () => {
    harness = await Harness.start()
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    harness.clock.advance(50_000)
    await send(device)
    harness.clock.advance(LIFETIME - 50_000)
    await harness.seen('expired')
  })
})
