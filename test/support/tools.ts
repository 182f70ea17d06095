import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The part of mocha's context that skips. */
interface Skippable {
  skip(): void
}

/** The path of a command of this machine, or undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not in this directory
    }
  }
  return undefined
}

/**
 * The path of a tool that a test cannot do without: the first of `names` that is installed. Where none
 * is the test is skipped with the reason printed, or fails when `REQUIRE_TOOLS=1` (so that CI cannot
 * pass by skipping).
 */
export function requireTool(test: Skippable, ...names: readonly [string, ...string[]]): string {
  for (const name of names) {
    const path = findTool(name)
    if (path !== undefined) return path
  }
  return missing(test, `the command ${names.join(' or ')} is not installed`)
}

/** Skips, or fails under `REQUIRE_TOOLS=1`, for any other thing the machine lacks (IPv6, …). */
export function missing(test: Skippable, reason: string): never {
  if (process.env['REQUIRE_TOOLS'] === '1') throw new Error(`${reason} (REQUIRE_TOOLS=1)`)
  console.log(`      skipped: ${reason}`)
  test.skip()
  throw new Error('unreachable: mocha skips by throwing')
}

/** First line of what `tool --version` (or other arguments) prints; '' when it prints nothing. */
export function toolVersion(path: string, args: readonly string[] = ['--version']): string {
  const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: 5000 })
  return (stdout || stderr).split('\n')[0] ?? ''
}
