import assert from 'node:assert/strict'
import {
  attributeChanges,
  mergeAttributes,
  type AttributeRequest,
} from '../../../src/server/observations/merged-attributes'

const merge = (...demands: AttributeRequest[]) => mergeAttributes(demands)

describe('Attributes for several subscribers', () => {
  it('are those of the only one', () => {
    assert.deepEqual(merge({ criteria: { pmin: 1, pmax: 60, gt: 5, lt: 1, st: 1 } }), {
      pmin: 1,
      pmax: 60,
      gt: 5,
      lt: 1,
      st: 1,
    })
    assert.deepEqual(merge(), {})
    assert.deepEqual(merge({ criteria: { changeOnly: true } }), {})
  })

  it('have the shortest pmin, and none where one has none', () => {
    assert.deepEqual(merge({ criteria: { pmin: 5 } }, { criteria: { pmin: 10 } }), { pmin: 5 })
    assert.deepEqual(merge({ criteria: { pmin: 5 } }, {}), {})
  })

  it('have the shortest pmax of those that have one', () => {
    assert.deepEqual(merge({ criteria: { pmax: 60 } }, { criteria: { pmax: 30 } }, {}), {
      pmax: 30,
    })
  })

  it('have gt, lt and st only where all agree', () => {
    const one = { criteria: { gt: 5, st: 2 } }
    assert.deepEqual(merge(one, one), { gt: 5, st: 2 })
    assert.deepEqual(merge(one, { criteria: { gt: 5 } }), {})
    assert.deepEqual(merge(one, {}), {})
  })

  it('are whole seconds that are not stricter', () => {
    assert.deepEqual(merge({ criteria: { pmin: 0.5, pmax: 0.5 } }), { pmax: 1 })
    assert.deepEqual(merge({ criteria: { pmin: 1.9, pmax: 2.9 } }), { pmin: 1, pmax: 2 })
  })

  it('have what subscribers state outright, the first one first', () => {
    assert.deepEqual(
      merge(
        { criteria: { pmin: 5 }, attributes: { epmin: 1, con: null } },
        { attributes: { epmin: 2, hqmax: 3 } },
      ),
      { epmin: 1, con: null, hqmax: 3 },
    )
    assert.deepEqual(merge({ criteria: { pmin: 5 }, attributes: { pmin: 7 } }), { pmin: 7 })
  })

  it('are written as the difference to what the device has', () => {
    assert.deepEqual(attributeChanges({ pmin: 1, gt: 5 }, { pmin: 2, st: 1 }), {
      pmin: 2,
      gt: null,
      st: 1,
    })
    assert.equal(attributeChanges({ pmin: 1 }, { pmin: 1 }), undefined)
    assert.deepEqual(attributeChanges({}, { pmin: null }), { pmin: null })
    assert.equal(attributeChanges({ pmin: null }, { pmin: null }), undefined)
    assert.deepEqual(attributeChanges({ pmin: 1 }, {}), { pmin: null })
  })
})
