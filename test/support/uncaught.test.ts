import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { uncaught } from './uncaught'

describe('uncaught errors', () => {
  it('counts a rejection that nobody handles', async () => {
    void Promise.reject(new Error('left alone'))
    const errors = await uncaught()
    assert.equal(errors.length, 1)
    assert.match(errors[0] ?? '', /^unhandledRejection: Error: left alone/)
  })

  it('counts a warning about too many listeners', async () => {
    const emitter = new EventEmitter()
    for (let i = 0; i < 11; i++) emitter.on('event', () => {})
    const [warning] = await uncaught()
    assert.match(warning ?? '', /^warning: MaxListenersExceededWarning/)
  })

  it('counts nothing where everything is handled', async () => {
    Promise.reject(new Error('handled')).catch(() => {})
    assert.deepEqual(await uncaught(), [])
  })
})
