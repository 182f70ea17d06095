import assert from 'node:assert/strict'

interface Paths {
  validPaths(text: string, multiple: boolean): boolean
}

describe('paths in dialogs', () => {
  let paths: Paths

  before(async () => {
    // Not by name: the plugin has types of the browser's, which tests do not.
    const plugin: string = '../../nodes/editor/path-field'
    paths = (await import(plugin)) as Paths
  })

  const good = ['/3/0/9', '3/0', '/3/0/', '/65534/0', '/dev1/3303/0/5700', '/']
  const bad = ['', '/99999/0', '/3/007/1', '/65535', '/3/0/9/1/2', '/3/x', 'dev1', '/3//0', '/3/-1']
  for (const path of good) {
    it(`takes ${path}`, () => assert.equal(paths.validPaths(path, false), true))
  }
  for (const path of bad) {
    it(`refuses ${JSON.stringify(path)}`, () => assert.equal(paths.validPaths(path, false), false))
  }

  it('takes several only where they are allowed', () => {
    assert.equal(paths.validPaths('/3/0/9, /3303', true), true)
    assert.equal(paths.validPaths('/3/0/9, /3303', false), false)
    assert.equal(paths.validPaths('/3/0/9, /99999', true), false)
  })
})
