import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DiskStore } from '../../src/storage/disk-store'
import { cborOfVersion, RecordType } from '../../src/storage/record-type'
import { putStoreAside, repairStore, StoreCopy } from '../../src/storage/rescue'
import { exportLines } from '../../src/storage/store-export'
import { FakeClock } from '../support/fake-clock'
import { temporaryFolder } from './support/temporary-folder'

const temporary = temporaryFolder()
const COUNT = 1_500

/** A value that contains its key, and that LevelDB cannot compress. */
function valueOf(index: number): Buffer {
  const digest = createHash('sha512').update(String(index)).digest()
  return Buffer.concat([Buffer.from(`${index}:`), digest, digest])
}

function keyOf(index: number): string {
  return `k:${String(index).padStart(6, '0')}`
}

describe('rescue of a damaged store', () => {
  let folder: string

  beforeEach(async () => {
    folder = join(temporary.path, 'node1')
    const store = new DiskStore(folder)
    await store.open()
    const changes = Array.from({ length: COUNT }, (_, index) => index)
    for (const index of changes.slice(0, COUNT / 2)) await store.put(keyOf(index), valueOf(index))
    await store.close()
    // Opening moves the log into a table; the rest goes into the next log.
    await store.open()
    for (const index of changes.slice(COUNT / 2)) await store.put(keyOf(index), valueOf(index))
    await store.close()
  })

  function file(pattern: RegExp): string {
    const name = readdirSync(folder).find((one) => pattern.test(one))
    assert.ok(name)
    return join(folder, name)
  }

  /** Changes a byte in the middle of a file. */
  function flip(path: string): void {
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff
    writeFileSync(path, bytes)
  }

  function contents(path: string): { [name: string]: string } {
    const names = readdirSync(path).filter((name) => !/^(LOG|LOG\.old|LOCK)$/.test(name))
    return Object.fromEntries(
      names.sort().map((name) => [name, readFileSync(join(path, name)).toString('base64')]),
    )
  }

  function neighbours(): string[] {
    return readdirSync(dirname(folder)).filter((name) => name !== basename(folder))
  }

  /** Every entry of the store that opens now. Each must be what was written. */
  async function entries(): Promise<string[]> {
    const store = new DiskStore(folder)
    await store.open()
    const keys: string[] = []
    for await (const [key, value] of store.list('')) {
      assert.deepEqual(Buffer.from(value), valueOf(Number(key.slice(2))))
      keys.push(key)
    }
    await store.close()
    return keys
  }

  const damages: readonly (readonly [what: string, damage: () => void, atLeast: number])[] = [
    ['CURRENT is missing', () => rmSync(file(/^CURRENT$/)), COUNT],
    ['the manifest is missing', () => rmSync(file(/^MANIFEST/)), COUNT],
    ['the manifest is corrupt', () => flip(file(/^MANIFEST/)), COUNT],
    ['the log is corrupt', () => flip(file(/\.log$/)), COUNT / 2],
    ['the log is missing', () => rmSync(file(/\.log$/)), COUNT / 2],
    ['a table is corrupt', () => flip(file(/\.ldb$/)), COUNT / 2],
    ['a table is missing', () => rmSync(file(/\.ldb$/)), COUNT / 2],
  ]
  for (const [what, damage, atLeast] of damages) {
    it(`repairs it if ${what} and keeps the old folder`, async () => {
      damage()
      const before = contents(folder)
      const { kept, aside } = await repairStore(folder)
      const keys = await entries()
      assert.equal(keys.length, kept)
      assert.ok(kept >= atLeast, `${kept} of ${COUNT} entries`)
      assert.deepEqual(contents(aside), before)
      assert.deepEqual(neighbours(), [basename(aside)])
      if (process.platform !== 'win32') assert.equal(statSync(folder).mode & 0o777, 0o700)
    })
  }

  it('counts corrupt entries', async () => {
    flip(file(/\.ldb$/))
    const { kept, corrupt } = await repairStore(folder)
    assert.equal(kept + corrupt, COUNT)
    assert.equal(corrupt, 1)
  })

  it('lists its readable entries and leaves it unchanged', async () => {
    rmSync(file(/^CURRENT$/))
    flip(file(/\.ldb$/))
    const before = contents(folder)
    const copy = await StoreCopy.of(folder)
    let corrupt = 0
    const keys: string[] = []
    for await (const { key, value } of copy.entries()) {
      keys.push(key)
      if (value === undefined) corrupt++
      else assert.deepEqual(Buffer.from(value), valueOf(Number(key.slice(2))))
    }
    await copy.remove()
    assert.deepEqual([keys.length, corrupt], [COUNT, 1])
    assert.deepEqual(contents(folder), before)
    assert.deepEqual(neighbours(), [])
  })

  it('exports it as JSON lines', async () => {
    const type = new RecordType<object>({
      what: 'a record',
      version: 3,
      unversioned: cborOfVersion(1),
      isWhole: (body): body is object => typeof body === 'object',
    })
    const store = new DiskStore(folder)
    await store.open()
    const body = { name: 'Zähler', key: Buffer.from('00ff', 'hex'), count: 2n ** 60n }
    await store.put('a:record', type.encode(body))
    await store.put('z:secret', type.encode(body))
    await store.close()
    rmSync(file(/^CURRENT$/))
    const copy = await StoreCopy.of(folder)
    const lines: string[] = []
    for await (const line of exportLines(copy, new Set(['a', 'k']))) lines.push(line)
    await copy.remove()
    assert.equal(lines.length, COUNT + 2)
    assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), { key: 'z:secret', withheld: true })
    assert.deepEqual(JSON.parse(lines[0] ?? ''), {
      key: 'a:record',
      version: 3,
      value: { name: 'Zähler', key: { base64: 'AP8=' }, count: '1152921504606846976' },
    })
    assert.deepEqual(JSON.parse(lines[1] ?? ''), {
      key: keyOf(0),
      base64: valueOf(0).toString('base64'),
    })
  })

  it('puts it aside under a new name each time', async () => {
    const clock = new FakeClock()
    const before = contents(folder)
    const first = await putStoreAside(folder, clock)
    assert.match(basename(first), /^node1\.damaged-\d{8}T\d{6}Z$/)
    assert.deepEqual(contents(first), before)
    assert.deepEqual(await entries(), [])
    assert.equal(await putStoreAside(folder, clock), `${first}-2`)
  })

  it('rejects a store that is open', async () => {
    const store = new DiskStore(folder)
    await store.open()
    try {
      for (const act of [
        () => repairStore(folder),
        () => putStoreAside(folder),
        () => StoreCopy.of(folder),
      ]) {
        await assert.rejects(act, { code: 'store-locked' })
      }
      assert.deepEqual(neighbours(), [])
      assert.equal((await store.get(keyOf(3)))?.length, valueOf(3).length)
    } finally {
      await store.close()
    }
  })

  it('reports the error of the system', async () => {
    const missing = join(temporary.path, 'no', 'such', 'folder')
    await assert.rejects(repairStore(missing), { code: 'store-failed' })
    await assert.rejects(putStoreAside(missing), { code: 'store-failed', message: /moved: ENOENT/ })
  })
})
