import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { DiskStore } from '../../src/storage/disk-store'
import { FakeClock } from '../support/fake-clock'
import { findTool, missing, requireTool } from '../support/tools'
import { FailingDisk } from './support/failing-level'
import type { SmallDiskReport } from './support/small-disk'
import { temporaryFolder } from './support/temporary-folder'

const folder = temporaryFolder()
const SCRIPT = join(__dirname, 'support/small-disk.ts')
const WRITES = 40
const CODES = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS']
/** Longer than any pause between two attempts to reopen the database, in ms. */
const PAUSE = 20_000

function runSmallDisk(command: string, ...args: string[]): SmallDiskReport {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as SmallDiskReport
}

/** The state after a kill: closing writes nothing. */
async function reopened(store: DiskStore): Promise<DiskStore> {
  await store.close()
  const again = new DiskStore(store.folder)
  await again.open()
  return again
}

describe('DiskStore on a disk that fails temporarily', () => {
  it('keeps acknowledged writes if the disk is full at 200 random places of a session', function () {
    this.timeout(240_000)
    const unshare = requireTool(this, 'unshare')
    if (spawnSync(unshare, ['-m', 'true']).status !== 0) {
      missing(this, 'this user may not mount a filesystem')
    }
    const node = [process.execPath, '--import', 'tsx', SCRIPT]
    const found = runSmallDisk(unshare, '-m', ...node, 'full', '200', '1')
    assert.deepEqual(found.lost, [])
    assert.ok(found.failed > 100, `writes failed in ${found.failed} sessions only`)
    assert.ok(found.recovered > 500)
  })

  it('keeps acknowledged writes with a limited file size at 30 random places', function () {
    this.timeout(120_000)
    if (findTool('prlimit') === undefined) requireTool(this, 'prlimit')
    const found = runSmallDisk(
      process.execPath,
      ...['--import', 'tsx', SCRIPT, 'file-size', '30', '2'],
    )
    assert.deepEqual(found.lost, [])
    assert.ok(found.failed > 15, `writes failed in ${found.failed} sessions only`)
  })

  for (const when of ['before', 'after'] as const) {
    it(`keeps all other writes of a session if one fails ${when} its bytes are in the log`, async () => {
      for (let place = 0; place < WRITES; place++) {
        const code = CODES[place % CODES.length] as string
        const disk = new FailingDisk()
        const store = new DiskStore(join(folder.path, String(place)), { level: disk.level })
        await store.open()
        disk.fail = (write) => (write === place ? { code, when } : undefined)
        for (let i = 0; i < WRITES; i++) {
          const put = store.put(`k:${i}`, Buffer.from(String(i)))
          if (i !== place) await put
          else await assert.rejects(put, { code: 'store-failed', message: new RegExp(code) })
        }
        assert.equal(disk.made, place === WRITES - 1 ? 1 : 2)
        const again = await reopened(store)
        for (let i = 0; i < WRITES; i++) {
          if (i !== place) assert.equal(String(await again.get(`k:${i}`)), String(i))
        }
        await again.close()
      }
    }).timeout(60_000)
  }

  it('acknowledges nothing until the database can be reopened, and reports the cause', async () => {
    const disk = new FailingDisk()
    const clock = new FakeClock()
    const store = new DiskStore(folder.path, { clock, level: disk.level })
    await store.open()
    await store.put('k:before', Buffer.from('kept'))
    disk.fail = (write) => (write === 1 ? { code: 'ENOSPC', when: 'before' } : undefined)
    await assert.rejects(store.put('k:1', Buffer.from('1')), /written: .*ENOSPC/)
    assert.equal((await store.get('k:before'))?.length, 4, 'still readable')

    disk.openFailure = 'EMFILE'
    await assert.rejects(store.put('k:2', Buffer.from('2')), /opened: .*EMFILE/)
    await assert.rejects(store.get('k:before'), /opened: .*EMFILE/)
    await assert.rejects(store.put('k:3', Buffer.from('3')), /opened: .*EMFILE/)
    assert.equal(disk.made, 2, 'no attempt before the pause is over')

    disk.openFailure = undefined
    clock.advance(PAUSE)
    await store.put('k:4', Buffer.from('4'))
    assert.equal((await store.get('k:before'))?.length, 4)
    const again = await reopened(store)
    const keys: string[] = []
    for await (const [key] of again.list('')) keys.push(key)
    assert.deepEqual(keys, ['k:4', 'k:before'])
    await again.close()
  })

  it('continues a listing after the database was reopened', async () => {
    const disk = new FailingDisk()
    const store = new DiskStore(folder.path, { level: disk.level })
    await store.open()
    const keys = Array.from({ length: 1000 }, (_, i) => `k:${String(i).padStart(4, '0')}`)
    await store.batch(keys.map((key) => ({ type: 'put', key, value: Buffer.from(key) })))
    const found: string[] = []
    for await (const [key] of store.list('k:')) {
      found.push(key)
      if (found.length !== 300) continue
      disk.fail = (write) => (write === 1 ? { code: 'EIO', when: 'before' } : undefined)
      await assert.rejects(store.put('x', Buffer.from('')), /EIO/)
      await store.put('y', Buffer.from(''))
    }
    assert.deepEqual(found, keys)
    await store.close()
  })

  it('can be closed and opened while the database cannot be reopened', async () => {
    const disk = new FailingDisk()
    const store = new DiskStore(folder.path, { level: disk.level })
    await store.open()
    await store.put('k:1', Buffer.from('1'))
    disk.fail = (write) => (write === 1 ? { code: 'EIO', when: 'before' } : undefined)
    await assert.rejects(store.put('k:2', Buffer.from('2')))
    disk.openFailure = 'EIO'
    await assert.rejects(store.put('k:3', Buffer.from('3')))
    await store.close()
    await assert.rejects(store.get('k:1'), { code: 'store-closed' })
    disk.openFailure = undefined
    await store.open()
    assert.equal((await store.get('k:1'))?.length, 1)
    await store.close()
  })
})
