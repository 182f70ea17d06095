import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { FlowsLifecycle } from '../../../../nodes/shared/runtime/flows-lifecycle'
import { FakeClock } from '../../../support/fake-clock'

const config = (...flows: object[]) => ({ flows })

describe('FlowsLifecycle', () => {
  let events: EventEmitter
  let clock: FakeClock
  let lifecycle: FlowsLifecycle
  const running = config({ id: 'n' })

  beforeEach(() => {
    events = new EventEmitter()
    clock = new FakeClock()
    lifecycle = new FlowsLifecycle(events, false, clock)
    events.emit('flows:starting', { config: running })
    events.emit('flows:started', { config: running })
  })

  it('knows a deploy from the stop of the runtime', () => {
    events.emit('flows:stopping', { config: running })
    assert.deepEqual([lifecycle.deploying, lifecycle.comesBack('n')], [false, false])
    events.emit('flows:stopping', { config: config({ id: 'n' }) })
    assert.deepEqual([lifecycle.deploying, lifecycle.comesBack('n')], [true, true])
  })

  it('says which nodes come back: not those that are removed or disabled', () => {
    const tab = { id: 'off', type: 'tab', disabled: true }
    const next = config({ id: 'n', z: 'on' }, { id: 'd', d: true }, tab, { id: 't', z: 'off' })
    events.emit('flows:stopping', { config: next })
    assert.deepEqual(
      ['n', 'd', 't', 'gone'].map((id) => lifecycle.comesBack(id)),
      [true, false, false, false],
    )
    assert.equal(lifecycle.next('d')?.['d'], true)
  })

  it('ends a deploy whose flows never start', async () => {
    events.emit('flows:stopping', { config: config() })
    let ended = false
    const started = lifecycle.started().then(() => (ended = true))
    clock.advance(29_999)
    await Promise.resolve()
    assert.equal(ended, false)
    clock.advance(1)
    await started
    assert.equal(lifecycle.deploying, false)
  })

  it('calls back at the end of each deploy until that is stopped', () => {
    let calls = 0
    const stop = lifecycle.onStarted(() => calls++)
    events.emit('flows:started', { config: running })
    stop()
    events.emit('flows:started', { config: running })
    assert.equal(calls, 1)
  })

  describe('says whether Node-RED drops what a node has just sent', () => {
    const node = { z: 'tab', wires: [['a'], ['b']] }
    const drops = (type: string, diff: object): boolean => {
      events.emit('flows:stopping', { config: config(), type, diff })
      return lifecycle.dropsMessagesOf(node)
    }

    it('in a full deploy', () => assert.equal(drops('full', {}), true))

    it('where all receivers are closed', () => {
      assert.equal(drops('nodes', { changed: ['a'], removed: ['b'] }), true)
      assert.equal(drops('nodes', { changed: ['a'], linked: ['b'] }), false)
      assert.equal(drops('flows', { changed: ['a'], linked: ['b'] }), true)
      assert.equal(drops('nodes', { changed: ['a'], flowChanged: ['tab'] }), true)
    })

    it('never with synchronous delivery', () => {
      lifecycle = new FlowsLifecycle(events, true, clock)
      assert.equal(drops('full', {}), false)
    })
  })
})
