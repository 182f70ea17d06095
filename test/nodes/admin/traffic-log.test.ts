import assert from 'node:assert/strict'
import { TrafficLog } from '../../../nodes/admin/traffic-log'
import { TypedEmitter } from '../../../src/base/events'
import type { CoapTrace } from '../../../src/coap/types'
import type { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { NO_IDENTITY, type Peer } from '../../../src/transport/transport'
import { FakeClock } from '../../support/fake-clock'

const peer: Peer = {
  id: 'udp:192.0.2.1:5683',
  identity: NO_IDENTITY,
  address: '192.0.2.1',
  port: 5683,
  secure: false,
}

function trace(part: Partial<CoapTrace>): CoapTrace {
  return {
    direction: 'in',
    peer,
    time: 1_000,
    type: 'CON',
    code: 0x45,
    messageId: 1,
    token: Buffer.alloc(0),
    path: undefined,
    query: undefined,
    contentFormat: undefined,
    observe: undefined,
    block1: undefined,
    block2: undefined,
    payload: Buffer.alloc(0),
    size: 20,
    repeated: false,
    ...part,
  }
}

class FakeEngine extends TypedEmitter<{
  trace: [trace: CoapTrace, endpoint: string | undefined]
}> {}

describe('the traffic log of the editor', () => {
  let clock: FakeClock
  let engine: FakeEngine
  let log: TrafficLog

  beforeEach(() => {
    clock = new FakeClock()
    engine = new FakeEngine()
    log = new TrafficLog(engine as unknown as Lwm2mServer, clock)
  })

  it('records only while somebody asks', () => {
    assert.equal(engine.hasListeners('trace'), false)
    assert.deepEqual(log.page(0, undefined), { cursor: 0, entries: [], lost: 0 })
    assert.equal(engine.hasListeners('trace'), true)
    clock.advance(61_000)
    assert.equal(engine.hasListeners('trace'), false)
  })

  it('says what a message is, with its payload decoded', () => {
    log.page(0, undefined)
    const payload = Buffer.from('81a221662f302f302f330843abcdef', 'hex')
    engine.emit('trace', trace({ code: 0x01, path: '/3/0/9', direction: 'out' }), 'dev')
    engine.emit('trace', trace({ contentFormat: 112, payload, observe: 7 }), 'dev')
    engine.emit('trace', trace({ contentFormat: 0, payload: Buffer.from('88') }), 'dev')
    engine.emit('trace', trace({ contentFormat: 666, payload: Buffer.from([1, 2]) }), 'other')
    const { entries } = log.page(0, 'dev')
    assert.deepEqual(
      entries.map(({ code, path, format, observe, payload: said }) => [
        code,
        path,
        format,
        observe,
        said,
      ]),
      [
        ['GET', '/3/0/9', undefined, undefined, undefined],
        ['2.05 Content', undefined, 'senml-cbor', 7, '/0/0/3 = abcdef'],
        ['2.05 Content', undefined, 'text', undefined, '88'],
      ],
    )
    assert.equal(log.page(0, 'other').entries[0]?.payload, '0102')
  })

  it('does not show the keys of a bootstrap', () => {
    log.page(0, undefined)
    const payload = Buffer.from('s3cret')
    const write = { direction: 'out', code: 0x03, path: '/0/1', payload } as const
    engine.emit('trace', trace(write), undefined)
    engine.emit('trace', trace({ ...write, path: '/21/0', block1: '1/0/64' }), undefined)
    const token = Buffer.from('aa', 'hex')
    engine.emit('trace', trace({ code: 0x01, path: '/bspack', token }), undefined)
    const answer = { direction: 'out', code: 0x45, contentFormat: 110, payload } as const
    engine.emit('trace', trace({ ...answer, token }), undefined)
    engine.emit('trace', trace({ ...answer, token, block2: '1/0/64', repeated: true }), undefined)
    // Others, and the same token used again for something else, are shown.
    engine.emit('trace', trace({ ...answer, token: Buffer.from('bb', 'hex') }), undefined)
    engine.emit('trace', trace({ code: 0x01, path: '/3/0', token }), undefined)
    engine.emit('trace', trace({ ...answer, token }), undefined)
    engine.emit('trace', trace({ ...write, path: '/2/0' }), undefined)
    assert.deepEqual(
      log.page(0, undefined).entries.map(({ payload: shown }) => shown === 's3cret'),
      [false, false, false, false, false, true, false, true, true],
    )
  })

  it('goes on from a cursor, in pages, and says what it lost', () => {
    log.page(0, undefined)
    for (let i = 0; i < 250; i++) engine.emit('trace', trace({ messageId: i }), 'dev')
    const first = log.page(0, undefined)
    assert.equal(first.entries.length, 200)
    const second = log.page(first.cursor, undefined)
    assert.equal(second.entries.length, 50)
    assert.equal(second.lost, 0)
    for (let i = 0; i < 2_010; i++) engine.emit('trace', trace({ messageId: i }), 'dev')
    assert.equal(log.page(second.cursor, undefined).lost, 10)
  })
})
