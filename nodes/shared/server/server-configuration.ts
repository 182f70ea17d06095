import type { Store } from '../../../src'
import { migrate, type SavedDefinition, Settings } from '../runtime/settings'
import { createEngine, storeFolder } from './create-engine'
import { LIVE_SETTINGS } from './live-settings'
import type { HostConfiguration } from './server-host'
import type { KeysById } from './server-settings'
import { WarningLog } from './warning-log'

/** Properties of any node, and what the editor alone uses: the server is the same with others. */
const OF_NO_MATTER: ReadonlySet<string> = new Set([
  ...['id', 'type', 'name', 'z', 'd', 'g', 'x', 'y', 'info', 'env', 'wires', 'version'],
  ...['_users', '_alias', '_flow', '_path', 'credentials'],
])

/** A deployed config node. */
export interface ServerDefinition {
  readonly definition: SavedDefinition
  readonly id: string
  /** Node-RED's user directory. */
  readonly userDir: string
  /** PEM. */
  readonly serverKey: string | undefined
  /** The keys of the dialog's entries that have these ids. */
  mergeKeys(present: ReadonlySet<string>): KeysById
  /** Where state is kept without a disk store. */
  memory(): Store
}

type OwnPart = Pick<
  HostConfiguration,
  'server' | 'settings' | 'storeFolder' | 'createEngine' | 'apply'
>

/** What a config node's properties and secrets mean for its server. */
export function serverConfiguration(node: ServerDefinition): OwnPart {
  const { definition, id, userDir, serverKey, memory } = node
  const read = (): Settings => new Settings(migrate(definition))
  const keys = node.mergeKeys(entryIds(new Settings(definition)))
  return {
    server: JSON.stringify([
      serverKey ?? '',
      sorted(definition, (name) => !OF_NO_MATTER.has(name) && !LIVE_SETTINGS.has(name)),
    ]),
    settings: JSON.stringify([
      sorted(definition, (name) => LIVE_SETTINGS.has(name)),
      sorted(keys, () => true),
    ]),
    storeFolder: storeFolder(new Settings(definition), userDir, id),
    createEngine: (front) => {
      const settings = read()
      const { report } = front
      const engine = createEngine({ settings, id, userDir, keys, serverKey, memory, report })
      const log = new WarningLog((line) => front.warn(line))
      engine.server.on('warning', (warning) => log.take(warning))
      return engine
    },
    apply: (engine) => engine.apply(read(), keys),
  }
}

function sorted(definition: SavedDefinition, wanted: (name: string) => boolean): unknown[] {
  return Object.entries(definition)
    .filter(([name, value]) => wanted(name) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The ids of all entries that may have a key. */
function entryIds(settings: Settings): Set<string> {
  const ids = [...settings.list('devices'), ...settings.list('bootstraps')].map((entry) =>
    typeof entry === 'object' && entry !== null && 'id' in entry ? String(entry.id) : '',
  )
  return new Set(ids)
}
