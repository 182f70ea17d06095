import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Path, PathError } from '../../src/lwm2m/path'

describe('LwM2M paths', () => {
  const good: readonly (readonly [string, readonly number[], string?])[] = [
    ['/', []],
    ['', []],
    ['/3', [3]],
    ['3', [3]],
    ['/3/0/9', [3, 0, 9]],
    ['3/0/9', [3, 0, 9]],
    ['/3/0/9/', [3, 0, 9]],
    [' /3/0 ', [3, 0]],
    ['/65534/65534/65534/65534', [65534, 65534, 65534, 65534]],
    ['/0/0/0/0', [0, 0, 0, 0]],
    ['/dev-1/3/0', [3, 0], 'dev-1'],
    ['dev.1_~/3', [3], 'dev.1_~'],
    ['/dev1', [], 'dev1'],
  ]
  for (const [text, ids, prefix = ''] of good) {
    it(`parses ${JSON.stringify(text)}`, () => {
      const path = Path.parse(text)
      assert.deepEqual(path.ids, ids)
      assert.equal(path.prefix, prefix)
      assert.equal(path.level, ids.length)
    })
  }

  const wrong = [
    '/3//9',
    '/3/0/9//',
    '/65535',
    '/3/65535',
    '/99999999999999999999',
    '/03',
    '/3/00',
    '/3/-1',
    '/3/1.5',
    '/3/1e2',
    '/3/x',
    '/1/2/3/4/5',
    '/a b/3',
    '/a/b/3',
    '/3/0?x',
    '/٣',
    '/../3',
    '/$/3',
  ]
  for (const text of wrong) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      if (text === '/../3') {
        // Dots are ordinary characters of a prefix; they are not resolved.
        assert.equal(Path.parse(text).toString(), '/../3')
        return
      }
      assert.throws(
        () => Path.parse(text),
        (error) => error instanceof PathError && error.code === 'invalid-path',
      )
    })
  }

  it('are formatted as they were parsed', () => {
    const id = fc.integer({ min: 0, max: 65534 })
    const prefix = fc.constantFrom('', 'a', 'dev-1')
    fc.assert(
      fc.property(fc.array(id, { maxLength: 4 }), prefix, (ids, before) => {
        const path = new Path(ids, before)
        assert.deepEqual(Path.parse(path.toString()), path)
        assert.ok(Path.parse(path.toString()).equals(path))
        assert.deepEqual(path.segments(), path.toString().split('/').filter(Boolean))
        assert.equal(JSON.stringify({ path }), `{"path":"${path.toString()}"}`)
      }),
    )
  })

  it('contain what is below them', () => {
    const contains = (a: string, b: string): boolean => Path.parse(a).contains(Path.parse(b))
    assert.ok(contains('/', '/3/0'))
    assert.ok(contains('/', '/d1/3/0'))
    assert.ok(contains('/3/0', '/3/0'))
    assert.ok(contains('/3/0', '/3/0/9'))
    assert.ok(contains('/d1', '/d1/3'))
    assert.ok(!contains('/3/0/9', '/3/0'))
    assert.ok(!contains('/3/0', '/3/1/9'))
    assert.ok(!contains('/3', '/33'))
    assert.ok(!contains('/3', '/d1/3/0'))
    assert.ok(!contains('/d1', '/3'))
    assert.ok(!Path.parse('/3').equals(Path.parse('/3/0')))
  })

  it('have segments, ids and levels', () => {
    const path = Path.parse('/d1/3/0/6/1')
    assert.deepEqual(
      [path.object, path.instance, path.resource, path.resourceInstance],
      [3, 0, 6, 1],
    )
    assert.equal(path.at(2).toString(), '/d1/3/0')
    assert.equal(path.at(9), path)
    assert.equal(Path.ROOT.child(3).child(0).toString(), '/3/0')
    assert.equal(Path.from(path), path)
  })
})
