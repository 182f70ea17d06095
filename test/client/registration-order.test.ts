import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import type { InstanceDescription } from '../../src/client/types'
import { FakeClock } from '../support/fake-clock'
import { Opt, type ReadMessage } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { next, SMALL } from './support/server'

const PRIORITY = 13
const INITIAL_DELAY = 14
const FAILURE_BLOCK = 15
const RETRY_COUNT = 17
const RETRY_TIMER = 18

describe('client registration order', () => {
  let clock: FakeClock
  let servers: ScriptedPeer[]
  let client: Lwm2mClient
  /** Short Server IDs in the order in which Registers were sent, and when, in seconds. */
  let sent: number[]
  let times: number[]
  beforeEach(async () => {
    clock = new FakeClock()
    ;[sent, times] = [[], []]
    servers = [await ScriptedPeer.open(), await ScriptedPeer.open(), await ScriptedPeer.open()]
  })
  afterEach(async () => {
    await client.stop({ deregister: false })
    for (const server of servers) await server.close()
  })

  const server = (id: number): ScriptedPeer => servers[id - 1] ?? assert.fail(`no server ${id}`)

  /** A device with three accounts, of Short Server IDs 1 to 3. */
  async function start(...settings: readonly InstanceDescription[]): Promise<void> {
    const security: { [instance: number]: InstanceDescription } = {}
    const accounts: { [instance: number]: InstanceDescription } = {}
    for (const [i, own] of settings.entries()) {
      accounts[i] = { 0: i + 1, 1: 60, 6: true, 7: 'U', ...own }
      // The first is created from the options.
      if (i > 0) security[i + 10] = { 0: `coap://127.0.0.1:${server(i + 1).port}`, 2: 3, 10: i + 1 }
    }
    client = new Lwm2mClient({
      endpoint: 'dev1',
      server: `coap://127.0.0.1:${server(1).port}`,
      objects: { ...SMALL, 0: security, 1: accounts },
      local: { host: '127.0.0.1' },
      clock,
    })
    client.on('trace', ({ direction, code, repeated, peer }) => {
      if (direction !== 'out' || code !== 0x02 || repeated) return
      sent.push(servers.findIndex(({ port }) => port === peer.port) + 1)
      times.push(clock.monotonic() / 1000)
    })
    await client.start()
  }

  async function answer(id: number, code: number): Promise<void> {
    const request: ReadMessage = await server(id).message()
    assert.equal(request.code, 0x02)
    const options = [
      [Opt.LOCATION_PATH, 'rd'],
      [Opt.LOCATION_PATH, 'x'],
    ] as const
    const told = next(client, code === 0x41 ? 'registered' : 'warning')
    await server(id).send({
      type: 2,
      code,
      mid: request.mid,
      token: request.token,
      ...(code === 0x41 ? { options } : {}),
    })
    await told
  }

  it('follows the priorities (/1/x/13): each after the one before', async () => {
    await start({ [PRIORITY]: 30 }, { [PRIORITY]: 10 }, { [PRIORITY]: 20 })
    for (const id of [2, 3, 1]) await answer(id, 0x41)
    assert.deepEqual(sent, [2, 3, 1])
    assert.deepEqual(
      client.registrations.map(({ shortServerId }) => shortServerId),
      [1, 2, 3],
    )
  })

  it('does not apply to accounts without a priority', async () => {
    await start({ [PRIORITY]: 1 }, {}, { [PRIORITY]: 2 })
    for (const id of [2, 1, 3]) await answer(id, 0x41)
    assert.equal(sent.at(-1), 3)
  })

  it('counts the initial delay (/1/x/14) from the registration before', async () => {
    await start({ [PRIORITY]: 1 }, { [PRIORITY]: 2, [INITIAL_DELAY]: 5 })
    await clock.run(10_000)
    await answer(1, 0x41)
    // The pause begins after some promises.
    await setImmediate()
    await clock.run(5_000)
    await answer(2, 0x41)
    assert.equal(times.at(-1), 15)
  })

  it('continues after a server that fails, after all its attempts', async () => {
    await start(
      { [PRIORITY]: 1, [RETRY_COUNT]: 2, [RETRY_TIMER]: 10, [FAILURE_BLOCK]: false },
      { [PRIORITY]: 2 },
    )
    await answer(1, 0x80)
    await clock.run(10_000)
    await answer(1, 0x80)
    await answer(2, 0x41)
    assert.deepEqual(sent, [1, 1, 2])
  })

  it('continues at the first failure of a server with endless retries', async () => {
    await start({ [PRIORITY]: 1 }, { [PRIORITY]: 2 })
    await answer(1, 0x80)
    await answer(2, 0x41)
  })

  it('stops at a server that fails and blocks (/1/x/15), until it accepts the device', async () => {
    await start({ [PRIORITY]: 1, [FAILURE_BLOCK]: true }, { [PRIORITY]: 2 })
    await answer(1, 0x80)
    await clock.run(5_000)
    await answer(1, 0x41)
    await answer(2, 0x41)
    assert.deepEqual(sent, [1, 1, 2])
  })

  it('does not delay an Update for servers that wait for their turn', async () => {
    await start({ [PRIORITY]: 1, [FAILURE_BLOCK]: true }, { [PRIORITY]: 2 })
    await answer(1, 0x80)
    const updated = client.update()
    await answer(1, 0x41)
    await updated
    await answer(2, 0x41)
  })

  it('does not delay a stop while a server waits for its turn', async () => {
    await start({ [PRIORITY]: 1 }, { [PRIORITY]: 2 })
    await server(1).message()
    await client.stop({ deregister: false })
    assert.equal(client.state, 'stopped')
    assert.equal(clock.pending, 0)
  })
})
