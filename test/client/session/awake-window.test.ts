import assert from 'node:assert/strict'
import { Scheduler } from '../../../src/base/scheduler'
import { AwakeWindow } from '../../../src/client/session/awake-window'
import { FakeClock } from '../../support/fake-clock'

describe('client awake window', () => {
  function window(): { clock: FakeClock; awake: AwakeWindow; changes: boolean[] } {
    const clock = new FakeClock()
    const changes: boolean[] = []
    return {
      clock,
      awake: new AwakeWindow(new Scheduler(clock, assert.fail), 5000, (on) => changes.push(on)),
      changes,
    }
  }

  it('ends this long after the last message', () => {
    const { clock, awake, changes } = window()
    awake.touch()
    clock.advance(4000)
    awake.touch()
    clock.advance(4999)
    assert.equal(awake.isAwake, true)
    clock.advance(1)
    assert.equal(awake.isAwake, false)
    awake.touch()
    assert.deepEqual(changes, [false, true])
  })

  it('lasts as long as an exchange', async () => {
    const { clock, awake } = window()
    let finish = (): void => {}
    const work = awake.during(() => new Promise<void>((resolve) => (finish = resolve)))
    clock.advance(60_000)
    assert.equal(awake.isAwake, true)
    awake.sleep()
    assert.equal(awake.isAwake, true)
    finish()
    await work
    clock.advance(4999)
    assert.equal(awake.isAwake, true)
    clock.advance(1)
    assert.equal(awake.isAwake, false)
  })

  it('can be ended early, and closed', () => {
    const { clock, awake, changes } = window()
    awake.touch()
    awake.sleep()
    assert.equal(awake.isAwake, false)
    awake.sleep()
    assert.deepEqual(changes, [false])
    awake.touch()
    awake.close()
    assert.equal(clock.pending, 0)
    assert.equal(awake.isAwake, true)
  })
})
