import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { MemoryStore } from '../../../src/storage/memory-store'
import { systemClock } from '../../../src/base/clock'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { ACK, Opt, type RawMessage } from '../../support/raw-coap'
import { ScriptedPeer } from '../../support/scripted-device'
import { Harness, registerOk, toLocation } from './support/harness'
import type { StoppedReport } from './support/stopped-process'

const DEVICES = 100

/** What was sent is in the kernel afterwards; no socket has been read. */
async function sent(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => process.nextTick(resolve))
}

/** Hands a message to the kernel within this turn of the event loop. */
function post(device: ScriptedPeer, message: Omit<RawMessage, 'mid'>): void {
  device.send({ ...message, mid: device.nextMid() }).catch(assert.fail)
}

describe('timers that come late', () => {
  let harness: Harness
  afterEach(() => harness.stop())

  for (const kept of [false, true]) {
    const how = kept ? 'with a store' : 'in memory'
    it(`keeps ${DEVICES} registrations whose Updates waited in the socket for 12 s (${how})`, async () => {
      harness = await Harness.start(kept ? { store: new MemoryStore() } : {})
      const devices: [ScriptedPeer, string][] = []
      for (let i = 0; i < DEVICES; i++) {
        devices.push(await harness.registered([`ep=d${i}`, 'lwm2m=1.1', 'lt=60']))
      }
      harness.clock.advance(55_000)
      // The new lifetime makes the Update one that is written.
      for (const [device, id] of devices) post(device, toLocation(id, ['lt=61']))
      await sent()
      harness.clock.jump(12_000)
      await harness.seen('updated', DEVICES)
      assert.deepEqual(harness.named('expired'), [])
      assert.equal(harness.server.registrations.size, DEVICES)
    })
  }

  it('expires a registration whose device sent nothing, after the sockets were read', async () => {
    harness = await Harness.start()
    const [device, id] = await harness.registered(['ep=here', 'lwm2m=1.1', 'lt=60'])
    await harness.registered(['ep=gone', 'lwm2m=1.1', 'lt=60'])
    harness.clock.advance(55_000)
    post(device, toLocation(id))
    await sent()
    harness.clock.jump(12_000)
    assert.deepEqual(harness.named('expired'), [])
    await harness.seen('expired')
    assert.deepEqual(
      harness.named('expired').map(([{ endpoint }]) => endpoint),
      ['gone'],
    )
  })

  it('takes a response that waited in the socket before the request times out', async () => {
    harness = await Harness.start()
    const [device] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=600'])
    const read = harness.server.read('a', '/3/0/0', { timeout: 5_000 })
    const { mid, token } = await device.message()
    const options = [[Opt.CONTENT_FORMAT, 0]] as const
    device.send({ type: ACK, code: 0x45, mid, token, options, payload: 'ACME' }).catch(assert.fail)
    await sent()
    harness.clock.jump(12_000)
    assert.equal((await read).records[0]?.value, 'ACME')
    await device.barrier()
    assert.deepEqual(device.pending, [])
  })

  it('holds on a clock that was not stopped by a test: the event loop is blocked for real', async () => {
    harness = new Harness()
    const server = new Lwm2mServer({
      coap: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
      lifetime: { min: 0 },
    })
    const port = (await server.start()).coap?.port ?? 0
    const expired: string[] = []
    server.on('expired', ({ endpoint }) => expired.push(endpoint))
    const updated = new Promise<void>((resolve) => server.on('updated', () => resolve()))
    const device = (await ScriptedPeer.open()).connect(port)
    try {
      const id = await registerOk(device, ['ep=a', 'lwm2m=1.1', 'lt=2'])
      post(device, toLocation(id))
      await sent()
      // As a function node with a long loop: nothing of this process runs meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_600)
      await updated
      assert.deepEqual(expired, [])
      assert.equal(server.registrations.size, 1)
    } finally {
      await device.close()
      await server.stop()
    }
  })

  it('holds for a process that was stopped and goes on (SIGSTOP, SIGCONT)', async () => {
    harness = new Harness()
    const script = join(__dirname, 'support/stopped-process.ts')
    const child = fork(script, { execArgv: ['--import', 'tsx'] })
    const device = await ScriptedPeer.open()
    const events: StoppedReport[] = []
    try {
      const [{ port }] = (await once(child, 'message')) as [{ port: number }]
      device.connect(port)
      child.on('message', (message: StoppedReport) => events.push(message))
      const ids: string[] = []
      for (const name of ['here', 'gone']) {
        ids.push(await registerOk(device, [`ep=${name}`, 'lwm2m=1.1', 'lt=2']))
      }
      child.kill('SIGSTOP')
      post(device, toLocation(ids[0] ?? ''))
      await sent()
      // Longer than the lifetime: the process cannot see that it is over.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_600)
      const told = once(child, 'message')
      child.kill('SIGCONT')
      await told
      while (events.length < 2) await once(child, 'message')
      assert.deepEqual(events, [
        { event: 'updated', endpoint: 'here' },
        { event: 'expired', endpoint: 'gone' },
      ])
    } finally {
      child.kill('SIGKILL')
      await device.close()
    }
  })
})
