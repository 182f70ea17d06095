/* eslint-disable @typescript-eslint/no-require-imports, no-undef -- a CommonJS file, for node --require */
/**
 * Loaded before the scorecard (`node --require`): answers what it would ask the network. The catalogue
 * counts as empty (rules P08 and N01 need the real one); of Node-RED there are the version installed
 * here and Node-RED 5.
 */
const { dirname, join } = require('node:path')
const { readFileSync } = require('node:fs')
const Module = require('node:module')

const root = join(__dirname, '..', '..', '..')
const maintained = JSON.parse(
  readFileSync(join(root, 'node_modules', 'node-red', 'package.json'), 'utf8'),
)
/** The newest line, whose Node.js rule P07 wants to be admitted. */
const latest = { version: '5.0.0', engines: { node: '>=22.9' } }
const registry = {
  'dist-tags': { latest: latest.version, 'v4-maintenance': maintained.version },
  versions: { [latest.version]: latest, [maintained.version]: maintained },
}
/** By the path of what is asked for, on whichever host. */
const answers = { '/catalogue.json': { modules: [] }, '/node-red': registry }
const axios = {
  async get(url) {
    const { pathname } = new URL(url)
    if (pathname in answers) return { data: answers[pathname] }
    throw new Error(`the scorecard asked ${url}`)
  },
}

/** The dependency tree that is installed, as `name@version`. */
function installedTree(_name, _version, _flatten, done) {
  const lock = JSON.parse(
    readFileSync(join(process.env.SCORECARD_TREE, '.package-lock.json'), 'utf8'),
  )
  done(
    Object.entries(lock.packages).map(
      ([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`,
    ),
  )
}

const load = Module._load
Module._load = function (request, parent, ...rest) {
  const asks = parent?.filename ?? ''
  if (dirname(asks).endsWith(join('node-red-dev', 'src', 'libs'))) {
    if (request === 'axios') return axios
    if (request === 'npm-remote-ls') return { ls: installedTree, config: () => {} }
    // Rule D03 compares with the registry's newest versions.
    if (request === 'npm-check') return async () => new Map([['packages', []]])
  }
  return load.call(this, request, parent, ...rest)
}
