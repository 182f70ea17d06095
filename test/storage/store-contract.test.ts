import assert from 'node:assert/strict'
import { DiskStore } from '../../src/storage/disk-store'
import { MemoryStore } from '../../src/storage/memory-store'
import type { Store } from '../../src/storage/store'
import { temporaryFolder } from './support/temporary-folder'

async function entries(store: Store, prefix = ''): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const [key, value] of store.list(prefix)) {
    found.push([key, Buffer.from(value).toString()])
  }
  return found
}

const text = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString()

const folder = temporaryFolder()

for (const [name, make] of [
  ['MemoryStore', () => new MemoryStore()],
  ['DiskStore', () => new DiskStore(folder.path)],
] as const) {
  describe(`${name}: contract of Store`, () => {
    let store: Store
    beforeEach(async () => {
      store = make()
      await store.open()
    })
    afterEach(() => store.close())

    it('returns a value after put, undefined before it and after delete', async () => {
      await store.put('a:1', Buffer.from('one'))
      await store.put('a:empty', new Uint8Array(0))
      assert.equal(text(await store.get('a:1')), 'one')
      assert.equal(text(await store.get('a:empty')), '')
      assert.equal(await store.get('a:2'), undefined)
      await store.put('a:1', Buffer.from('two'))
      assert.equal(text(await store.get('a:1')), 'two')
      await store.delete('a:1')
      await store.delete('a:never')
      assert.equal(await store.get('a:1'), undefined)
    })

    it('keeps its own copy of a value', async () => {
      const value = Buffer.from('before')
      const put = store.put('k', value)
      const batched = Buffer.from('before')
      const batch = store.batch([{ type: 'put', key: 'l', value: batched }])
      value.write('after!')
      batched.write('after!')
      await Promise.all([put, batch])
      assert.equal(text(await store.get('k')), 'before')
      assert.equal(text(await store.get('l')), 'before')
    })

    it('reads its own writes before they are acknowledged, in order', async () => {
      const first = store.put('k', Buffer.from('1'))
      assert.equal(text(await store.get('k')), '1')
      const rest = [store.put('k', Buffer.from('2')), store.delete('k')]
      assert.equal(await store.get('k'), undefined)
      rest.push(store.put('k', Buffer.from('3')))
      assert.equal(text(await store.get('k')), '3')
      await Promise.all([first, ...rest])
      assert.equal(text(await store.get('k')), '3')
    })

    it('lists by prefix in byte order of the keys', async () => {
      for (const key of ['b:1', 'a:10', 'a:2', 'a', 'a:\u{1f600}', 'a:\uffee', 'a:ü', 'c']) {
        await store.put(key, Buffer.from(key))
      }
      const keys = (await entries(store, 'a:')).map(([key]) => key)
      assert.deepEqual(keys, ['a:10', 'a:2', 'a:ü', 'a:\uffee', 'a:\u{1f600}'])
      assert.equal((await entries(store)).length, 8)
      assert.deepEqual(await entries(store, 'd'), [])
    })

    it('lists values that are still being written, as a snapshot', async () => {
      const put = store.put('k:1', Buffer.from('1'))
      const seen: string[] = []
      for await (const [key] of store.list('k:')) {
        seen.push(key)
        await store.put(`k:2${seen.length}`, Buffer.from('later'))
      }
      await put
      assert.deepEqual(seen, ['k:1'])
    })

    it('applies a batch in order', async () => {
      await store.put('x', Buffer.from('old'))
      await store.batch([
        { type: 'delete', key: 'x' },
        { type: 'put', key: 'y', value: Buffer.from('1') },
        { type: 'put', key: 'y', value: Buffer.from('2') },
      ])
      await store.batch([])
      assert.deepEqual(await entries(store), [['y', '2']])
    })

    it('lists 5,000 entries without blocking the event loop', async () => {
      await store.batch(
        Array.from({ length: 5000 }, (_, i) => ({
          type: 'put' as const,
          key: `n:${String(i).padStart(5, '0')}`,
          value: Buffer.from(String(i)),
        })),
      )
      let turns = 0
      let counting = true
      const count = (): void => {
        turns++
        if (counting) setImmediate(count)
      }
      setImmediate(count)
      let next = 0
      for await (const [, value] of store.list('n:')) assert.equal(text(value), String(next++))
      counting = false
      assert.equal(next, 5000)
      assert.ok(turns >= 10, `only ${turns} turns of the event loop`)
    })

    it('rejects everything while closed, and has its entries again when reopened', async () => {
      await store.put('k', Buffer.from('v'))
      await store.close()
      await store.close()
      const closed = { name: 'StoreError', code: 'store-closed' }
      await assert.rejects(store.get('k'), closed)
      await assert.rejects(store.put('k', Buffer.from('w')), closed)
      await assert.rejects(store.delete('k'), closed)
      await assert.rejects(store.batch([{ type: 'delete', key: 'k' }]), closed)
      await assert.rejects(entries(store), closed)
      await store.open()
      assert.deepEqual(await entries(store), [['k', 'v']])
    })
  })
}
