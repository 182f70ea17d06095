import assert from 'node:assert/strict'
import { dirname, join, resolve } from 'node:path'
import { statePath } from '../../../../nodes/shared/runtime/state-path'

const USER_DIR = resolve('/home/user/.node-red')
const FOLDER = join(USER_DIR, 'lwm2m')

describe('statePath', () => {
  it('keeps the ids that Node-RED makes, of all versions', () => {
    assert.equal(statePath(USER_DIR, '3f0a9b1c2d4e5f60'), join(FOLDER, '3f0a9b1c2d4e5f60'))
    assert.equal(statePath(USER_DIR, '1a2b3c4d.5e6f7'), join(FOLDER, '1a2b3c4d.5e6f7'))
    assert.equal(statePath(USER_DIR, 'abc', '.accounts'), join(FOLDER, 'abc.accounts'))
  })

  it('never leads out of the folder', () => {
    const ids = ['../../outside', '..', '.', '', 'a/b', 'a\\b', '/etc/x', 'a\0b', 'x'.repeat(300)]
    const paths = ids.map((id) => statePath(USER_DIR, id))
    for (const path of paths) {
      assert.equal(dirname(path), FOLDER)
      assert.match(path, /id-[0-9a-f]{64}$/)
    }
    assert.equal(new Set(paths).size, ids.length, 'each has a place of its own')
    assert.equal(statePath(USER_DIR, '../x'), statePath(USER_DIR, '../x'))
  })
})
