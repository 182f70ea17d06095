import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { NodeAPI } from '../../../../nodes/shared/runtime/red'
import { onRuntimeEvent } from '../../../../nodes/shared/runtime/runtime-events'

describe('listening to events of the runtime', () => {
  it('takes one listener of the emitter, however many listen, and each can stop', () => {
    const events = new EventEmitter()
    const api = { events } as unknown as Pick<NodeAPI, 'events'>
    const heard: number[] = []
    const stops = Array.from({ length: 20 }, (_, i) =>
      onRuntimeEvent(api, 'flows:started', () => heard.push(i)),
    )
    assert.equal(events.listenerCount('flows:started'), 1)
    for (const stop of stops.slice(2)) stop()
    events.emit('flows:started')
    assert.deepEqual(heard, [0, 1])
    onRuntimeEvent(api, 'flows:stopping', () => heard.push(99))
    events.emit('flows:stopping', {})
    assert.deepEqual(heard, [0, 1, 99])
  })
})
