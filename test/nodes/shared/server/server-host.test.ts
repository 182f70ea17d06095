import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { CodedError } from '../../../../src/base/coded-error'
import { Lwm2mServer } from '../../../../src/server/lwm2m-server'
import { CredentialStore } from '../../../../src/server/credentials'
import { FlowsLifecycle } from '../../../../nodes/shared/runtime/flows-lifecycle'
import type { Engine } from '../../../../nodes/shared/server/engine'
import {
  type HostConfiguration,
  type HostState,
  ServerHost,
} from '../../../../nodes/shared/server/server-host'
import { FakeClock } from '../../../support/fake-clock'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** An engine whose start does what a test says. */
function engine(start: () => Promise<void>, stopped: () => void = () => {}): Engine {
  return {
    server: new Lwm2mServer({ coap: false }),
    credentials: new CredentialStore(),
    notes: { recall: () => Promise.resolve(undefined), keep: () => Promise.resolve() },
    start,
    apply: () => Promise.resolve(),
    stop: () => Promise.resolve(stopped()),
  }
}

const inUse = (): Promise<void> => Promise.reject(new CodedError('EADDRINUSE', 'port in use'))

/** A configuration that does what a test says. */
function configuration(
  own: Partial<HostConfiguration> & Pick<HostConfiguration, 'createEngine'>,
): HostConfiguration {
  return {
    server: '',
    settings: '',
    apply: () => Promise.resolve(),
    onState: () => {},
    onStopping: () => {},
    report: () => {},
    warn: () => {},
    ...own,
  }
}

describe('ServerHost', () => {
  let clock: FakeClock
  let events: EventEmitter
  let lifecycle: FlowsLifecycle
  let states: string[]
  const onState = (state: HostState): void => {
    states.push(state.kind === 'failed' ? `failed ${state.error.code}` : state.kind)
  }

  const makeHost = (createEngine: HostConfiguration['createEngine']): ServerHost =>
    new ServerHost(configuration({ createEngine, onState }), lifecycle, { clock })

  beforeEach(() => {
    clock = new FakeClock()
    events = new EventEmitter()
    lifecycle = new FlowsLifecycle(events, false, clock)
    states = []
  })

  it('starts, and tells users that come before and after', async () => {
    const host = makeHost(() => engine(() => Promise.resolve()))
    const early: string[] = []
    host.start()
    host.use({ onState: ({ kind }) => early.push(kind) })
    await turn()
    const late: string[] = []
    host.use({ onState: ({ kind }) => late.push(kind) })
    assert.deepEqual(states, ['starting', 'running'])
    assert.deepEqual(early, ['starting', 'running'])
    assert.deepEqual(late, ['running'])
  })

  it('waits for the flow nodes, so that they hear what the start itself tells', async () => {
    const order: string[] = []
    const host = makeHost(() =>
      engine(() => {
        order.push('start')
        return Promise.resolve()
      }),
    )
    events.emit('flows:starting', {})
    host.start()
    await turn()
    assert.equal(order.length, 0)
    host.use({ onState: () => {}, onEngine: () => order.push('listening') })
    events.emit('flows:started', {})
    await turn()
    assert.deepEqual(order, ['listening', 'start'])
  })

  it('tries again every three seconds with a new engine until the port is free', async () => {
    let attempts = 0
    const createEngine = (): Engine => engine(() => (++attempts < 3 ? inUse() : Promise.resolve()))
    const host = makeHost(createEngine)
    host.start()
    await turn()
    assert.deepEqual(states, ['starting', 'failed EADDRINUSE'])
    clock.advance(2_999)
    await turn()
    assert.equal(attempts, 1)
    clock.advance(1)
    await turn()
    assert.equal(attempts, 2)
    clock.advance(3_000)
    await turn()
    assert.equal(states.at(-1), 'running')
  })

  it('fails when the engine cannot even be made', async () => {
    const createEngine = (): Engine => {
      throw new CodedError('invalid-setting', 'no')
    }
    const host = makeHost(createEngine)
    host.start()
    await turn()
    assert.deepEqual(states, ['starting', 'failed invalid-setting'])
    assert.equal(host.engine, undefined)
  })

  describe('running()', () => {
    it('waits while the server starts', async () => {
      let started = (): void => {}
      const createEngine = (): Engine => engine(() => new Promise((resolve) => (started = resolve)))
      const host = makeHost(createEngine)
      host.start()
      const running = host.running()
      await turn()
      started()
      assert.equal((await running) === host.engine, true)
    })

    it('gives up after its patience', async () => {
      const createEngine = (): Engine => engine(() => new Promise(() => {}))
      const host = makeHost(createEngine)
      host.start()
      const running = host.running(500)
      await turn()
      clock.advance(500)
      await assert.rejects(running, { code: 'not-running' })
    })

    it('says why the server does not run, to those who waited and those who come', async () => {
      const host = makeHost(() => engine(inUse))
      host.start()
      await assert.rejects(host.running(), { code: 'EADDRINUSE' })
      await assert.rejects(host.running(), { code: 'EADDRINUSE' })
    })

    it('ends with the server', async () => {
      let started = (): void => {}
      const createEngine = (): Engine => engine(() => new Promise((resolve) => (started = resolve)))
      const host = makeHost(createEngine)
      host.start()
      const running = assert.rejects(host.running(), { code: 'not-running' })
      await turn()
      const stopping = host.stop()
      started()
      await stopping
      await running
      await assert.rejects(host.running(), { code: 'not-running' })
    })
  })

  it('stops what was still starting, and does not try again', async () => {
    let started = (): void => {}
    let stops = 0
    let attempts = 0
    const createEngine = (): Engine => {
      attempts++
      return engine(
        () => new Promise((resolve) => (started = resolve)),
        () => stops++,
      )
    }
    const host = makeHost(createEngine)
    host.start()
    await turn()
    const stopping = host.stop()
    started()
    await stopping
    assert.equal(stops, 1)
    clock.advance(60_000)
    await turn()
    assert.equal(attempts, 1)
    assert.equal(states.at(-1), 'stopped')
  })

  it('hands outcomes to whoever stands for a node now', () => {
    const host = makeHost(() => engine(inUse))
    const heard: unknown[] = []
    const error = new CodedError('expired', 'too late')
    const forget = host.receive('n1', (data) => heard.push(['old', data]))
    const forgetNew = host.receive('n1', (data) => heard.push(['new', data]))
    forget(false)
    assert.equal(host.deliver('n1', 7, { error }), true)
    forgetNew(false)
    assert.equal(host.deliver('n1', 8, { error }), false)
    assert.deepEqual(heard, [['new', 7]])
  })

  it('coalesces changes of the device list', async () => {
    const host = makeHost(() => engine(() => Promise.resolve()))
    let changes = 0
    host.use({ onState: () => {}, onDevices: () => changes++ })
    host.start()
    await turn()
    for (let i = 0; i < 100; i++) host.engine?.server.emit('queue', 'dev', i)
    clock.advance(499)
    assert.equal(changes, 0)
    clock.advance(1)
    assert.equal(changes, 1)
  })
})
