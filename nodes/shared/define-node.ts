import type { NodeInitializer } from 'node-red'
import { failureStatus, toCodedError } from './messages/failure'
import { type PackageRuntime, runtimeOf } from './package-runtime'
import { onInput } from './runtime/entries'
import type { Node, NodeAPI, NodeDef } from './runtime/red'
import { migrate, type Migration, type SavedDefinition, Settings } from './runtime/settings'

/** What a node is built from. */
export interface NodeParts<Secrets extends object = object> {
  readonly RED: NodeAPI
  readonly node: Node<Secrets>
  readonly settings: Settings
  /** The definition as the flow file has it; {@link settings} reads its present version. */
  readonly saved: SavedDefinition
  readonly runtime: PackageRuntime
}

export interface NodeOptions {
  /** From each version of the saved definition to the next one. */
  readonly migrations?: readonly Migration[]
  /** Names of its secrets. */
  readonly secrets?: readonly string[]
}

/**
 * A flow node type: registers it, and makes its nodes. What `build` throws is shown at the node, which
 * then refuses each message with it.
 */
export function defineNode<Secrets extends object = object>(
  type: string,
  build: (parts: NodeParts<Secrets>) => void,
  { migrations = [], secrets = [] }: NodeOptions = {},
): NodeInitializer {
  return (RED) => {
    const runtime = runtimeOf(RED)
    function FlowNode(this: Node<Secrets>, definition: NodeDef): void {
      RED.nodes.createNode(this, definition)
      try {
        const saved = definition as unknown as SavedDefinition
        const settings = new Settings(migrate(saved, migrations))
        build({ RED, node: this, settings, saved, runtime })
      } catch (error) {
        refuse(RED, this, error)
      }
    }
    const credentials = Object.fromEntries(secrets.map((name) => [name, { type: 'password' }]))
    RED.nodes.registerType(type, FlowNode, { credentials } as object)
  }
}

/** A node whose configuration cannot be used says so, now and at each message. */
function refuse(RED: NodeAPI, node: Node, thrown: unknown): void {
  const error = toCodedError(thrown)
  node.status(failureStatus(RED, error))
  node.error(error, {})
  onInput(
    node,
    () => Promise.reject(error),
    () => error,
  )
}
