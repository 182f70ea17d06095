import assert from 'node:assert/strict'
import type { ReadMessage } from '../../support/raw-coap'
import { optionsOf } from '../support/registered-device'
import type { ScriptedPeer } from '../../support/scripted-device'
import { Harness } from '../registration/support/harness'

describe('the timeout of a request', () => {
  let harness: Harness
  let device: ScriptedPeer
  beforeEach(async () => {
    harness = await Harness.start({ awakeWindow: 5_000 })
    ;[device] = await harness.registered(['ep=a', 'lwm2m=1.1'])
  })
  afterEach(() => harness.stop())

  const failure = (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
    promise.then(
      () => ({ code: 'none', message: '' }),
      (error: { code: string; message: string }) => error,
    )
  const read = (path: string, timeout?: number) =>
    harness.server.read('a', path, timeout === undefined ? {} : { timeout })

  async function answer(request: ReadMessage, more: object = {}): Promise<void> {
    const { mid, token } = request
    await device.send({ type: 2, code: 0x45, mid, token, payload: '7', ...more })
  }

  it('bounds the wait behind a request that is not answered, and says what that is', async () => {
    const dead = failure(read('/3/0/0'))
    await device.message()
    const behind = failure(read('/3/0/9', 5_000))
    await harness.clock.run(4_990, 10)
    assert.equal(await Promise.race([behind, 'waits']), 'waits')
    await harness.clock.run(20, 10)
    const { code, message } = await behind
    assert.equal(code, 'timeout')
    assert.match(message, /within 5000 ms.* read \/3\/0\/0.* has not answered for 50\d\d ms/)
    await harness.clock.run(100_000, 1_000)
    assert.equal((await dead).code, 'timeout')
  })

  it('an ignored request blocks the device no longer than its own', async () => {
    const dead = failure(read('/3/0/0', 3_000))
    await device.message()
    const next = read('/3/0/9')
    await harness.clock.run(3_100, 10)
    assert.equal((await dead).code, 'timeout')
    let request = await device.message()
    // A retransmission of the first may lie between.
    while (request.options.at(-2)?.[1].toString() !== '9') request = await device.message()
    await answer(request, { options: optionsOf({ format: 0 }) })
    assert.equal((await next).records[0]?.value, 7)
  })

  it('what was acknowledged but not answered says so', async () => {
    const outcome = failure(read('/3/0/0', 3_000))
    const request = await device.message()
    await device.send({ type: 2, code: 0, mid: request.mid })
    await device.barrier()
    await harness.clock.run(3_200, 10)
    assert.equal((await outcome).code, 'response-timeout')
  })

  it('starts again with each block that is answered', async () => {
    const outcome = read('/3/0/0', 3_000)
    for (const num of [0, 1, 2]) {
      const request = await device.message()
      await harness.clock.run(2_000, 10)
      const block = Buffer.from([(num << 4) | (num < 2 ? 8 : 0)])
      while (device.pending.length > 0) await device.message()
      await answer(request, {
        options: [...optionsOf({ format: 0 }), [23, block]],
        payload: 'x'.repeat(16),
      })
      await device.barrier()
    }
    assert.equal((await outcome).records[0]?.value, 'x'.repeat(48))
  })

  it('of a sleeping device counts from when the request is sent', async () => {
    const [sleeper] = await harness.registered(['ep=b', 'lwm2m=1.1', 'Q'])
    harness.clock.advance(5_000)
    const outcome = harness.server.read('b', '/3/0/9', { timeout: 2_000 })
    await harness.clock.run(60_000, 1_000)
    await sleeper.barrier()
    const { mid, token } = await sleeper.message()
    const options = optionsOf({ format: 0 })
    await sleeper.send({ type: 2, code: 0x45, mid, token, options, payload: '7' })
    assert.equal((await outcome).records[0]?.value, 7)
  })

  it('of one that is not sent yet ends it without a message', async () => {
    const dead = failure(read('/3/0/0'))
    await device.message()
    const [one, two] = [failure(read('/3/0/1', 1_000)), failure(read('/3/0/2', 1_000))]
    await harness.clock.run(1_010, 10)
    assert.deepEqual([(await one).code, (await two).code], ['timeout', 'timeout'])
    await device.barrier()
    assert.ok(device.pending.every(({ code }) => code !== 1))
    await harness.clock.run(100_000, 1_000)
    await dead
  })
})
