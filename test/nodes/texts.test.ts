import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withRows } from '../../nodes/editor/rows'
import {
  dialogOf,
  helpOf,
  nodesFolder,
  nodeTypes,
  textNames,
  type Texts,
  textsOf,
} from '../support/node-files'

const root = join(__dirname, '..', '..')
const LANGUAGES = ['en-US', 'de', 'zh-CN'] as const
const NAMESPACE = '@lwm2m-flows/node-red-lwm2m/'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  'node-red': { nodes: { [type: string]: string }; plugins: object }
}
const types = Object.keys(manifest['node-red'].nodes)

function read(...path: string[]): string {
  return readFileSync(join(...path), 'utf8')
}

function flatten(tree: Texts, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') flat.set(prefix + key, value)
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) flat.set(inner, text)
  }
  return flat
}

/** The text of a key as the editor looks it up from the html of a type. */
function lookUp(language: string, type: string, key: string): string | undefined {
  const [namespace, path] = key.startsWith(NAMESPACE)
    ? key.slice(NAMESPACE.length).split(':', 2)
    : [type, key]
  return flatten(textsOf(language, namespace ?? '')).get(path ?? '')
}

/** The names of the properties in `defaults: { … }`. */
function defaultsOf(html: string): string[] {
  const start = html.indexOf('defaults: {')
  const indent = /^ */.exec(html.slice(html.lastIndexOf('\n', start) + 1))?.[0] ?? ''
  const body = html.slice(start, html.indexOf(`\n${indent}},`, start))
  const property = new RegExp(`^${indent}  (\\w+): \\{`, 'gm')
  return [...body.matchAll(property)].map(([, name]) => name ?? '')
}

/** Filled by the dialog's own code. */
const WITHOUT_INPUT = new Set([
  'version',
  'resource',
  'events',
  'devices',
  'bootstraps',
  'awakeWindows',
  'formats',
])

describe('the nodes’ dialogs and texts', () => {
  it('are those of the package’s manifest', () => {
    const expected = nodeTypes.map((type) => [type, `dist/nodes/${type}.js`])
    const { nodes, plugins } = manifest['node-red']
    assert.deepEqual(Object.entries(nodes).sort(), expected)
    assert.deepEqual(plugins, { 'lwm2m-editor': 'dist/nodes/lwm2m-editor.html' })
  })

  for (const type of types) {
    describe(type, () => {
      const html = withRows(dialogOf(type))

      it('registers itself by its literal name, with an icon of ours', () => {
        assert.ok(html.includes(`RED.nodes.registerType('${type}', {`))
        assert.ok(html.includes(`data-template-name="${type}"`))
        if (type === 'lwm2m-server') return
        assert.ok(html.includes("category: 'LwM2M'"))
        assert.ok(html.includes(`icon: '${type}.svg'`))
        assert.ok(existsSync(join(root, 'icons', `${type}.svg`)))
      })

      it('has a field, with a label, for each property', () => {
        const prefix = type === 'lwm2m-server' ? 'node-config-input-' : 'node-input-'
        const properties = defaultsOf(html)
        assert.ok(properties.includes('version'), properties.join())
        for (const property of properties) {
          if (WITHOUT_INPUT.has(property)) continue
          assert.ok(html.includes(`id="${prefix}${property}"`), `no field for ${property}`)
          if (property.endsWith('Type') || property === 'inputs') continue
          assert.ok(html.includes(`for="${prefix}${property}"`), `no label for ${property}`)
        }
      })

      for (const language of LANGUAGES) {
        it(`finds all its texts in ${language}`, () => {
          const keys = [...html.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g)].map(([, key]) => key)
          const own = [...html.matchAll(/_\('([^']+[^.'-])'\)/g)].map(([, key]) => key)
          for (const key of [...keys, ...own]) {
            assert.notEqual(lookUp(language, type, key ?? '') ?? '', '', `${key} has no text`)
          }
          if (type === 'lwm2m-server') {
            const folder = join(nodesFolder, type, 'editor')
            const code = readdirSync(folder).map((file) => read(folder, file))
            const keys = [...code.join('').matchAll(/\bt\('([\w-]+)'\)/g)]
            assert.ok(keys.length > 40)
            for (const [, key] of keys) {
              const full = `lwm2m-server.dialog.${key}`
              assert.ok(lookUp(language, type, full) !== undefined, `${full} has no text`)
            }
          }
        })

        it(`has help in ${language}, with what goes in or out`, () => {
          const help = helpOf(language, type)
          const head = `<script type="text/markdown" data-help-name="${type}">\n`
          assert.ok(help.startsWith(head))
          assert.ok(help.length > 300, 'that is hardly help')
          assert.match(help, /\n### /)
          // The first line becomes the tooltip: one sentence without markup.
          assert.match(help.slice(head.length).split('\n')[0] ?? '', /^[^#*]+[.。]$/)
        })
      }

      it('appears in an example', () => {
        const examples = readdirSync(join(root, 'examples')).filter((file) =>
          file.endsWith('.json'),
        )
        assert.ok(
          examples.some((file) => read(root, 'examples', file).includes(`"type": "${type}"`)),
        )
      })
    })
  }

  for (const language of LANGUAGES.slice(1)) {
    for (const name of textNames) {
      it(`has the keys of English, and none else, in ${language} for ${name}`, () => {
        const wanted = flatten(textsOf('en-US', name))
        const found = flatten(textsOf(language, name))
        assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort())
        for (const [key, text] of found) {
          const parameters = (value: string): string[] => (value.match(/__\w+__/g) ?? []).sort()
          assert.deepEqual(parameters(text), parameters(wanted.get(key) ?? ''), key)
        }
      })
    }
  }

  for (const language of LANGUAGES) {
    it(`keeps statuses in ${language} at twenty characters`, () => {
      for (const [key, text] of flatten(textsOf(language, 'lwm2m-server'))) {
        if (!/^(status|device|failure)\./.test(key)) continue
        const code = /^failure\.\d{3}$/.test(key) ? 5 : 0
        assert.ok(text.replace('__n__', '10').length + code <= 20, `${key}: ${text}`)
      }
    })
  }

  it('has a text for every key that the run time uses', () => {
    const known = flatten(textsOf('en-US', 'lwm2m-server'))
    const folder = join(nodesFolder, 'shared')
    let count = 0
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      for (const [, key] of read(folder, file).matchAll(/sharedText\([\w.]+, '([\w.-]+)'/g)) {
        count++
        assert.ok(known.has(key ?? ''), `${file}: ${key}`)
      }
    }
    assert.ok(count > 10)
    const codes =
      /const KNOWN = new Set\(\[([^\]]+)\]/.exec(read(folder, 'messages', 'failure.ts'))?.[1] ?? ''
    for (const [, code] of codes.matchAll(/'([^']+)'/g)) {
      assert.ok(known.has(`failure.${code}`), `failure.${code}`)
    }
  })
})
