/**
 * A node is a folder `nodes/<type>/`: `runtime.ts`, `editor.ts` (or `editor/index.ts`), `dialog.html` (its
 * rows), and `locales/<language>.json` (texts) and `.md` (help). Node-RED wants `<type>.js`,
 * `<type>.html` and `locales/<language>/<type>.*` side by side: the build makes that of the folders. The
 * editor plugin is a folder, too, without a runtime.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const nodesFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'nodes')

/** The types of all nodes, by name. */
export const nodeTypes = readdirSync(nodesFolder)
  .filter((name) => existsSync(join(nodesFolder, name, 'runtime.ts')))
  .sort()

/** The plugin that all dialogs share: its name, and its folder. */
export const editorPlugin = { name: 'lwm2m-editor', folder: join(nodesFolder, 'editor') }

/** The html of a type as Node-RED takes it. @param withRows puts the shared rows into a dialog */
export function assembleDialog(type, withRows) {
  const rows = withRows(readFileSync(join(nodesFolder, type, 'dialog.html'), 'utf8'))
  return `<script type="text/html" data-template-name="${type}">
${rows}</script>

<script type="text/javascript">
  RED.nodes.registerType('${type}', lwm2mEditor.dialogs['${type}'])
</script>
`
}

/** The help of a type: `{{name}}` stands for `shared/help/<language>/name.md`. */
export function assembleHelp(type, language) {
  const own = readFileSync(join(nodesFolder, type, 'locales', `${language}.md`), 'utf8')
  const text = own.replace(/^\{\{([\w-]+)\}\}$/gm, (_all, name) =>
    readFileSync(join(nodesFolder, 'shared', 'help', language, `${name}.md`), 'utf8').trimEnd(),
  )
  return `<script type="text/markdown" data-help-name="${type}">\n${text}</script>\n`
}

/** Writes the dialogs, texts and help of all nodes, and the texts of the plugin, where Node-RED looks. */
export function writeNodeFiles(target, withRows) {
  for (const type of nodeTypes) {
    writeFileSync(join(target, `${type}.html`), assembleDialog(type, withRows))
    writeTexts(join(nodesFolder, type), type, target)
  }
  writeTexts(editorPlugin.folder, editorPlugin.name, target)
}

function writeTexts(folder, name, target) {
  const texts = join(folder, 'locales')
  for (const file of readdirSync(texts)) {
    const [language, extension] = file.split('.')
    const to = join(target, 'locales', language)
    mkdirSync(to, { recursive: true })
    if (extension === 'md') writeFileSync(join(to, `${name}.html`), assembleHelp(name, language))
    else cpSync(join(texts, file), join(to, `${name}.${extension}`))
  }
}

/** The module `node-dialogs`: the dialogs of all types. */
export function dialogsModule() {
  const imports = nodeTypes.map((type, n) => `import d${n} from './${type}/editor'`)
  const entries = nodeTypes.map((type, n) => `  '${type}': d${n},`)
  return [...imports, 'export default {', ...entries, '}', ''].join('\n')
}

/** Enters the types in a package.json, in which the known ones keep their order; answers the new text. */
export function withNodeTypes(manifest) {
  const parsed = JSON.parse(manifest)
  const known = Object.keys(parsed['node-red'].nodes).filter((type) => nodeTypes.includes(type))
  const types = [...known, ...nodeTypes.filter((type) => !known.includes(type))]
  parsed['node-red'].nodes = Object.fromEntries(
    types.map((type) => [type, `dist/nodes/${type}.js`]),
  )
  return `${JSON.stringify(parsed, null, 2)}\n`
}
