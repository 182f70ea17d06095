import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ClassicLevel } from 'classic-level'
import { DiskStore } from '../../src/storage/disk-store'
import { temporaryFolder } from './support/temporary-folder'

const folder = temporaryFolder()

function startProcess(...args: string[]): ChildProcess {
  const script = join(__dirname, 'support/store-process.ts')
  return spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function filled(count: number, valueSize = 100): Promise<DiskStore> {
  const store = new DiskStore(folder.path)
  await store.open()
  for (let i = 0; i < count; i++) {
    await store.put(`k:${String(i).padStart(6, '0')}`, Buffer.alloc(valueSize, i & 0xff))
  }
  return store
}

function files(pattern: RegExp): string[] {
  return readdirSync(folder.path)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder.path, name))
}

/** Name and bytes of all data files: everything except LevelDB's own text log and its lock. */
function contents(): Map<string, string> {
  return new Map(
    readdirSync(folder.path)
      .filter((name) => !/^(LOG|LOG\.old|LOCK)$/.test(name))
      .map((name) => [name, readFileSync(join(folder.path, name)).toString('base64')]),
  )
}

async function assertDamaged(why: RegExp): Promise<void> {
  const before = contents()
  const store = new DiskStore(folder.path)
  await assert.rejects(store.open(), (error: { code?: string; message?: string }) => {
    assert.equal(error.code, 'store-damaged')
    assert.match(error.message ?? '', why)
    return true
  })
  assert.deepEqual(contents(), before, 'nothing is overwritten')
}

describe('DiskStore', () => {
  it('creates its folder without access for others', async function () {
    if (process.platform === 'win32') this.skip()
    const path = join(folder.path, 'lwm2m', 'node1')
    const store = new DiskStore(path)
    await store.open()
    await store.close()
    assert.equal(statSync(path).mode & 0o777, 0o700)
  })

  it('writes concurrent changes in one group, each caller waits for its own', async () => {
    const store = await filled(0)
    const level = (store as unknown as { level: { batch: (...args: unknown[]) => unknown } }).level
    const original = level.batch.bind(level)
    let writes = 0
    level.batch = (...args) => {
      writes++
      return original(...args)
    }
    await Promise.all(Array.from({ length: 1000 }, (_, i) => store.put(`k:${i}`, Buffer.from('v'))))
    assert.equal(writes, 1)
    await store.close()
  })

  it('rejects every caller of a group if the write fails, and continues with the next group', async () => {
    const store = await filled(0)
    const level = (store as unknown as { level: { batch: (...args: unknown[]) => unknown } }).level
    const original = level.batch.bind(level)
    level.batch = () => Promise.reject(new Error('No space left on device'))
    const failed = await Promise.allSettled([
      store.put('a', Buffer.from('1')),
      store.put('b', Buffer.from('2')),
    ])
    for (const one of failed) {
      assert.equal(one.status, 'rejected')
      assert.equal((one.reason as { code: string }).code, 'store-failed')
      assert.match((one.reason as Error).message, /No space left/)
    }
    level.batch = original
    assert.equal(await store.get('a'), undefined)
    await store.put('c', Buffer.from('3'))
    await store.close()
  })

  it('completes pending writes before it closes', async () => {
    const store = await filled(0)
    const put = store.put('k', Buffer.from('v'))
    await store.close()
    await put
    await store.open()
    assert.deepEqual(Buffer.from((await store.get('k')) ?? '').toString(), 'v')
    await store.close()
  })

  it('can be opened twice at once, and closed while it opens', async () => {
    const store = new DiskStore(folder.path)
    await Promise.all([store.open(), store.open()])
    await store.open()
    await store.close()
    const opening = store.open()
    await store.close()
    await opening
    await assert.rejects(store.get('k'), { code: 'store-closed' })
    const again = new DiskStore(folder.path)
    await again.open()
    await again.close()
  })

  it('is locked for a second store of the same process until closed', async () => {
    const first = await filled(1)
    const second = new DiskStore(folder.path)
    await assert.rejects(second.open(), { name: 'StoreError', code: 'store-locked' })
    await first.put('still', Buffer.from('works'))
    await first.close()
    await second.open()
    await second.close()
  })

  it('is locked for another process until the first one ends', async () => {
    const child = startProcess(folder.path, 'hold')
    await once(createInterface({ input: child.stdout! }), 'line')
    const store = new DiskStore(folder.path)
    await assert.rejects(store.open(), { name: 'StoreError', code: 'store-locked' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await store.open()
    await store.close()
  })

  it('loses no acknowledged write and keeps batches whole when its process is killed', async function () {
    this.timeout(120_000)
    let first = 0
    for (let round = 0; round < 4; round++) {
      const child = startProcess(folder.path, 'write', String(first))
      let acknowledged = first - 1
      const stopAfter = first + 40 + Math.floor(Math.random() * 3000)
      for await (const line of createInterface({ input: child.stdout! })) {
        if (line === 'open') continue
        acknowledged = Math.max(acknowledged, Number(line))
        if (acknowledged >= stopAfter) child.kill('SIGKILL')
      }
      const store = new DiskStore(folder.path)
      await store.open()
      for (let i = first; i <= acknowledged; i++) {
        const value = await store.get(`left:${i}`)
        assert.deepEqual(value && Buffer.from(value), Buffer.alloc(300 + (i % 200), i & 0xff))
      }
      const counts = { left: 0, right: 0 }
      for await (const [key] of store.list('')) counts[key.split(':')[0] as 'left' | 'right']++
      assert.ok(counts.left > acknowledged)
      assert.equal(counts.left, counts.right)
      await store.close()
      first = counts.left
    }
  })

  describe('DiskStore with a damaged folder', () => {
    it('rejects a missing CURRENT instead of creating a new database', async () => {
      await (await filled(10)).close()
      rmSync(join(folder.path, 'CURRENT'))
      await assertDamaged(/CURRENT is missing/)
    })

    it('rejects a missing CURRENT beside the first manifest with data', async () => {
      await (await filled(10)).close()
      rmSync(join(folder.path, 'CURRENT'))
      for (const file of files(/^MANIFEST/)) renameSync(file, join(folder.path, 'MANIFEST-000001'))
      await assertDamaged(/CURRENT is missing/)
    })

    it('rejects a missing CURRENT beside a later manifest without data', async () => {
      await (await filled(10)).close()
      rmSync(join(folder.path, 'CURRENT'))
      for (const file of files(/\.log$/)) rmSync(file)
      await assertDamaged(/CURRENT is missing/)
    })

    it('rejects a CURRENT with garbage', async () => {
      await (await filled(10)).close()
      writeFileSync(join(folder.path, 'CURRENT'), 'MANI')
      await assertDamaged(/CURRENT is damaged/)
    })

    it('rejects a missing manifest', async () => {
      await (await filled(10)).close()
      for (const file of files(/^MANIFEST/)) rmSync(file)
      await assertDamaged(/MANIFEST-\d+ is missing/)
    })

    it('rejects a corrupt manifest', async () => {
      await (await filled(10)).close()
      const [manifest = ''] = files(/^MANIFEST/)
      const bytes = readFileSync(manifest)
      bytes[10] = (bytes[10] ?? 0) ^ 0xff
      writeFileSync(manifest, bytes)
      await assertDamaged(/Corruption: checksum mismatch/)
    })

    it('rejects a missing log', async () => {
      await (await filled(10)).close()
      for (const file of files(/\.log$/)) rmSync(file)
      await assertDamaged(/log file is missing/)
    })

    it('rejects a log with one flipped bit instead of replaying it without that entry', async () => {
      await (await filled(500)).close()
      const [log = ''] = files(/\.log$/)
      const bytes = readFileSync(log)
      bytes[20_000] = (bytes[20_000] ?? 0) ^ 1
      writeFileSync(log, bytes)
      await assertDamaged(/wrong checksum at offset \d+/)
    })

    it('rejects zeros in the middle of the log', async () => {
      await (await filled(1000)).close()
      const [log = ''] = files(/\.log$/)
      const bytes = readFileSync(log)
      bytes.fill(0, 32_768, 65_536)
      writeFileSync(log, bytes)
      await assertDamaged(/hole at offset 32768/)
    })

    it('rejects a missing table', async () => {
      const store = await filled(200, 1000)
      await store.close()
      await store.open() // moves the log into a table
      await store.close()
      const [table = ''] = files(/\.ldb$/)
      rmSync(table)
      await assertDamaged(/the table \d+\.ldb is missing/)
    })

    it('rejects a truncated table when opened, not when it is read', async () => {
      const store = await filled(200, 1000)
      await store.close()
      await store.open()
      await store.close()
      const [table = ''] = files(/\.ldb$/)
      const { size } = statSync(table)
      truncateSync(table, size >> 1)
      await assertDamaged(
        new RegExp(`has ${size >> 1} bytes instead of ${size} \\(nothing was changed\\)`),
      )
    })

    it('accepts a leftover table of a killed compaction', async () => {
      const store = await filled(200, 1000)
      await store.close()
      writeFileSync(join(folder.path, '000099.ldb'), 'unfinished')
      await store.open()
      assert.equal((await store.get('k:000199'))?.length, 1000)
      await store.close()
    })

    it('gives advice in the error', async () => {
      await (await filled(10)).close()
      rmSync(join(folder.path, 'CURRENT'))
      await assertDamaged(/Restore the folder from a copy, repair the store, or start empty/)
    })

    it('reports a flipped bit of a table when it is read', async () => {
      const store = await filled(0)
      // Random bytes are stored uncompressed: LevelDB itself does not detect changes of them.
      for (let i = 0; i < 200; i++) await store.put(`k:${i}`, randomBytes(1000))
      await store.close()
      await store.open()
      await store.close()
      const [table = ''] = files(/\.ldb$/)
      const bytes = readFileSync(table)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      writeFileSync(table, bytes)
      await store.open()
      await assert.rejects(
        async () => {
          for await (const entry of store.list('')) void entry
        },
        { code: 'store-damaged', message: /the entry "k:\d+" is corrupt/ },
      )
      await store.close()
      assert.deepEqual(readFileSync(table), bytes)
    })

    it('rejects a LevelDB folder of another application', async () => {
      const other = new ClassicLevel(folder.path)
      await other.put('theirs', 'value')
      await other.close()
      const store = new DiskStore(folder.path)
      await assert.rejects(store.open(), { code: 'store-damaged' })
      await other.open()
      assert.equal(await other.get('theirs'), 'value')
      await other.close()
    })

    it('accepts an incomplete record at the end of the log', async () => {
      await (await filled(50)).close()
      const [log = ''] = files(/\.log$/)
      truncateSync(log, statSync(log).size - 30)
      const store = new DiskStore(folder.path)
      await store.open()
      assert.equal((await store.get('k:000048'))?.length, 100)
      assert.equal(await store.get('k:000049'), undefined)
      await store.close()
    })

    it('accepts zeros at the end of the log, as after a power failure', async () => {
      await (await filled(50)).close()
      const [log = ''] = files(/\.log$/)
      appendFileSync(log, Buffer.alloc(70_000))
      const store = new DiskStore(folder.path)
      await store.open()
      assert.equal((await store.get('k:000049'))?.length, 100)
      await store.close()
    })

    it('accepts a folder whose process was killed when it was first opened', async () => {
      await (await filled(0)).close()
      const fresh = join(folder.path, 'fresh')
      mkdirSync(fresh)
      const [manifest = ''] = files(/^MANIFEST/)
      cpSync(manifest, join(fresh, 'MANIFEST-000001'))
      const store = new DiskStore(fresh)
      await store.open()
      await store.close()
    })
  })

  it('reports a folder that cannot be created as a failure, not as damage', async () => {
    writeFileSync(join(folder.path, 'file'), '')
    const store = new DiskStore(join(folder.path, 'file', 'store'))
    await assert.rejects(store.open(), { code: 'store-failed' })
    assert.ok(!existsSync(join(folder.path, 'file', 'store')))
  })

  it('reports why LevelDB cannot open its files', async () => {
    await (await filled(10)).close()
    rmSync(join(folder.path, 'LOCK'))
    mkdirSync(join(folder.path, 'LOCK'))
    await assert.rejects(new DiskStore(folder.path).open(), {
      code: 'store-failed',
      message: /cannot be opened: IO error: .*LOCK: Is a directory/,
    })
  })

  it('opens after the cause of an error was removed', async () => {
    await (await filled(10)).close()
    const current = join(folder.path, 'CURRENT')
    const bytes = readFileSync(current)
    rmSync(current)
    const store = new DiskStore(folder.path)
    await assert.rejects(store.open(), { code: 'store-damaged' })
    writeFileSync(current, bytes)
    await store.open()
    assert.equal((await store.get('k:000009'))?.length, 100)
    await store.close()
  })
})
