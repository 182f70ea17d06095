import assert from 'node:assert/strict'
import { AccessControl, Right } from '../../../src/client/operations/access-control'
import { addDescription } from '../../../src/client/tree/build'
import { ObjectTree } from '../../../src/client/tree/object-tree'
import type { DeviceDescription, InstanceDescription } from '../../../src/client/types'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { Path } from '../../../src/lwm2m/path'

function tree(servers: readonly number[], entries: readonly InstanceDescription[]): ObjectTree {
  const made = new ObjectTree(builtinModel())
  const description: DeviceDescription = {
    0: Object.fromEntries(servers.map((id, i) => [i, { 0: `coap://s${id}`, 1: false, 10: id }])),
    1: Object.fromEntries(servers.map((id, i) => [i, { 0: id, 1: 60 }])),
    2: Object.fromEntries(entries.map((entry, i) => [i, entry])),
    3: { 0: { 0: 'x' } },
    3303: { 0: { 5700: 1 } },
  }
  addDescription(made, description, () => undefined)
  return made
}

function rights(access: AccessControl, path: string): string {
  const at = Path.parse(path)
  const all = [Right.READ, Right.WRITE, Right.EXECUTE, Right.DELETE, Right.CREATE]
  return all.map((right) => (access.allows(at, right) ? 'RWEDC'[all.indexOf(right)] : '-')).join('')
}

describe('client access control', () => {
  it('does not apply with one server, or without entries', () => {
    const entry = { 0: 3, 1: 0, 2: { 9: 1 }, 3: 9 }
    assert.equal(rights(new AccessControl(tree([1], [entry]), 1), '/3/0'), 'RWEDC')
    assert.equal(rights(new AccessControl(tree([1, 2], []), 1), '/3/0'), 'RWEDC')
  })

  it('hides the objects with keys from every server', () => {
    const access = new AccessControl(tree([1], []), 1)
    for (const path of ['/0', '/0/0', '/21/0', '/23/0']) {
      assert.equal(rights(access, path), '-----')
      assert.throws(() => access.require(Path.parse(path), Right.READ), { coapCode: 0x84 })
    }
  })

  it('grants the rights of the entry: own, owner’s, default', () => {
    const of = (id: number): AccessControl =>
      new AccessControl(tree([1, 2, 3], [{ 0: 3, 1: 0, 2: { 2: 3, 0: 1 }, 3: 1 }]), id)
    assert.equal(rights(of(1), '/3/0'), 'RWED-')
    assert.equal(rights(of(2), '/3/0/9'), 'RW---')
    assert.equal(rights(of(3), '/3/0'), 'R----')
    assert.throws(() => of(3).require(Path.parse('/3/0/9'), Right.WRITE), { coapCode: 0x81 })
  })

  it('grants nothing without an entry, except for the server’s own account', () => {
    const of = (id: number): AccessControl =>
      new AccessControl(tree([1, 2], [{ 0: 3, 1: 0, 2: { 1: 31 }, 3: 1 }]), id)
    assert.equal(rights(of(1), '/3303/0'), '-----')
    assert.equal(rights(of(1), '/1/0').startsWith('RWE'), true)
    assert.equal(rights(of(1), '/1/1'), '-----')
  })

  it('grants Create by the entry of the object (instance 65535)', () => {
    const of = (id: number): AccessControl =>
      new AccessControl(tree([1, 2], [{ 0: 3303, 1: 65_535, 2: { 1: 16 }, 3: 65_535 }]), id)
    assert.equal(of(1).allows(Path.parse('/3303'), Right.CREATE), true)
    assert.equal(of(2).allows(Path.parse('/3303'), Right.CREATE), false)
  })

  it('lets every server read entries and only the owner change them', () => {
    const made = tree([1, 2], [{ 0: 3, 1: 0, 2: { 1: 1 }, 3: 1 }])
    assert.equal(rights(new AccessControl(made, 1), '/2/0'), 'RW---')
    assert.equal(rights(new AccessControl(made, 2), '/2/0'), 'R----')
  })

  it('makes the creator the owner, and deletes entries of deleted instances', () => {
    const made = tree([1, 2], [{ 0: 3, 1: 0, 2: { 1: 1 }, 3: 1 }])
    const access = new AccessControl(made, 2)
    access.created(Path.parse('/3303/7'))
    assert.equal(rights(access, '/3303/7'), 'RWED-')
    assert.equal(rights(new AccessControl(made, 1), '/3303/7'), '-----')
    access.deleted(Path.parse('/3303/7'))
    assert.equal(rights(access, '/3303/7'), '-----')
    assert.equal(made.object(2)?.instances.size, 1)
  })
})
