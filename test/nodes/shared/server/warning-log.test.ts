import assert from 'node:assert/strict'
import { WarningLog } from '../../../../nodes/shared/server/warning-log'
import { FakeClock } from '../../../support/fake-clock'

describe('the log of a server’s warnings', () => {
  let clock: FakeClock
  let lines: string[]
  let log: WarningLog

  beforeEach(() => {
    clock = new FakeClock()
    lines = []
    log = new WarningLog((line) => lines.push(line), clock)
  })

  const sender = (identity: string) => ({ address: '192.0.2.1', port: 5684, identity })

  it('names the endpoint and the code', () => {
    log.take({ code: 'wrong-key', message: 'it failed', endpoint: 'dev', sender: sender('x') })
    log.take({ code: 'unknown-identity', message: 'so did it', sender: sender('y') })
    assert.deepEqual(lines, ['dev: it failed (wrong-key)', 'so did it (unknown-identity)'])
  })

  it('escapes what would break a line or turn its direction', () => {
    const message = 'a\nb \u202ec\u202c \u0085'
    log.take({ code: 'wrong-key', message, endpoint: 'de\u0007v' })
    assert.deepEqual(lines, ['de\\u0007v: a\\u000ab \\u202ec\\u202c \\u0085 (wrong-key)'])
  })

  it('leaves out what the config node reports as its own error', () => {
    log.take({ code: 'credential-file', message: 'entry 3: no key' })
    assert.deepEqual(lines, [])
  })

  it('writes the same of one device once an hour, and of others at once', () => {
    const again = { code: 'wrong-key' as const, message: 'it failed', endpoint: 'dev' }
    for (let minute = 0; minute < 60; minute++) {
      log.take(again)
      clock.advance(60_000)
    }
    assert.equal(lines.length, 1)
    log.take(again)
    log.take({ ...again, endpoint: 'other' })
    log.take({ ...again, endpoint: undefined, sender: sender('a') })
    log.take({ ...again, endpoint: undefined, sender: sender('b') })
    assert.equal(lines.length, 5)
  })

  it('writes each reason for which one device is refused, five at most in an hour', () => {
    const refused = (message: string): void =>
      log.take({ code: 'registration-refused', message, sender: sender('dev') })
    for (let round = 0; round < 3; round++) {
      refused('the name has a control character')
      refused('there is no lifetime')
    }
    assert.deepEqual(lines, [
      'the name has a control character (registration-refused)',
      'there is no lifetime (registration-refused)',
    ])
    for (let i = 0; i < 10; i++) refused(`reason ${i}`)
    assert.equal(lines.length, 5)
    clock.advance(3_600_000)
    refused('there is no lifetime')
    assert.equal(lines.length, 6)
  })

  it('writes in the next minute what found no room in this one', () => {
    const warn = (identity: string): void =>
      log.take({ code: 'unknown-identity', message: 'no', sender: sender(identity) })
    for (let i = 0; i < 20; i++) warn(`id-${i}`)
    warn('dev')
    clock.advance(60_000)
    warn('dev')
    assert.deepEqual(lines.slice(20), ['1 further warnings were left out', 'no (unknown-identity)'])
  })

  it('writes twenty lines a minute at most, and how many it left out', () => {
    const flood = (from: number): void => {
      for (let i = from; i < from + 100; i++) {
        log.take({ code: 'unknown-identity', message: 'no', sender: sender(`id-${i}`) })
      }
    }
    flood(0)
    assert.equal(lines.length, 20)
    clock.advance(60_000)
    flood(100)
    assert.equal(lines.length, 41)
    assert.equal(lines[20], '80 further warnings were left out')
  })
})
