/**
 * A node is a folder `nodes/<type>/`: `runtime.ts`, `dialog.html`, and `locales/<language>.json` and
 * `.html` (its help). Node-RED wants `<type>.js`, `<type>.html` and `locales/<language>/<type>.*` side
 * by side: the build makes that of the folders. The editor plugin is a folder, too, without a runtime.
 */
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const nodesFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'nodes')

/** The types of all nodes, by name. */
export const nodeTypes = readdirSync(nodesFolder)
  .filter((name) => existsSync(join(nodesFolder, name, 'runtime.ts')))
  .sort()

/** The plugin that all dialogs share: its name, and its folder. */
export const editorPlugin = { name: 'lwm2m-editor', folder: join(nodesFolder, 'editor') }

/** Copies the dialogs, texts and help of all nodes, and the texts of the plugin, to where Node-RED looks. */
export function copyNodeFiles(target) {
  for (const type of nodeTypes) {
    cpSync(join(nodesFolder, type, 'dialog.html'), join(target, `${type}.html`))
    copyTexts(join(nodesFolder, type), type, target)
  }
  copyTexts(editorPlugin.folder, editorPlugin.name, target)
}

function copyTexts(folder, name, target) {
  const texts = join(folder, 'locales')
  for (const file of readdirSync(texts)) {
    const [language, extension] = file.split('.')
    const to = join(target, 'locales', language)
    mkdirSync(to, { recursive: true })
    cpSync(join(texts, file), join(to, `${name}.${extension}`))
  }
}
