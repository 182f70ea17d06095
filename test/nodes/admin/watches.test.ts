import assert from 'node:assert/strict'
import { Watches } from '../../../nodes/admin/watches'
import { CodedError } from '../../../src/base/coded-error'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { Path } from '../../../src/lwm2m/path'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { ObserveListener, ObserveRequest, Registration } from '../../../src/server/types'
import { FakeClock } from '../../support/fake-clock'

interface NodeSubscription {
  readonly request: ObserveRequest
  readonly listener: ObserveListener
  closed: boolean
}

const device = { endpoint: 'dev', objects: [{ id: 3, version: '1.1', instances: [0] }] }
const registration = device as unknown as Registration

/** As much of a server as watching needs. */
class FakeEngine {
  readonly model = builtinModel()
  readonly subscriptions: NodeSubscription[] = []

  observe(request: ObserveRequest, listener: ObserveListener) {
    const subscription = { request, listener, closed: false }
    this.subscriptions.push(subscription)
    return { close: () => (subscription.closed = true) }
  }

  get open(): string[] {
    return this.subscriptions
      .filter(({ closed }) => !closed)
      .map(({ request }) => String(request.paths))
  }

  notify(path: string, value: number): void {
    for (const { request, listener, closed } of this.subscriptions) {
      if (closed || String(request.paths) !== path) continue
      const at = Path.parse(path)
      const answer = { endpoint: 'dev', path: at, code: 0x45, format: 112 }
      const records = [{ path: at, value }]
      listener.onValue(
        { ...answer, records, registration, cause: 'notify', time: Date.now() },
        registration,
      )
    }
  }
}

describe('live values for the editor', () => {
  let clock: FakeClock
  let watches: Watches
  let engine: FakeEngine

  beforeEach(() => {
    clock = new FakeClock()
    watches = new Watches(clock)
    engine = new FakeEngine()
  })

  const watch = (watcher: string, ...paths: string[]) =>
    watches.set(watcher, engine as unknown as Lwm2mServer, 'dev', paths)

  it('observes what is asked for, and tells each value once', () => {
    assert.deepEqual(watch('w', '/3/0/9'), { paths: ['/3/0/9'], errors: {} })
    engine.notify('/3/0/9', 88)
    const first = watches.poll('w', 0)
    assert.deepEqual(first?.values, [
      {
        path: '/3/0/9',
        name: 'Battery Level',
        type: 'Integer',
        units: '%',
        value: 88,
        time: clock.now(),
      },
    ])
    assert.deepEqual(watches.poll('w', first.cursor)?.values, [])
    engine.notify('/3/0/9', 87)
    assert.equal(watches.poll('w', first.cursor)?.values[0]?.value, 87)
  })

  it('replaces the paths of a watcher, keeping the observations that stay', () => {
    watch('w', '/3/0/9', '/3/0/13')
    watch('w', '/3/0/13', '/3/0/14')
    assert.equal(engine.subscriptions.length, 3)
    assert.deepEqual(engine.open, ['/3/0/13', '/3/0/14'])
    watch('w')
    assert.deepEqual(engine.open, [])
    assert.equal(watches.poll('w', 0), undefined)
  })

  it('tells the error of a path until a value comes', () => {
    watch('w', '/3/0/9')
    engine.subscriptions[0]?.listener.onError?.('dev', new CodedError('4.04', 'Not Found'))
    assert.deepEqual(watches.poll('w', 0)?.errors, { '/3/0/9': 'Not Found' })
    engine.notify('/3/0/9', 1)
    assert.deepEqual(watches.poll('w', 0)?.errors, {})
  })

  it('ends the observations of a watcher that polls no more', () => {
    watch('silent', '/3/0/9')
    watch('polls', '/3/0/13')
    clock.advance(20_000)
    watches.poll('polls', 0)
    clock.advance(20_000)
    watches.poll('polls', 0)
    assert.deepEqual(engine.open, ['/3/0/13'])
    clock.advance(100_000)
    assert.deepEqual(engine.open, [])
  })

  it('holds a bounded number of watchers: the longest silent one goes', () => {
    for (let i = 0; i < 51; i++) {
      watch(`w${i}`, `/3303/${i}/5700`)
      clock.advance(1)
    }
    assert.equal(engine.open.length, 50)
    assert.equal(watches.poll('w0', 0), undefined)
  })

  it('ends everything of a server that stops', () => {
    watch('w', '/3/0/9')
    watches.close(engine as unknown as Lwm2mServer)
    assert.deepEqual(engine.open, [])
  })
})
