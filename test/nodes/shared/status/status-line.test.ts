import assert from 'node:assert/strict'
import type { NodeAPI, NodeStatus } from 'node-red'
import { CodedError } from '../../../../src/base/coded-error'
import { failureText } from '../../../../nodes/shared/messages/failure'
import { ageText, shorten, StatusLine } from '../../../../nodes/shared/status/status-line'
import { FakeClock } from '../../../support/fake-clock'
import { translate } from '../../support/harness'

const RED = { _: translate } as unknown as NodeAPI

describe('StatusLine', () => {
  let clock: FakeClock
  let shown: NodeStatus[]
  let line: StatusLine
  let warnings: string[]

  beforeEach(() => {
    clock = new FakeClock()
    shown = []
    warnings = []
    const status = (one: unknown): void => void shown.push(one as NodeStatus)
    line = new StatusLine(
      RED,
      { status, warn: (text) => void warnings.push(text as string) },
      clock,
    )
  })

  it('shows at once, then at most four times a second, the last one always', () => {
    for (const text of ['a', 'b', 'c']) line.show({ fill: 'green', shape: 'dot', text })
    assert.deepEqual(
      shown.map(({ text }) => text),
      ['a'],
    )
    clock.advance(250)
    assert.deepEqual(
      shown.map(({ text }) => text),
      ['a', 'c'],
    )
  })

  it('warns where Node-RED does not take the status', () => {
    line = new StatusLine(
      RED,
      {
        status: ({ text }: NodeStatus) => {
          if (text === 'b') throw new Error('no status')
        },
        warn: (text) => void warnings.push(text as string),
      },
      clock,
    )
    line.show({ fill: 'green', shape: 'dot', text: 'a' })
    line.show({ fill: 'green', shape: 'dot', text: 'b' })
    clock.advance(250)
    assert.deepEqual(warnings, ['timer: no status'])
  })

  it('does not repeat itself', () => {
    line.show({ fill: 'green', shape: 'dot', text: 'a' })
    clock.advance(1_000)
    line.show({ fill: 'green', shape: 'dot', text: 'a' })
    clock.advance(1_000)
    assert.equal(shown.length, 1)
  })

  it('lets the age of a value move on', () => {
    line.show({ fill: 'green', shape: 'dot', text: '21.4', since: clock.now() })
    clock.advance(12_000)
    assert.deepEqual(
      shown.map(({ text }) => text),
      ['21.4 · now', '21.4 · 5 s ago', '21.4 · 10 s ago'],
    )
  })

  it('is never longer than twenty characters', () => {
    const long = 'a very long value that a device sent'
    line.show({ fill: 'green', shape: 'dot', text: long })
    clock.advance(1_000)
    line.show({ fill: 'green', shape: 'dot', text: long, since: clock.now() })
    clock.advance(3_600_000 * 5)
    for (const { text } of shown) assert.ok((text ?? '').length <= 20, text)
  })

  it('says nothing after it was closed', () => {
    line.show({ fill: 'green', shape: 'dot', text: 'a' })
    line.show({ fill: 'green', shape: 'dot', text: 'b' })
    line.close()
    clock.advance(1_000)
    assert.equal(shown.length, 1)
  })
})

describe('status texts', () => {
  for (const [ms, text] of [
    [0, 'now'],
    [12_000, '12 s ago'],
    [99_000, '99 s ago'],
    [120_000, '2 min ago'],
    [7_200_000, '2 h ago'],
    [259_200_000, '3 d ago'],
    [-5_000, 'now'],
  ] as const) {
    it(`says ${text}`, () => assert.equal(ageText(RED, ms), text))
  }

  it('cuts with an ellipsis, and makes one line of several', () => {
    assert.equal(shorten('one\ntwo', 20), 'one two')
    assert.equal(shorten('abcdef', 4), 'abc…')
  })

  for (const [code, text] of [
    ['4.04', '4.04 not found'],
    ['5.00', '5.00 device error'],
    ['4.29', '4.29'],
    ['timeout', 'timeout'],
    ['EADDRINUSE', 'port in use'],
    ['csv', 'csv'],
  ] as const) {
    it(`says ${text} for ${code}`, () => {
      assert.equal(failureText(RED, new CodedError(code, '')), text)
    })
  }
})
