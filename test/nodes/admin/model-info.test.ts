import assert from 'node:assert/strict'
import { listObjects, objectInfo, searchModel } from '../../../nodes/admin/model-info'
import { builtinModel } from '../../../src/lwm2m/model/object-model'

describe('the object model for the editor', () => {
  it('lists each object once, in its newest version, by id', () => {
    const objects = listObjects(builtinModel())
    const ids = objects.map(({ id }) => id)
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    )
    assert.deepEqual(
      objects.find(({ id }) => id === 3303),
      { id: 3303, name: 'Temperature', version: '1.1', multiple: true },
    )
  })

  it('tells an object with its resources in the version asked for', () => {
    const battery = objectInfo(builtinModel(), 3, '1.0')?.resources.find(({ id }) => id === 9)
    assert.equal(battery?.name, 'Battery Level')
    assert.equal(battery.operations, 'R')
    assert.equal(objectInfo(builtinModel(), 60_000, undefined), undefined)
  })

  it('finds by words in any order and case, and by path', () => {
    const battery = searchModel(builtinModel(), 'LEVEL battery')
    assert.ok(battery.some(({ object, resource }) => object === 3 && resource?.id === 9))
    const path = searchModel(builtinModel(), '3/0/9')
    assert.deepEqual(
      path.map(({ object, resource }) => [object, resource?.id]),
      [[3, 9]],
    )
    assert.deepEqual(searchModel(builtinModel(), '  '), [])
    assert.ok(searchModel(builtinModel(), 'e').length <= 100)
  })
})
