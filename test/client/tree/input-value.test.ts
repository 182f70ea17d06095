import assert from 'node:assert/strict'
import { inferType, toValue } from '../../../src/client/tree/input-value'
import type { InputValue } from '../../../src/client/types'
import { ObjectLink, type ResourceType, type Value } from '../../../src/lwm2m/value'

describe('client input values', () => {
  const taken: [InputValue, ResourceType, Value][] = [
    ['x', 'String', 'x'],
    [5, 'String', '5'],
    [true, 'String', 'true'],
    ['</3/0>', 'Corelnk', '</3/0>'],
    [5, 'Integer', 5],
    ['-5', 'Integer', -5],
    [2n ** 63n - 1n, 'Integer', 2n ** 63n - 1n],
    ['9223372036854775807', 'Integer', 2n ** 63n - 1n],
    ['18446744073709551615', 'Unsigned Integer', 2n ** 64n - 1n],
    [5n, 'Unsigned Integer', 5],
    [1.5, 'Float', 1.5],
    ['1e3', 'Float', 1000],
    [2n, 'Float', 2],
    [true, 'Boolean', true],
    [0, 'Boolean', false],
    ['true', 'Boolean', true],
    ['q83v', 'Opaque', Buffer.from([0xab, 0xcd, 0xef])],
    ['_-8=', 'Opaque', Buffer.from([0xff, 0xef])],
    [Buffer.from('a'), 'Opaque', Buffer.from('a')],
    [1367491215, 'Time', new Date('2013-05-02T10:40:15Z')],
    ['1367491215', 'Time', new Date('2013-05-02T10:40:15Z')],
    ['2013-05-02T10:40:15Z', 'Time', new Date('2013-05-02T10:40:15Z')],
    ['66:0', 'Objlnk', new ObjectLink(66, 0)],
  ]
  for (const [input, type, value] of taken) {
    it(`converts ${typeof input} ${String(input)} to ${type}`, () => {
      assert.deepEqual(toValue(input, type), value)
    })
  }

  const refused: [InputValue, ResourceType][] = [
    [1.5, 'Integer'],
    ['soon', 'Integer'],
    ['', 'Integer'],
    [-1, 'Unsigned Integer'],
    [2n ** 63n, 'Integer'],
    [2n ** 64n, 'Unsigned Integer'],
    [NaN, 'Integer'],
    ['warm', 'Float'],
    ['', 'Float'],
    [true, 'Float'],
    ['yes', 'Boolean'],
    [2, 'Boolean'],
    ['not base64!', 'Opaque'],
    [5, 'Opaque'],
    ['tomorrow', 'Time'],
    [1e18, 'Time'],
    ['66', 'Objlnk'],
    [5, 'Objlnk'],
    [new Date(0), 'String'],
    [1, 'None'],
  ]
  for (const [input, type] of refused) {
    it(`rejects ${typeof input} ${String(input)} as ${type}`, () => {
      assert.throws(() => toValue(input, type), { code: 'invalid-value' })
    })
  }

  it('infers the type of resources that no model defines', () => {
    assert.deepEqual(
      ['x', 1, 2n, true, Buffer.alloc(1), new Date(0), new ObjectLink(1, 1)].map(inferType),
      ['String', 'Float', 'Integer', 'Boolean', 'Opaque', 'Time', 'Objlnk'],
    )
  })
})
