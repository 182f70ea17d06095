import type { NodeInitializer } from 'node-red'
import { defineNode } from '../define-node'
import type { NodeMessage } from '../runtime/red'
import { ActionNode, type PreparedAction, readActionSettings } from './action-node'
import { TypedField } from '../messages/fields'
import type { Settings } from '../runtime/settings'

/** What an action's own part gets to read its dialog with. */
export interface ActionParts {
  readonly settings: Settings
  readonly endpoint: TypedField
  /** A field of the dialog whose value may come from elsewhere. */
  field(name: string, defaultType?: string): TypedField
}

/**
 * A node type whose messages ask something of a device: `configure` reads the rest of the dialog once,
 * and answers the function that makes each message an action.
 */
export function defineAction(
  type: string,
  configure: (parts: ActionParts) => (message: NodeMessage) => Promise<PreparedAction>,
): NodeInitializer {
  return defineNode(type, ({ RED, node, settings }) => {
    const field = (name: string, defaultType?: string): TypedField =>
      new TypedField(RED, node, settings, name, defaultType)
    const endpoint = field('endpoint')
    const prepare = configure({ settings, endpoint, field })
    const actionSettings = readActionSettings(settings, endpoint.fixed)
    new ActionNode(RED, node, settings.text('server'), actionSettings, prepare)
  })
}
