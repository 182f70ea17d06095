import { onInput } from '../runtime/entries'
import type { Node, NodeAPI, NodeDef, NodeMessage } from '../runtime/red'
import { ActionNode, type PreparedAction, readActionSettings } from './action-node'
import { TypedField } from '../messages/fields'
import { failureStatus, toCodedError } from '../messages/failure'
import { migrate, type Migration, type SavedDefinition, Settings } from '../runtime/settings'

/** What an action's own part gets to read its dialog with. */
export interface ActionParts {
  readonly settings: Settings
  readonly endpoint: TypedField
  /** A field of the dialog whose value may come from elsewhere. */
  field(name: string, defaultType?: string): TypedField
}

/**
 * Builds the node of an action type: `configure` reads the rest of the dialog once, and answers the
 * function that makes each message an action.
 */
export function startAction(
  RED: NodeAPI,
  node: Node,
  definition: NodeDef,
  migrations: readonly Migration[],
  configure: (parts: ActionParts) => (message: NodeMessage) => Promise<PreparedAction>,
): void {
  RED.nodes.createNode(node, definition)
  try {
    const saved = migrate(definition as unknown as SavedDefinition, migrations)
    const settings = new Settings(saved)
    const field = (name: string, defaultType?: string): TypedField =>
      new TypedField(RED, node, settings, name, defaultType)
    const endpoint = field('endpoint')
    const prepare = configure({ settings, endpoint, field })
    const actionSettings = readActionSettings(settings, endpoint.fixed)
    new ActionNode(RED, node, settings.text('server'), actionSettings, prepare)
  } catch (error) {
    refuse(RED, node, error)
  }
}

/** A node whose configuration cannot be used says so, now and at each message. */
export function refuse(RED: NodeAPI, node: Node, thrown: unknown): void {
  const error = toCodedError(thrown)
  node.status(failureStatus(RED, error))
  node.error(error, {})
  onInput(
    node,
    () => Promise.reject(error),
    () => error,
  )
}
