import type { Lwm2mPath as Path, OperationResult } from '../../../src'
import { doneMessage, type MessageContext, valueMessage } from './messages'
import { resourceLookup } from './names'
import type { NodeMessage } from '../runtime/red'

/** What an answer brings: values, links (Discover), or just that it is done. */
export type AnswerKind = 'values' | 'links' | 'done'

/** Adds the answer of an operation to the message that asked for it. */
export function answerMessage(
  kind: AnswerKind,
  message: NodeMessage,
  result: OperationResult,
  paths: readonly Path[],
  context: MessageContext,
): NodeMessage {
  switch (kind) {
    case 'values':
      return valueMessage(message, result, paths, context)
    case 'links':
      return linkMessage(message, result, context)
    case 'done':
      return doneMessage(message, result, context)
  }
}

/** `msg.payload` is an array of `{path, name, …attributes}`, in the device's order. */
function linkMessage(
  message: NodeMessage,
  result: OperationResult,
  context: MessageContext,
): NodeMessage {
  const resource = resourceLookup(context.model, context.registration)
  doneMessage(message, result, context)
  message.payload = (result.links ?? []).map(({ path, attributes }) => {
    const name =
      path.level === 1 ? context.model.object(path.object ?? -1)?.name : resource(path)?.name
    return {
      path: path.toString(),
      ...(name === undefined ? {} : { name }),
      attributes: { ...attributes },
    }
  })
  return message
}
