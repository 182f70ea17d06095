import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { defineConfig } from 'tsup'
import { copyNodeFiles, editorPlugin, nodeTypes } from './scripts/node-files.mjs'

/** The entry points of the public API, as in the `exports` of package.json. */
const apiFiles = [
  'src/index.ts',
  'src/client/index.ts',
  'src/coap/index.ts',
  'src/storage/index.ts',
]
const EDITOR_PLACE = '<!-- editor bundle -->'

/** A Node-RED plugin is one html file: the editor's TypeScript goes into it as one script. */
async function bundleEditor(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ['nodes/editor/index.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2020',
    legalComments: 'none',
  })
  const script = (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script')
  const template = readFileSync('nodes/editor/plugin.html', 'utf8')
  if (!template.includes(EDITOR_PLACE)) throw new Error(`the plugin lacks ${EDITOR_PLACE}`)
  writeFileSync(
    `dist/nodes/${editorPlugin.name}.html`,
    template.replace(EDITOR_PLACE, () => `<script type="text/javascript">\n${script}</script>`),
  )
}

/**
 * ECMAScript modules get the same classes and state as CommonJS ones: a wrapper beside each entry
 * point names what it exports.
 */
function wrapApi(): void {
  for (const file of apiFiles) {
    const built = resolve('dist', file.replace(/\.ts$/, '.js'))
    const names = Object.keys(createRequire(built)(built) as object).sort()
    const lines = [`import api from './index.js'`, `export const { ${names.join(', ')} } = api`, '']
    writeFileSync(built.replace(/\.js$/, '.mjs'), lines.join('\n'))
  }
}

/**
 * One CommonJS file per node type (Node-RED loads those) and one for the engine. Splitting keeps the
 * engine in shared chunks, so that every node file sees the same classes and the same module state.
 */
export default defineConfig({
  entry: {
    ...Object.fromEntries(apiFiles.map((file) => [file.slice(0, -'.ts'.length), file])),
    ...Object.fromEntries(nodeTypes.map((type) => [`nodes/${type}`, `nodes/${type}/runtime.ts`])),
  },
  outDir: 'dist',
  format: ['cjs'],
  target: 'node20',
  platform: 'node',
  splitting: true,
  sourcemap: true,
  clean: true,
  dts:
    process.env['SKIP_TYPES'] === '1'
      ? false
      : { entry: Object.fromEntries(apiFiles.map((file) => [file.slice(0, -'.ts'.length), file])) },
  onSuccess: async () => {
    wrapApi()
    copyNodeFiles('dist/nodes')
    cpSync('icons', 'dist/nodes/icons', { recursive: true })
    await bundleEditor()
  },
})
