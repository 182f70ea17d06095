import assert from 'node:assert/strict'
import { readFormat } from '../../../../nodes/shared/actions/action-node'
import { splitPaths } from '../../../../nodes/shared/messages/fields'
import { messageCriteria } from '../../../../nodes/shared/sources/subscription'
import {
  attributeSet,
  compositeInput,
  writeInput,
} from '../../../../nodes/shared/actions/write-input'
import { DeviceError } from '../../../../src/server/errors'

describe('what is wrong in a message', () => {
  const refused = (act: () => unknown, message: RegExp): void =>
    assert.throws(act, (error: Error & { code?: string }) => {
      assert.equal(error.code, 'invalid-argument')
      assert.match(error.message, message)
      return true
    })

  for (const [what, path, says] of [
    ['a number', 5, 'a path is text such as /3/0/9, or an array of such, not 5'],
    ['an object', {}, 'a path is text such as /3/0/9, or an array of such, not an object'],
    ['a number among paths', ['/3/0/9', 5], 'or an array of such, not 5'],
  ] as const) {
    it(`is said of a path that is ${what}`, () => {
      refused(() => splitPaths(path), new RegExp(says))
    })
  }

  it('is nothing where a path is left out', () => {
    for (const nothing of [undefined, null, '', ' ', []]) assert.deepEqual(splitPaths(nothing), [])
  })

  for (const value of [true, [], {}, ' x', '  ', NaN, Infinity]) {
    it(`is said of the attribute ${JSON.stringify(value)}`, () => {
      refused(() => attributeSet({ pmin: value }), /pmin must be a number, or null to unset it/)
    })
  }

  it('is nothing in attributes that MQTT sends as text, or that are unset', () => {
    const given = { pmin: '5', gt: ' -1.5 ', pmax: null, st: '' }
    assert.deepEqual(attributeSet(given), { pmin: 5, gt: -1.5, pmax: null, st: null })
  })

  it('is said of a value that is missing, or is none', () => {
    refused(() => writeInput(undefined), /no value to write: set it in the dialog or in msg\.payl/)
    refused(() => writeInput(null), /no value to write/)
    refused(() => writeInput(() => 1), /must be a value, or an object of values/)
    refused(() => compositeInput({}), /give an object of values by path/)
  })

  it('is said of criteria', () => {
    refused(() => messageCriteria({ criteria: { changeOnly: 'yes' } }), /must be true or false/)
    refused(() => messageCriteria({ criteria: 5 }), /must be an object/)
    assert.deepEqual(messageCriteria({ criteria: { changeOnly: false } }).criteria, {
      changeOnly: false,
    })
  })

  it('is said of a content format, with those that there are', () => {
    assert.throws(
      () => readFormat('xml'),
      /unknown content format "xml", expected one of text, link, .*tlv/,
    )
  })

  it('is not said twice where a device says no more than its code', () => {
    const text = (diagnostic: string): string =>
      new DeviceError(0x84, 'Read /3 of dev', diagnostic).message
    assert.equal(text('not found'), 'Read /3 of dev: 4.04 Not Found')
    assert.equal(text(''), 'Read /3 of dev: 4.04 Not Found')
    assert.equal(text('no such thing'), 'Read /3 of dev: 4.04 Not Found: no such thing')
  })
})
