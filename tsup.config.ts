import { cpSync, existsSync, readdirSync } from 'node:fs'
import { defineConfig } from 'tsup'

const nodeFiles = readdirSync('nodes').filter((name) => name.endsWith('.ts'))

/**
 * One CommonJS file per node type (Node-RED loads those) and one for the engine. Splitting keeps the
 * engine in shared chunks, so that every node file sees the same classes and the same module state.
 */
export default defineConfig({
  entry: ['src/index.ts', ...nodeFiles.map((name) => `nodes/${name}`)],
  outDir: 'dist',
  format: ['cjs'],
  target: 'node20',
  platform: 'node',
  splitting: true,
  sourcemap: true,
  clean: true,
  dts: { entry: { 'src/index': 'src/index.ts' } },
  loader: { '.json': 'json' },
  onSuccess: async () => {
    // Node-RED looks for templates, icons and locales beside each node's .js file.
    for (const name of readdirSync('nodes')) {
      if (name.endsWith('.html')) cpSync(`nodes/${name}`, `dist/nodes/${name}`)
    }
    if (existsSync('nodes/locales'))
      cpSync('nodes/locales', 'dist/nodes/locales', { recursive: true })
    cpSync('icons', 'dist/nodes/icons', { recursive: true })
  },
})
