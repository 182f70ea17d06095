import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withRows } from '../../nodes/editor/rows'
import { assembleDialog } from '../../scripts/node-files.mjs'
import {
  dialogCode,
  nodesFolder,
  nodeTypes,
  textNames,
  type Texts,
  textsOf,
} from '../support/node-files'

const PACKAGE = '@lwm2m-flows/node-red-lwm2m'

function flat(texts: Texts, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, text] of Object.entries(texts)) {
    if (typeof text === 'string') found.set(prefix + key, text)
    else for (const [path, inner] of flat(text, `${prefix}${key}.`)) found.set(path, inner)
  }
  return found
}

function load(language: string, name: string): Map<string, string> {
  return flat(textsOf(language, name))
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/__\w+__/g)].map(([found]) => found).sort()
}

/** The events that a dialog offers. */
function eventNames(code: string): string[] {
  const [, list = ''] = /const EVENTS = (\[[^]*?\])\n\n/.exec(code) ?? []
  return [...list.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '')
}

describe('texts', () => {
  for (const language of ['de', 'zh-CN']) {
    it(`has the same texts with the same placeholders in ${language}`, () => {
      for (const name of textNames) {
        const english = load('en-US', name)
        const translated = load(language, name)
        assert.deepEqual([...translated.keys()].sort(), [...english.keys()].sort(), name)
        for (const [key, text] of translated) {
          const message = `${language}/${name}:${key}`
          assert.deepEqual(placeholders(text), placeholders(english.get(key) ?? ''), message)
          assert.notEqual(text.trim(), '', message)
        }
      }
    })
  }

  it('has every text that a template names', () => {
    let seen = 0
    for (const name of nodeTypes) {
      const code = assembleDialog(name, withRows) + dialogCode(name)
      const keys = [
        ...[...code.matchAll(/data-i18n="(?:\[\w+\])?([^"]+)"/g)].map((match) => match[1] ?? ''),
        ...[...code.matchAll(/\b_\('([\w.-]*[\w-])'\)/g)].map((match) => match[1] ?? ''),
        ...eventNames(code).map((event) => `${name}.event.${event}`),
      ]
      for (const key of keys) {
        const [, file = name, path = key] =
          new RegExp(`^${PACKAGE}/([\\w-]+):(.*)$`).exec(key) ?? []
        assert.ok(load('en-US', file).has(path), `${name}: ${key}`)
        seen++
      }
    }
    assert.ok(seen > 200, `only ${seen} keys were found in the templates`)
  })

  it('has every text that the plugin names, and no more', () => {
    const folder = join(nodesFolder, 'editor')
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n')
    const texts = load('en-US', 'lwm2m-editor')
    const named = new Set(
      [...sources.matchAll(/['"`]([a-z0-9][\w-]*(?:\.[\w-]+)*)['"`]/g)].map((match) => match[1]),
    )
    const composed = [...sources.matchAll(/`([\w.-]+?)\$\{/g)].map((match) => match[1] ?? '')
    for (const [, key = ''] of sources.matchAll(/\bt\(\s*'([^']+)'/g)) {
      assert.ok(texts.has(key), `the plugin names ${key}`)
    }
    for (const key of texts.keys()) {
      const used = named.has(key) || composed.some((start) => key.startsWith(start))
      assert.ok(used, `nobody uses ${key}`)
    }
  })
})
