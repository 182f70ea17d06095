import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withRows } from '../../nodes/editor/rows'
import { assembleDialog, assembleHelp, withNodeTypes } from '../../scripts/node-files.mjs'
import {
  dialogCode,
  dialogOf,
  nodesFolder,
  nodeTypes,
  textNames,
  type Texts,
  textsOf,
} from '../support/node-files'

const root = join(__dirname, '..', '..')
const LANGUAGES = ['en-US', 'de', 'zh-CN'] as const
const NAMESPACE = '@lwm2m-flows/node-red-lwm2m/'

const manifestText = readFileSync(join(root, 'package.json'), 'utf8')
const manifest = JSON.parse(manifestText) as {
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
    assert.equal(withNodeTypes(manifestText), manifestText)
  })

  it('has a line in the manifest made for a new node folder, and one of no folder removed', () => {
    const { 'lwm2m-read': read, ...others } = manifest['node-red'].nodes
    const nodes = { ...others, 'lwm2m-gone': 'dist/nodes/lwm2m-gone.js' }
    const changed = { ...manifest, 'node-red': { ...manifest['node-red'], nodes } }
    const made = JSON.parse(withNodeTypes(JSON.stringify(changed))) as typeof manifest
    assert.deepEqual(made['node-red'].nodes, { ...others, 'lwm2m-read': read })
  })

  for (const type of types) {
    describe(type, () => {
      const html = assembleDialog(type, withRows)

      it('registers itself by its literal name, with an icon of ours', async () => {
        assert.ok(html.includes(`RED.nodes.registerType('${type}', `))
        assert.ok(html.includes(`data-template-name="${type}"`))
        const { category, icon } = await dialogOf(type)
        if (type === 'lwm2m-server') return assert.equal(category, 'config')
        assert.deepEqual([category, icon], ['LwM2M', `${type}.svg`])
        assert.ok(existsSync(join(root, 'icons', `${type}.svg`)))
      })

      it('has a field, with a label, for each property', async () => {
        const prefix = type === 'lwm2m-server' ? 'node-config-input-' : 'node-input-'
        const { defaults } = await dialogOf(type)
        assert.ok('version' in defaults && 'name' in defaults)
        for (const property of Object.keys(defaults)) {
          if (WITHOUT_INPUT.has(property)) continue
          assert.ok(html.includes(`id="${prefix}${property}"`), `no field for ${property}`)
          if (property.endsWith('Type') || property === 'inputs') continue
          assert.ok(html.includes(`for="${prefix}${property}"`), `no label for ${property}`)
        }
      })

      it('is called by its name, else by what it does', async () => {
        const { label } = await dialogOf(type)
        const node = { _: (key: string) => key, pathType: 'str', path: '', name: '' }
        assert.ok(String(label.call(node)).length > 0)
        assert.equal(label.call({ ...node, name: 'mine' }), 'mine')
      })

      for (const language of LANGUAGES) {
        it(`finds all its texts in ${language}`, () => {
          const keys = [...html.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g)].map(([, key]) => key)
          const own = [...dialogCode(type).matchAll(/_\('([^']+[^.'-])'\)/g)].map(([, key]) => key)
          if (type !== 'lwm2m-server') own.push(`${type}.palette`)
          for (const key of [...keys, ...own]) {
            assert.notEqual(lookUp(language, type, key ?? '') ?? '', '', `${key} has no text`)
          }
          if (type === 'lwm2m-server') {
            const keys = [...dialogCode(type).matchAll(/\bt\('([\w-]+)'\)/g)]
            assert.ok(keys.length > 40)
            for (const [, key] of keys) {
              const full = `lwm2m-server.dialog.${key}`
              assert.ok(lookUp(language, type, full) !== undefined, `${full} has no text`)
            }
          }
        })

        it(`has help in ${language}, with what goes in or out`, () => {
          const help = assembleHelp(type, language)
          const head = `<script type="text/markdown" data-help-name="${type}">\n`
          assert.ok(help.startsWith(head))
          assert.ok(help.length > 300, 'that is hardly help')
          assert.ok(!help.includes('{{'), 'a part that there is not')
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
