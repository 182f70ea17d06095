import assert from 'node:assert/strict'
import { LinkedList, ListNode } from '../../src/base/linked-list'

class Item extends ListNode {
  constructor(readonly name: string) {
    super()
  }
}

describe('LinkedList', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Item(name)) as [Item, Item, Item]
  const names = (list: LinkedList<Item>): string => [...list].map(({ name }) => name).join('')

  it('keeps the order in which members were added, and moves one that is added again', () => {
    const list = new LinkedList<Item>()
    assert.deepEqual([list.isEmpty, list.first, list.last], [true, undefined, undefined])
    for (const item of [a, b, c]) list.append(item)
    assert.equal(names(list), 'abc')
    list.append(a)
    assert.equal(names(list), 'bca')
    assert.deepEqual([list.first, list.last, list.after(b), list.after(a)], [b, a, c, undefined])
    const other = new LinkedList<Item>()
    other.append(c)
    assert.deepEqual([names(list), names(other)], ['ba', 'c'])
  })

  it('takes a member out wherever it is, once', () => {
    const list = new LinkedList<Item>()
    for (const item of [a, b, c]) list.append(item)
    b.unlink()
    b.unlink()
    assert.deepEqual([names(list), b.linked, a.linked], ['ac', false, true])
    for (const item of list) item.unlink()
    assert.ok(list.isEmpty)
  })
})
