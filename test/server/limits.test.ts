import assert from 'node:assert/strict'
import { Code } from '../../src/coap/codes'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { Lwm2mServer } from '../../src/server/lwm2m-server'
import type { Lwm2mServerOptions } from '../../src/server/options'
import type { ServerWarning } from '../../src/server/types'
import { LimitedWarnings } from '../../src/server/limited-warnings'
import { UdpTransport } from '../../src/transport/udp'
import { FakeClock } from '../support/fake-clock'
import { NON } from '../support/raw-coap'
import { GatedStore } from './persistence/support/gated-store'
import { Harness, OBJECTS, register } from './registration/support/harness'

describe('limits of the server', () => {
  it('options that cannot work are refused, by name', () => {
    const cases: [options: Lwm2mServerOptions, message: RegExp][] = [
      [{ lifetime: { min: 10, max: 5 } }, /lifetime\.min is greater/],
      [{ lifetime: { default: 0 } }, /lifetime\.default must be a number of at least 1, not 0/],
      [{ lifetime: { grace: NaN } }, /lifetime\.grace/],
      [{ awakeWindow: -1 }, /awakeWindow/],
      [{ awakeWindows: { 'a*': -1 } }, /awakeWindows "a\*"/],
      [{ queue: { ttl: Infinity } }, /queue\.ttl/],
      [{ queue: { maxLength: 0 } }, /queue\.maxLength/],
      [{ maxRegistrations: 0 }, /maxRegistrations/],
    ]
    for (const [options, message] of cases) {
      assert.throws(() => new Lwm2mServer(options), { code: 'invalid-argument', message })
    }
  })

  it('a flood of warnings is cut to a hundred a second, and counted', () => {
    const clock = new FakeClock()
    const seen: ServerWarning[] = []
    const warnings = new LimitedWarnings(clock, (warning) => seen.push(warning))
    const pass = (): void => warnings.warn({ code: 'value', message: 'x' })
    for (let i = 0; i < 250; i++) pass()
    assert.equal(seen.length, 100)
    clock.advance(1_000)
    pass()
    assert.deepEqual(seen[100], {
      code: 'warnings-suppressed',
      message: '150 further warnings were left out',
    })
    assert.equal(seen.length, 102)
    clock.advance(5_000)
    pass()
    assert.equal(seen.length, 103)
  })

  it('an object list has at most 65,536 bytes', async () => {
    const harness = await Harness.start()
    try {
      const coap = new CoapEndpoint(new UdpTransport({ host: '127.0.0.1', port: 0 }))
      await coap.start()
      const peer = await coap.transport.connect('127.0.0.1', harness.port)
      // Block-wise, and well-formed: nothing is wrong with it but its size.
      const send = async (size: number): Promise<number> => {
        const rest = size - OBJECTS.length - ',</3303/0>;x=""'.length
        const { code } = await coap.request(peer, {
          code: Code.POST,
          path: ['rd'],
          query: ['ep=a', 'lwm2m=1.1'],
          contentFormat: 40,
          payload: Buffer.from(`${OBJECTS},</3303/0>;x="${'y'.repeat(rest)}"`),
        })
        return code
      }
      const tooLarge = await send(65_537)
      assert.equal(tooLarge, Code.REQUEST_ENTITY_TOO_LARGE)
      assert.equal(harness.server.registrations.size, 0)
      await coap.stop()
    } finally {
      await harness.stop()
    }
  })

  it('a listener that throws stops nothing, and is reported', async () => {
    const harness = await Harness.start()
    try {
      harness.server.on('registered', () => {
        throw new Error('oops')
      })
      await harness.registered(['ep=a', 'lwm2m=1.1'])
      const [warning] = await harness.seen('warning')
      assert.equal(warning.code, 'listener-failed')
      assert.match(warning.message, /oops/)
      assert.equal(harness.server.registrations.size, 1)
    } finally {
      await harness.stop()
    }
  })

  it('messages are taken apart for a trace only while somebody watches', async () => {
    const harness = await Harness.start()
    try {
      const seen: [direction: string, endpoint: string | undefined][] = []
      const remove = harness.server.on('trace', ({ direction }, endpoint) => {
        seen.push([direction, endpoint])
      })
      const [device] = await harness.registered(['ep=a', 'lwm2m=1.1'])
      await device.barrier()
      assert.deepEqual(seen.slice(0, 3), [
        ['in', undefined],
        ['out', 'a'],
        ['in', 'a'],
      ])
      remove()
      const { length } = seen
      await device.request(register(['ep=a', 'lwm2m=1.1'], OBJECTS, { type: NON }))
      assert.equal(seen.length, length)
    } finally {
      await harness.stop()
    }
  })

  it('a registration that is being written while the server stops takes no effect', async () => {
    const store = new GatedStore()
    const harness = await Harness.start({ store })
    const device = await harness.device()
    store.hold()
    await device.send({ ...register(['ep=a', 'lwm2m=1.1']), type: 0, mid: 1 })
    await device.barrier()
    await harness.server.stop()
    await store.open()
    store.release()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(harness.named('registered').length, 0)
    assert.equal(harness.server.registrations.size, 0)
    await harness.stop()
  })
})
