#!/usr/bin/env node
/**
 * `npm run docs`: writes `docs/api.md` from the docstrings of the public entry points. With `--check`
 * it only compares, and fails where the page is out of date. It also fails where a public signature
 * uses a type that no entry point exports.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as prettier from 'prettier'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = join(root, 'docs', 'api.md')
const { name: packageName } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Subpath → source, as in the `exports` of package.json. */
const entries = {
  '.': 'src/index.ts',
  './client': 'src/client/index.ts',
  './coap': 'src/coap/index.ts',
  './storage': 'src/storage/index.ts',
}

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const files = Object.values(entries).map((file) => join(root, file))
const program = ts.createProgram(files, { ...options, types: ['node'] })
const checker = program.getTypeChecker()

const resolved = (symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** Exported name by the symbol that it stands for. */
const exportsOf = Object.fromEntries(
  Object.entries(entries).map(([subpath, file]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, file)))
    return [subpath, checker.getExportsOfModule(module)]
  }),
)
const exported = new Set(Object.values(exportsOf).flat().map(resolved))

const isInternal = (node) =>
  ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')

const isPrivate = (node) =>
  isInternal(node) ||
  (ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true)

const own = (symbol) =>
  symbol.declarations?.some((declaration) => {
    const { fileName } = declaration.getSourceFile()
    return fileName.startsWith(join(root, 'src')) && !ts.isTypeParameterDeclaration(declaration)
  }) === true

/** Types of this package that a declaration's public part names. */
function* namedTypes(node) {
  if (isPrivate(node) || ts.isBlock(node)) return
  // The value of a constant is not its type.
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) {
    if (node.type !== undefined) yield* namedTypes(node.type)
    return
  }
  const reference = ts.isTypeReferenceNode(node)
    ? node.typeName
    : ts.isExpressionWithTypeArguments(node) && ts.isIdentifier(node.expression)
      ? node.expression
      : undefined
  const symbol = reference && checker.getSymbolAtLocation(reference)
  if (symbol !== undefined && own(resolved(symbol))) yield resolved(symbol)
  for (const child of node.getChildren()) yield* namedTypes(child)
}

function unnamedTypes() {
  const missing = new Set()
  for (const symbol of exported) {
    for (const declaration of symbol.declarations ?? []) {
      for (const used of namedTypes(declaration)) {
        if (!exported.has(used)) missing.add(`${used.name} (used by ${symbol.name})`)
      }
    }
  }
  return [...missing].sort()
}

const printer = ts.createPrinter({ removeComments: true })
const commented = ts.createPrinter()
const print = (node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())

/** A declaration without bodies, private members and initial values. */
function signature(declaration) {
  if (ts.isClassDeclaration(declaration)) {
    const heritage = (declaration.heritageClauses ?? []).map(print).join(' ')
    return `class ${declaration.name?.text ?? ''} ${heritage}`.trim()
  }
  if (ts.isFunctionDeclaration(declaration))
    return callable(`function ${declaration.name?.text}`, declaration)
  if (ts.isVariableDeclaration(declaration)) return `const ${declaration.name.getText()}`
  // With the docs of its members, but not its own.
  return commented
    .printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile())
    .replace(/^(\/\*[\s\S]*?\*\/\s*)*export /, '')
    .replace(/\{@link ([^}\s]+)\s*([^}]*)\}/g, (_, name, text) => text || name)
}

function callable(name, { parameters, type, typeParameters }) {
  const generic = typeParameters === undefined ? '' : `<${typeParameters.map(print).join(', ')}>`
  const list = parameters.map((parameter) => {
    const optional = parameter.questionToken !== undefined || parameter.initializer !== undefined
    const spread = parameter.dotDotDotToken === undefined ? '' : '...'
    const of = parameter.type === undefined ? '' : `: ${print(parameter.type)}`
    return `${spread}${parameter.name.getText()}${optional ? '?' : ''}${of}`
  })
  return `${name}${generic}(${list.join(', ')})${type === undefined ? '' : `: ${print(type)}`}`
}

/** The text of a docstring: a link is its text, or else the name that it links to. */
function textOf(parts) {
  return parts
    .map(({ kind, text }, i) => {
      if (kind === 'link') return ''
      if (kind !== 'linkName') return kind === 'linkText' ? text.trim() : text
      return parts[i + 1]?.kind === 'linkText' && parts[i + 1].text.trim() !== ''
        ? ''
        : `\`${text.trim()}\``
    })
    .join('')
}

function docOf(symbol) {
  const text = textOf(symbol.getDocumentationComment(checker))
  const tags = symbol.getJsDocTags(checker).map(({ name, text: parts }) => {
    const said = textOf(parts ?? [])
    if (name === 'example') return said
    return `_@${name}_ ${said.replace(/\s+/g, ' ')}`
  })
  return [text, ...tags].filter((line) => line !== '')
}

function* members(declaration) {
  for (const member of declaration.members) {
    const isStatic = ts
      .getModifiers(member)
      ?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword)
    if (isPrivate(member) || member.name?.getText().startsWith('#')) continue
    if (ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.ProtectedKeyword))
      continue
    const prefix = isStatic ? 'static ' : ''
    const symbol = member.name && checker.getSymbolAtLocation(member.name)
    const doc = symbol === undefined ? [] : docOf(symbol)
    if (ts.isConstructorDeclaration(member)) yield [callable('constructor', member), doc]
    else if (ts.isMethodDeclaration(member))
      yield [callable(prefix + member.name.getText(), member), doc]
    else if (ts.isGetAccessorDeclaration(member)) {
      yield [
        `${prefix}get ${member.name.getText()}: ${member.type === undefined ? '' : print(member.type)}`,
        doc,
      ]
    } else if (ts.isPropertyDeclaration(member)) {
      yield [
        `${prefix}${member.name.getText()}${member.type === undefined ? '' : `: ${print(member.type)}`}`,
        doc,
      ]
    }
  }
}

function* described(symbol) {
  const target = resolved(symbol)
  const declaration = target.declarations?.[0]
  if (declaration === undefined) return
  yield `### ${symbol.name}`
  yield* docOf(target)
  yield '```ts\n' + signature(declaration).replaceAll(/\r?\n/g, '\n') + '\n```'
  if (ts.isClassDeclaration(declaration)) {
    for (const [text, doc] of members(declaration)) {
      yield `- \`${text.replace(/\s+/g, ' ')}\`${doc.length === 0 ? '' : `\\\n  ${doc.join('\n').replace(/\s*\n\s*/g, ' ')}`}`
    }
  }
}

/** The table of a constant that maps codes to what they mean. */
function* codeTable(title, name) {
  const symbol = exportsOf['.'].find((one) => one.name === name)
  const { initializer } = resolved(symbol).valueDeclaration
  const literal = ts.isObjectLiteralExpression(initializer) ? initializer : initializer.expression
  yield `## ${title}`
  const rows = literal.properties.map(
    (property) => `| \`${property.name.text}\` | ${property.initializer.text} |`,
  )
  yield ['| code | meaning |', '| --- | --- |', ...rows].join('\n')
}

function* contents() {
  yield '# API'
  yield `Made from the docstrings by \`npm run docs\`; the README has an introduction. All entry points can be imported and required.`
  for (const [subpath, symbols] of Object.entries(exportsOf)) {
    const source = program.getSourceFile(join(root, entries[subpath]))
    yield `## \`${packageName}${subpath.slice(1)}\``
    const lead = /^\/\*\*\s*([\s\S]*?)\s*\*\//.exec(source.getFullText())?.[1]
    if (lead !== undefined) yield lead.replace(/\n\s*\*\s?/g, ' ')
    const named = [...symbols].sort((a, b) => a.name.localeCompare(b.name, 'en'))
    for (const symbol of named) yield* described(symbol)
  }
  yield* codeTable('Error codes', 'ERROR_CODES')
  yield* codeTable('Warning codes', 'WARNING_CODES')
}

const missing = unnamedTypes()
if (missing.length > 0) {
  console.error(
    `types of public signatures that no entry point exports:\n  ${missing.join('\n  ')}`,
  )
  process.exit(1)
}
const text = await prettier.format([...contents()].join('\n\n') + '\n', {
  ...(await prettier.resolveConfig(page)),
  parser: 'markdown',
})
if (!process.argv.includes('--check')) writeFileSync(page, text)
else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
  console.error(`${relative(root, page)} is out of date: npm run docs`)
  process.exit(1)
}
