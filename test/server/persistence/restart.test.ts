import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lwm2mServerOptions } from '../../../src/server/options'
import type { Registration } from '../../../src/server/types'
import { DiskStore } from '../../../src/storage/disk-store'
import { StoreError } from '../../../src/storage/store'
import { ACK, CON, NON, Opt, type ReadMessage } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import { Harness, OBJECTS, register, registerOk, toLocation } from '../registration/support/harness'
import { GatedStore } from './support/gated-store'

const WINDOW = 5_000

/** What of a registration must be the same after a restart. */
function lasting(registration: Registration | undefined): unknown {
  if (registration === undefined) return undefined
  const { lastSeen, updatedAt, state, peer, ...rest } = JSON.parse(
    JSON.stringify(registration),
  ) as { [name: string]: unknown }
  void [lastSeen, updatedAt, state, peer]
  return rest
}

function pathOf(message: ReadMessage): string {
  const segments = message.options.filter(([number]) => number === Opt.URI_PATH)
  return '/' + segments.map(([, value]) => String(value)).join('/')
}

describe('what survives a restart', () => {
  let folder: string
  let harness: Harness

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-restart-'))
    harness = await Harness.start({ store: new DiskStore(folder), awakeWindow: WINDOW })
  })
  afterEach(async () => {
    await harness.stop()
    rmSync(folder, { recursive: true })
  })

  /** Stops the server, lets time pass, and starts another one on the same folder, port and clock. */
  async function restart(
    ms = 0,
    options: Lwm2mServerOptions = {},
    before: (next: Harness) => void = () => {},
  ): Promise<void> {
    const { port, clock } = harness
    await harness.server.stop()
    clock.advance(ms)
    const next = new Harness(
      {
        coap: { host: '127.0.0.1', port },
        store: new DiskStore(folder),
        awakeWindow: WINDOW,
        ...options,
      },
      clock,
    )
    next.adopt(harness)
    before(next)
    await next.server.start()
    next.port = port
    harness = next
  }

  it('registrations, whole, at their address and location', async () => {
    const query = ['ep=a', 'lwm2m=1.1', 'b=UT', 'Q', 'lt=300', 'sms=49170', 'x=1', '__proto__=y']
    const [device, id] = await harness.registered(
      query,
      '</m>;rt="oma.lwm2m";ct=60,</m/3/0>,</m/5>',
    )
    const before = lasting(harness.server.registrations.get('a'))
    await restart(100_000)
    const registration = harness.server.registrations.get('a')
    assert.deepEqual(lasting(registration), before)
    assert.equal(registration?.peer.port, device.port)
    assert.equal((await device.request(toLocation(id))).code, 0x44)
    assert.equal(harness.named('registered').length, 0)
    const [, change] = await harness.seen('updated')
    assert.equal(change.address, false)
  })

  it('the lifetime goes on from where it was', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=300'])
    await restart(200_000)
    harness.clock.advance(99_000)
    assert.equal(harness.server.registrations.size, 1)
    harness.clock.advance(1_100)
    await harness.seen('expired')
    assert.equal(harness.server.registrations.size, 0)
    await restart()
    assert.equal(harness.server.registrations.size, 0)
    assert.equal(harness.named('expired').length, 0)
  })

  it('a renewed lifetime is never shorter than promised, and longer by little', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=300'])
    for (let i = 0; i < 5; i++) {
      harness.clock.advance(10_000)
      await device.request(toLocation(id))
    }
    await restart(299_000)
    assert.equal(harness.server.registrations.size, 1)
    harness.clock.advance(61_100)
    await harness.seen('expired')
  })

  it('a lifetime without end', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=0'])
    await restart(1e9)
    assert.equal(harness.server.registrations.get('a')?.expiresAt, 8.64e15)
  })

  it('expiries that happened meanwhile are reported once', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=60'])
    await harness.registered(['ep=b', 'lwm2m=1.1', 'lt=600'])
    await restart(61_000)
    assert.deepEqual(
      harness.named('expired').map(([{ endpoint }]) => endpoint),
      ['a'],
    )
    assert.equal(harness.server.registrations.size, 1)
    await restart()
    assert.deepEqual(harness.named('expired'), [])
  })

  it('changes by Update: address, objects, lifetime, binding, attributes', async () => {
    const [, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=300'])
    const moved = await harness.device()
    const update = toLocation(id, ['lt=400', 'b=N', 'Q', 'y=2'], '</3303/0>')
    assert.equal((await moved.request(update)).code, 0x44)
    const before = lasting(harness.server.registrations.get('a'))
    await restart()
    assert.deepEqual(lasting(harness.server.registrations.get('a')), before)
    assert.equal(harness.server.registrations.get('a')?.peer.port, moved.port)
    const read = harness.server.discover('a', '/3303')
    await moved.barrier()
    const request = await moved.message()
    await moved.send({
      type: ACK,
      code: 0x45,
      mid: request.mid,
      token: request.token,
      options: [[Opt.CONTENT_FORMAT, 40]],
      payload: '</3303>',
    })
    assert.equal((await read).code, 0x45)
  })

  it('a de-registration and a replacement are final', async () => {
    const [a, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const [, old] = await harness.registered(['ep=b', 'lwm2m=1.1'])
    const [b, current] = await harness.registered(['ep=b', 'lwm2m=1.1'])
    await a.request(toLocation(id, [], '', 4))
    await restart()
    assert.equal((await a.request(toLocation(id))).code, 0x84)
    assert.equal((await b.request(toLocation(old))).code, 0x84)
    assert.equal((await b.request(toLocation(current))).code, 0x44)
  })

  it('requests can go to a restored device that is not in queue mode, at once', async () => {
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    await restart()
    const read = harness.server.read('a', '/3/0').catch((error: { code: string }) => error.code)
    const request = await device.message()
    await device.send({ type: ACK, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(await read, '4.04')
  })

  describe('queued requests', () => {
    const ticket = (n: number): { origin: string; data: unknown } => ({
      origin: 'node-1',
      data: { n, deep: ['x', null, true] },
    })
    let device: ScriptedPeer
    let id: string

    beforeEach(async () => {
      ;[device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'Q', 'lt=86400'])
      harness.clock.advance(WINDOW)
    })

    /** Queues a write and resolves when it is kept. */
    function queue(path: string, n: number, ttl?: number): Promise<void> {
      return new Promise((resolve) => {
        harness.server
          .write('a', path, 10 + n, { ticket: ticket(n), ttl, onQueued: resolve })
          .catch(() => {})
      })
    }

    it('go out in order after the 2.04, and their outcome finds who asked', async () => {
      for (let n = 1; n <= 3; n++) await queue(`/1/0/${n}`, n)
      await restart()
      assert.deepEqual(
        harness.server.queued('a').map(({ path }) => path),
        ['/1/0/1', '/1/0/2', '/1/0/3'],
      )
      assert.equal(harness.server.registrations.get('a')?.state, 'asleep')
      await device.send({ ...toLocation(id), mid: 1, token: '01' })
      assert.equal((await device.message()).code, 0x44)
      for (let n = 1; n <= 3; n++) {
        const request = await device.message()
        assert.equal(request.code, 3)
        assert.equal(pathOf(request), `/1/0/${n}`)
        const code = n === 2 ? 0x85 : 0x44
        await device.send({ type: ACK, code, mid: request.mid, token: request.token })
      }
      await harness.seen('completed', 3)
      const outcomes = harness
        .named('completed')
        .map(([who, outcome]) => [
          who,
          'result' in outcome ? outcome.result.code : outcome.error.code,
        ])
      assert.deepEqual(outcomes, [
        [ticket(1), 0x44],
        [ticket(2), '4.05'],
        [ticket(3), 0x44],
      ])
      await restart()
      assert.deepEqual(harness.server.queued('a'), [])
    })

    it('expire when their time is over, while the server is down or up', async () => {
      await queue('/1/0/1', 1, 60_000)
      await queue('/1/0/2', 2, 120_000)
      await restart(61_000)
      harness.clock.advance(1)
      const [, first] = await harness.seen('completed')
      assert.equal('error' in first && first.error.code, 'expired')
      harness.clock.advance(60_000)
      const [who, second] = await harness.seen('completed', 2)
      assert.deepEqual(who, ticket(2))
      assert.equal('error' in second && second.error.code, 'expired')
      await restart()
      assert.deepEqual(harness.server.queued('a'), [])
      assert.deepEqual(harness.named('completed'), [])
    })

    it('are cancelled with the registration', async () => {
      await queue('/1/0/1', 1, 1e9)
      await restart(86_500_000)
      const [who, outcome] = await harness.seen('completed')
      assert.deepEqual(who, ticket(1))
      assert.equal('error' in outcome && outcome.error.code, 'cancelled')
    })

    it('without a ticket end with the process, and nobody is told later', async () => {
      const lost = harness.server.write('a', '/1/0/1', 1).catch((e: { code: string }) => e.code)
      await restart()
      assert.equal(await lost, 'cancelled')
      assert.deepEqual(harness.server.queued('a'), [])
    })

    it('that were answered, replaced or cancelled are not sent again', async () => {
      await queue('/1/0/1', 1)
      await queue('/1/0/2', 2)
      await queue('/1/0/3', 3)
      const [, second] = harness.server.queued('a')
      harness.server.cancelQueued('a', second?.id)
      const replaced = new Promise<void>((resolve) => {
        harness.server
          .write('a', '/1/0/3', 99, { ticket: ticket(4), replaceQueued: true, onQueued: resolve })
          .catch(() => {})
      })
      await replaced
      await device.barrier()
      const request = await device.message()
      await device.send({ type: ACK, code: 0x44, mid: request.mid, token: request.token })
      await device.message()
      await restart()
      assert.deepEqual(
        harness.server.queued('a').map(({ path }) => path),
        ['/1/0/3'],
      )
      while (device.pending.length > 0) await device.message()
      await device.barrier()
      const again = await device.message()
      assert.equal(again.payload.includes(99), true)
    })

    it('keep their order where one took the place of another', async () => {
      await queue('/1/0/1', 1)
      await queue('/1/0/2', 2)
      await new Promise<void>((resolve) => {
        harness.server
          .write('a', '/1/0/1', 99, { ticket: ticket(3), replaceQueued: true, onQueued: resolve })
          .catch(() => {})
      })
      await restart()
      assert.deepEqual(
        harness.server.queued('a').map(({ path }) => path),
        ['/1/0/1', '/1/0/2'],
      )
    })

    it('are kept over several restarts and a re-registration in between', async () => {
      await queue('/1/0/1', 1)
      await restart()
      await queue('/1/0/2', 2)
      await restart()
      const fresh = await harness.device()
      await fresh.send({
        ...register(['ep=a', 'lwm2m=1.1', 'Q']),
        type: CON,
        mid: 1,
        token: '01',
      })
      assert.equal((await fresh.message()).code, 0x41)
      for (const path of ['/1/0/1', '/1/0/2']) {
        const request = await fresh.message()
        assert.equal(pathOf(request), path)
        await fresh.send({ type: ACK, code: 0x44, mid: request.mid, token: request.token })
      }
      await harness.seen('completed', 2)
    })
  })

  it('notifications of an observation made before are delivered: the token is kept', async () => {
    const values: unknown[] = []
    let told = (): void => {}
    /** Values reach the flow after they were kept: later than the device's answer was read. */
    const valuesSeen = async (count: number): Promise<void> => {
      while (values.length < count) await new Promise<void>((resolve) => (told = resolve))
    }
    const observe = (target: Harness): void => {
      target.server.observe(
        { target: 'a', paths: ['/3/0/9'] },
        {
          onValue: ({ records }) => {
            values.push(records[0]?.value)
            told()
          },
        },
      )
    }
    observe(harness)
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const request = await device.message()
    const content = (observe: number, payload: string) => ({
      code: 0x45,
      token: request.token,
      options: [
        [Opt.OBSERVE, observe],
        [Opt.CONTENT_FORMAT, 0],
      ] as const,
      payload,
    })
    await device.send({ type: ACK, mid: request.mid, ...content(1, '50') })
    await valuesSeen(1)
    await restart(10_000, {}, observe)
    await device.send({ type: CON, mid: 0x70, ...content(2, '51') })
    const ack = await device.message()
    assert.deepEqual([ack.type, ack.mid], [ACK, 0x70])
    await device.send({ type: NON, mid: 0x71, ...content(3, '52') })
    await valuesSeen(3)
    assert.deepEqual(values, [50, 51, 52])
    assert.deepEqual(device.pending, [])
  })

  it('awake windows set at run time, and profiles learnt', async () => {
    await harness.server.setAwakeWindow('b*', 60_000)
    await harness.server.setAwakeWindow('c', 1)
    await harness.server.setAwakeWindow('c', undefined)
    await harness.registered(['ep=a', 'lwm2m=1.2', 'pid=6:00ff'])
    await restart()
    await harness.registered(['ep=b', 'lwm2m=1.2', 'pid=6:00ff', 'Q'], '')
    await harness.registered(['ep=c', 'lwm2m=1.1', 'Q'])
    assert.equal(harness.server.registrations.get('b')?.objects.length, 2)
    harness.clock.advance(WINDOW + 1)
    assert.equal(harness.server.registrations.get('b')?.state, 'online')
    assert.equal(harness.server.registrations.get('c')?.state, 'asleep')
  })

  it('a store in use is reported, and a port in use too; the next attempt works', async () => {
    const other = new Harness({ store: new DiskStore(folder) })
    await assert.rejects(
      other.server.start(),
      (error) => error instanceof StoreError && error.code === 'store-locked',
    )
    await other.stop()

    const separate = mkdtempSync(join(tmpdir(), 'lwm2m-restart-'))
    const late = new Harness({
      coap: { host: '127.0.0.1', port: harness.port },
      store: new DiskStore(separate),
    })
    await assert.rejects(late.server.start(), { code: 'EADDRINUSE' })
    assert.equal(late.server.running, false)
    await harness.server.stop()
    await late.server.start()
    assert.equal(late.server.running, true)
    await late.stop()
    await assert.rejects(late.server.start(), { code: 'not-running' })
    rmSync(separate, { recursive: true })
  })
})

describe('written before told', () => {
  let store: GatedStore
  let harness: Harness

  beforeEach(async () => {
    store = new GatedStore()
    harness = await Harness.start({ store, awakeWindow: WINDOW })
  })
  afterEach(async () => {
    store.release()
    store.failure = undefined
    await harness.stop()
  })

  it('the answer to Register, Update and De-register waits for the write', async () => {
    const device = await harness.device()
    store.hold()
    await device.send({ ...register(['ep=a', 'lwm2m=1.1']), type: CON, mid: 1, token: '01' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
    assert.equal(harness.server.registrations.size, 0)
    assert.equal(harness.named('registered').length, 0)
    store.release()
    assert.equal((await device.message()).code, 0x41)
    const { id } = harness.server.registrations.get('a') as Registration

    store.hold()
    await device.send({ ...toLocation(id, ['lt=99']), mid: 2, token: '02' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
    assert.equal(harness.server.registrations.get('a')?.lifetime, 86400)
    store.release()
    assert.equal((await device.message()).code, 0x44)
    assert.equal(harness.server.registrations.get('a')?.lifetime, 99)

    store.hold()
    await device.send({ ...toLocation(id, [], '', 4), mid: 3, token: '03' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
    // While it is being removed it takes no Update.
    assert.equal((await device.request(toLocation(id))).code, 0x84)
    store.release()
    assert.equal((await device.message()).code, 0x42)
    assert.equal(harness.named('deregistered').length, 1)
  })

  it('what cannot be written is answered 5.00, changes nothing, and is reported', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=600'])
    store.failure = new StoreError('store-failed', 'no space left')
    assert.equal((await device.request(register(['ep=b', 'lwm2m=1.1']))).code, 0xa0)
    assert.equal((await device.request(register(['ep=a', 'lwm2m=1.1']))).code, 0xa0)
    assert.equal((await device.request(toLocation(id, ['lt=60']))).code, 0xa0)
    assert.equal((await device.request(toLocation(id, [], '', 4))).code, 0xa0)
    assert.deepEqual(
      new Set(harness.named('warning').map(([{ code }]) => code)),
      new Set(['store-failed']),
    )
    store.failure = undefined
    assert.equal(harness.server.registrations.size, 1)
    assert.equal(harness.server.registrations.get('a')?.lifetime, 600)
    assert.equal((await device.request(toLocation(id))).code, 0x44)
  })

  it('an Update that only renews is written once in a while, not each time', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=600'])
    store.writes.length = 0
    for (let i = 0; i < 100; i++) {
      harness.clock.advance(1_000)
      await device.request(toLocation(id))
    }
    assert.deepEqual(store.writes, ['registration:a', 'registration:a'])
  })

  it('a flow is told that its request waits when it is kept', async () => {
    await harness.registered(['ep=a', 'lwm2m=1.1', 'Q'])
    harness.clock.advance(WINDOW)
    store.hold()
    let told = false
    const queued = new Promise<void>((resolve) => {
      harness.server
        .write('a', '/1/0/1', 1, {
          ticket: { origin: 'x', data: 1 },
          onQueued: () => {
            told = true
            resolve()
          },
        })
        .catch(() => {})
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(told, false)
    store.release()
    await queued
    // One that cannot be kept fails at once.
    store.failure = new StoreError('store-failed', 'no space left')
    await assert.rejects(
      harness.server.write('a', '/1/0/2', 1, { ticket: { origin: 'x', data: 1 } }),
      { code: 'store-failed' },
    )
  })

  it('requests that wait go out after the 2.04 of an Update that had to be written', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'Q'])
    harness.clock.advance(WINDOW)
    harness.server.write('a', '/1/0/1', 1).catch(() => {})
    store.hold()
    await device.send({ ...toLocation(id, ['lt=77']), mid: 1, token: '01' })
    await device.barrier()
    assert.deepEqual(device.pending, [])
    store.release()
    assert.equal((await device.message()).code, 0x44)
    assert.equal((await device.message()).code, 0x03)
  })

  it('an Update of the old registration cannot undo the new one while it is written', async () => {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    store.hold()
    await device.send({
      ...register(['ep=a', 'lwm2m=1.1', 'lt=55']),
      type: CON,
      mid: 1,
      token: '01',
    })
    await device.barrier()
    assert.equal((await device.request(toLocation(id, ['lt=66']))).code, 0x84)
    store.release()
    assert.equal((await device.message()).code, 0x41)
    assert.equal(harness.server.registrations.get('a')?.lifetime, 55)
  })

  it('two registrations of one endpoint at the same time: the later one stays', async () => {
    const [one, two] = [await harness.device(), await harness.device()]
    store.hold()
    await one.send({ ...register(['ep=a', 'lwm2m=1.1', 'lt=11']), type: CON, mid: 1, token: '01' })
    await one.barrier()
    await two.send({ ...register(['ep=a', 'lwm2m=1.1', 'lt=22']), type: CON, mid: 1, token: '01' })
    await two.barrier()
    store.release()
    assert.equal((await one.message()).code, 0x41)
    assert.equal((await two.message()).code, 0x41)
    assert.equal(harness.server.registrations.size, 1)
    assert.equal(harness.server.registrations.get('a')?.peer.port, two.port)
    const kept = await store.get('registration:a')
    assert.ok(kept !== undefined && Buffer.from(kept).includes(Buffer.from([22])))
    assert.ok(OBJECTS.length > 0 && (await registerOk(one, ['ep=c', 'lwm2m=1.1'])) !== '')
  })
})
