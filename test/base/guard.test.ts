import assert from 'node:assert/strict'
import { once } from 'node:events'
import { onAbort } from '../../src/base/guard'

describe('onAbort', () => {
  it('calls every listener once, however many wait for one signal', () => {
    const controller = new AbortController()
    const added: string[] = []
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    signal.addEventListener = ((type: string, listener: () => void) => {
      added.push(type)
      add(type, listener)
    }) as typeof signal.addEventListener
    const calls: number[] = []
    for (let i = 0; i < 1000; i++) onAbort(signal, () => calls.push(i))
    controller.abort()
    assert.deepEqual(calls, [...Array(1000).keys()])
    assert.deepEqual(added, ['abort'])
  })

  it('calls at once where the signal is aborted already', () => {
    let calls = 0
    onAbort(AbortSignal.abort(), () => calls++)
    assert.equal(calls, 1)
  })

  it('calls nobody who stopped listening, and whoever listens afterwards', () => {
    const controller = new AbortController()
    const calls: string[] = []
    const forget = onAbort(controller.signal, () => calls.push('first'))
    forget()
    forget()
    onAbort(controller.signal, () => {
      calls.push('second')
      forgetThird()
    })
    const forgetThird = onAbort(controller.signal, () => calls.push('third'))
    controller.abort()
    assert.deepEqual(calls, ['second'])
  })

  it('calls the others when one throws, and says so as a warning of the process', async () => {
    const controller = new AbortController()
    const calls: string[] = []
    onAbort(controller.signal, () => {
      throw new Error('no')
    })
    onAbort(controller.signal, () => calls.push('second'))
    const warned = once(process, 'warning')
    controller.abort()
    assert.deepEqual(calls, ['second'])
    assert.match(String(((await warned) as [Error])[0].message), /no/)
  })
})
