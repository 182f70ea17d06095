/**
 * `npm run fuzz [-- NAME… --iterations N --seed N]`: the fuzzers for longer than the test suite runs
 * them. Exits non-zero at the first finding, which names the seed.
 */
import { parseArgs } from 'node:util'
import { uncaught, watchUncaught } from '../support/uncaught'
import { fuzzers } from './fuzzers'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    iterations: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !(name in fuzzers))
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(fuzzers).join(', ')}`)
    process.exit(2)
  }
  watchUncaught()
  for (const [name, fuzz] of Object.entries(fuzzers)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    console.log(`${name}: ${values.iterations} inputs, seed ${values.seed}`)
    await fuzz(Number(values.iterations), Number(values.seed))
    const [error] = await uncaught()
    if (error !== undefined) throw new Error(`seed ${values.seed}: ${error}`)
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
