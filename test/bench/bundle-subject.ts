import { join } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(__dirname, '..', '..')
/** As deep as the files that look for the repository beside themselves. */
const BUNDLE = join(ROOT, 'node_modules', '.cache', 'lwm2m-bench', 'subject.js')

let bundled: Promise<string> | undefined

/**
 * The subject as one file, compiled as the package is: what runs TypeScript directly adds a call to
 * every closure that is made (names for stack traces), which nobody has who installed the package.
 */
export function bundleSubject(): Promise<string> {
  bundled ??= build({
    entryPoints: [join(__dirname, 'subject.ts')],
    outfile: BUNDLE,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    packages: 'external',
    logLevel: 'error',
  }).then(() => BUNDLE)
  return bundled
}
