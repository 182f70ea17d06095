import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The source of the nodes, each in a folder of its own. */
export const nodesFolder = join(repository(__dirname), 'nodes')

/** Also where this file was bundled into another folder, as the benchmarks do. */
function repository(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : repository(dirname(folder))
}

/** The types of all nodes. */
export const nodeTypes = readdirSync(nodesFolder)
  .filter((name) => existsSync(join(nodesFolder, name, 'runtime.ts')))
  .sort()

/** Of the nodes, and of the plugin that the dialogs share. */
export const textNames = [...nodeTypes, 'lwm2m-editor']

/** Texts by key; a group of keys is an object. */
export interface Texts {
  readonly [key: string]: string | Texts
}

function localeFile(language: string, name: string, extension: string): string {
  const folder = name === 'lwm2m-editor' ? 'editor' : name
  return readFileSync(join(nodesFolder, folder, 'locales', `${language}.${extension}`), 'utf8')
}

/** The texts of a node or of the plugin. */
export function textsOf(language: string, name: string): Texts {
  return JSON.parse(localeFile(language, name, 'json')) as Texts
}

/** What a test asks of a dialog's definition. */
export interface Dialog {
  readonly category: string
  readonly icon?: string
  readonly defaults: { readonly [property: string]: object }
  label(this: object): unknown
}

/** The definition of a type's dialog. Its module is of the browser's program: no types are taken. */
export async function dialogOf(type: string): Promise<Dialog> {
  const loaded = (await import(join(nodesFolder, type, 'editor'))) as { default: Dialog }
  return 'defaults' in loaded.default
    ? loaded.default
    : (loaded.default as { default: Dialog }).default
}

/** The source of a type's dialog: one file or a folder. */
export function dialogCode(type: string): string {
  const folder = join(nodesFolder, type, 'editor')
  if (!existsSync(folder)) return readFileSync(`${folder}.ts`, 'utf8')
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('')
}
