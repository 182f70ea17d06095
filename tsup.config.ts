import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { defineConfig } from 'tsup'
import { withRows } from './nodes/editor/rows'
import {
  dialogsModule,
  editorPlugin,
  nodesFolder,
  nodeTypes,
  withNodeTypes,
  writeNodeFiles,
} from './scripts/node-files.mjs'

/** The entry points of the public API, as in the `exports` of package.json. */
const apiFiles = [
  'src/index.ts',
  'src/client/index.ts',
  'src/coap/index.ts',
  'src/storage/index.ts',
]
const EDITOR_PLACE = '<!-- editor bundle -->'

/** The module `node-dialogs`, which imports the dialog of each node folder. */
const nodeDialogs: Plugin = {
  name: 'node-dialogs',
  setup(bundle) {
    bundle.onResolve({ filter: /^node-dialogs$/ }, ({ path }) => ({ path, namespace: path }))
    bundle.onLoad({ filter: /.*/, namespace: 'node-dialogs' }, () => ({
      contents: dialogsModule(),
      resolveDir: nodesFolder,
    }))
  },
}

/** A Node-RED plugin is one html file: the editor's TypeScript goes into it as one script. */
async function bundleEditor(): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ['nodes/editor/index.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2020',
    legalComments: 'none',
    plugins: [nodeDialogs],
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

/** A node folder needs a line in package.json: the build writes it. */
function enterNodeTypes(): void {
  const before = readFileSync('package.json', 'utf8')
  const after = withNodeTypes(before)
  if (after !== before) writeFileSync('package.json', after)
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
    writeNodeFiles('dist/nodes', withRows)
    enterNodeTypes()
    cpSync('icons', 'dist/nodes/icons', { recursive: true })
    await bundleEditor()
  },
})
