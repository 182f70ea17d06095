/**
 * A separate process with an open disk store. It prints `open`, then writes entry after entry and
 * prints the number of each acknowledged one, until it is killed; with `hold`, it only waits.
 */
import { once } from 'node:events'
import { DiskStore } from '../../../src/storage/disk-store'

const [folder = '', mode = 'write', first = '0'] = process.argv.slice(2)

/** Waits while the pipe is full: the reader may be slower than the store. */
async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

async function main(): Promise<void> {
  const store = new DiskStore(folder)
  await store.open()
  await print('open')
  if (mode === 'hold') {
    setInterval(() => undefined, 60_000)
    return
  }
  for (let n = Number(first); ; n += 8) {
    const batch = Array.from({ length: 8 }, (_, i) => n + i)
    await Promise.all(
      batch.map(async (i) => {
        // Both entries of a pair, or none.
        await store.batch([
          { type: 'put', key: `left:${i}`, value: Buffer.alloc(300 + (i % 200), i & 0xff) },
          { type: 'put', key: `right:${i}`, value: Buffer.from(String(i)) },
        ])
        await print(String(i))
      }),
    )
  }
}

void main()
