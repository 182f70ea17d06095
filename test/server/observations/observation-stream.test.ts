import assert from 'node:assert/strict'
import { ObservationStream } from '../../../src/server/observations/observation-stream'
import type { ObserveListener, Registration, ValueReport } from '../../../src/server/types'

const registration = { endpoint: 'dev' } as Registration

/** A subscription by hand. */
class Source {
  listener: ObserveListener | undefined
  closed = 0

  readonly subscribe = (listener: ObserveListener) => {
    this.listener = listener
    return { close: () => this.closed++, release: () => {} }
  }

  report(code: number): void {
    this.listener?.onValue({ code } as ValueReport, registration)
  }
}

async function codesOf(stream: ObservationStream): Promise<number[]> {
  const codes: number[] = []
  for await (const { result } of stream) codes.push(result.code)
  return codes
}

describe('observations as an async iterable', () => {
  it('yields values that came before and while it is awaited, and closes when the loop is left', async () => {
    const source = new Source()
    const stream = new ObservationStream(source.subscribe)
    source.report(1)
    const seen: number[] = []
    for await (const { result, registration: of } of stream) {
      seen.push(result.code)
      assert.equal(of.endpoint, 'dev')
      if (seen.length === 3) break
      // The consumer waits by then.
      setImmediate(() => source.report(result.code + 1))
    }
    assert.deepEqual(seen, [1, 2, 3])
    assert.equal(source.closed, 1)
    assert.deepEqual(await stream.next(), { value: undefined, done: true })
  })

  it('drops the oldest values of a slow consumer and counts them', async () => {
    const source = new Source()
    const controller = new AbortController()
    const stream = new ObservationStream(source.subscribe, {
      maxBuffered: 2,
      signal: controller.signal,
    })
    for (const code of [1, 2, 3, 4]) source.report(code)
    controller.abort()
    assert.deepEqual(await codesOf(stream), [3, 4])
    assert.equal(stream.dropped, 2)
    assert.equal(source.closed, 1)
  })

  it('ends those who wait when its signal is aborted', async () => {
    const source = new Source()
    const controller = new AbortController()
    const stream = new ObservationStream(source.subscribe, { signal: controller.signal })
    const waiting = Promise.all([stream.next(), stream.next()])
    controller.abort()
    assert.deepEqual(
      (await waiting).map(({ done }) => done),
      [true, true],
    )
  })

  it('closes at once when its signal was aborted before', async () => {
    const source = new Source()
    const stream = new ObservationStream(source.subscribe, { signal: AbortSignal.abort() })
    assert.deepEqual(await codesOf(stream), [])
    assert.equal(source.closed, 1)
  })

  it('refuses a buffer without room', () => {
    const source = new Source()
    assert.throws(() => new ObservationStream(source.subscribe, { maxBuffered: 0 }), RangeError)
    assert.equal(source.listener, undefined)
  })
})
