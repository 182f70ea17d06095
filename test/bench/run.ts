/**
 * `npm run bench [-- NAME… --json FILE --rounds N]`: measures and prints; never judges by exit code.
 * Ratios compare with a raw dgram echo and with the `coap` package in the same run.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { benches } from './benches'
import { type BenchRow, formatRows } from './report'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, rounds: { type: 'string', default: '5' } },
})

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !(name in benches))
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`)
    process.exit(2)
  }
  const rows: BenchRow[] = []
  for (const [name, bench] of Object.entries(benches)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    console.log(`\n${name}`)
    const found = await bench(Number(values.rounds))
    console.log(formatRows(found))
    rows.push(...found)
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(rows, null, 2) + '\n')
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
