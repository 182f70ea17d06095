import { describeError, detach } from '../../../src/base/guard'
import type { NodeAPI } from '../runtime/red'
import type { KeysById, ServerSecrets } from './server-settings'

function parse(json: string | undefined): { [id: string]: string } {
  if (json === undefined || json === '') return {}
  try {
    const keys: unknown = JSON.parse(json)
    if (typeof keys !== 'object' || keys === null) return {}
    return Object.fromEntries(
      Object.entries(keys).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    )
  } catch {
    // It is not said what is wrong: that would quote a key.
    return {}
  }
}

/**
 * The pre-shared keys of a config node's lists. Node-RED does not hand passwords back to the editor, so
 * that an edit knows the keys it changed only: they come as an update, which is merged here into what
 * is kept. Keys of entries that are gone are dropped.
 * @param present the ids of the entries in the lists
 */
export function mergeKeys(
  RED: NodeAPI,
  nodeId: string,
  secrets: ServerSecrets,
  present: ReadonlySet<string>,
): KeysById {
  const all = { ...parse(secrets.keys), ...parse(secrets.keysUpdate) }
  const keys = Object.fromEntries(Object.entries(all).filter(([id]) => present.has(id)))
  const merged = JSON.stringify(keys)
  if (merged !== (secrets.keys ?? '{}') || (secrets.keysUpdate ?? '') !== '') {
    // Kept with the next deploy; until then a restart merges the same again.
    const added = RED.nodes.addCredentials(nodeId, { ...secrets, keys: merged, keysUpdate: '' })
    detach(added, (error) => RED.log.warn(`keys of ${nodeId}: ${describeError(error)}`))
  }
  return keys
}
