#!/usr/bin/env node
/**
 * Fails where files of `src/` or `nodes/` import each other in a circle, type imports included: what is
 * in a circle cannot be understood, tested or moved alone. Part of `npm run lint`.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const isFile = (path) => existsSync(path) && statSync(path).isFile()

const imports = new Map()
for (const folder of ['src', 'nodes']) {
  for (const name of readdirSync(join(root, folder), { recursive: true })) {
    const file = join(root, folder, name)
    if (!/\.tsx?$/.test(file)) continue
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
    const targets = importedFiles
      .filter(({ fileName }) => fileName.startsWith('.'))
      .map(({ fileName }) => resolve(dirname(file), fileName))
      .flatMap((path) => [path, `${path}.ts`, join(path, 'index.ts')].filter(isFile).slice(0, 1))
    imports.set(file, targets)
  }
}

/** Strongly connected components of more than one file (Tarjan). */
function circles() {
  const found = []
  const index = new Map()
  const low = new Map()
  const stack = []
  const visit = (file) => {
    index.set(file, index.size)
    low.set(file, index.get(file))
    stack.push(file)
    for (const target of imports.get(file) ?? []) {
      if (!index.has(target)) visit(target)
      if (stack.includes(target)) low.set(file, Math.min(low.get(file), low.get(target)))
    }
    if (low.get(file) !== index.get(file)) return
    const members = stack.splice(stack.indexOf(file)).map((path) => relative(root, path))
    if (members.length > 1) found.push(members)
  }
  for (const file of imports.keys()) if (!index.has(file)) visit(file)
  return found
}

const found = circles()
for (const members of found) {
  console.error(`circle of ${members.length} files: ${members.join(', ')}`)
}
console.log(`circles: ${found.length}`)
process.exitCode = found.length > 0 ? 1 : 0
