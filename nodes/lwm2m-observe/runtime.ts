import { Serial } from '../../src/base/serial'
import { defineNode, type NodeParts } from '../shared/define-node'
import { readFormat } from '../shared/actions/action-node'
import { toCodedError } from '../shared/messages/failure'
import { readLargeIntegers } from '../shared/messages/flow-values'
import { ArgumentError, splitPaths, TypedField } from '../shared/messages/fields'
import {
  makeSubscription,
  messageCriteria,
  readSubscriptionDefaults,
} from '../shared/sources/subscription'
import { Observer } from '../shared/sources/observer'
import { onInput } from '../shared/runtime/entries'
import type { NodeMessage } from '../shared/runtime/red'
import { StatusLine } from '../shared/status/status-line'

/**
 * `lwm2m-observe`: a message for each value that devices report. What is observed stands in the dialog,
 * or comes and goes by messages (`msg.action` subscribe, unsubscribe, list).
 */
export default defineNode('lwm2m-observe', (parts) => {
  const { RED, node, settings } = parts
  const dynamic = settings.choice('mode', ['static', 'dynamic'], 'static') === 'dynamic'
  const observer = new Observer(RED, node, settings.text('server'), {
    defaults: readSubscriptionDefaults(settings, readFormat(settings.text('format'))),
    keys: settings.choice('keys', ['id', 'name'], 'id'),
    integers: readLargeIntegers(settings),
    kept: dynamic,
    emit: (message) => node.send(message),
    status: new StatusLine(RED, node),
  })
  if (dynamic) observeDynamically(parts, observer)
  else observeStatically(parts, observer)
})

function observeStatically({ RED, node, settings }: NodeParts, observer: Observer): void {
  const target = new TypedField(RED, node, settings, 'endpoint').fixed
  const paths = splitPaths(new TypedField(RED, node, settings, 'path').fixed)
  observer.only(makeSubscription(target ?? '', paths))
}

function observeDynamically({ RED, node, settings }: NodeParts, observer: Observer): void {
  const endpoint = new TypedField(RED, node, settings, 'endpoint')
  const path = new TypedField(RED, node, settings, 'path')
  const say = async (field: TypedField, message: NodeMessage, name: string) =>
    field.fixed ?? (field.empty ? message[name] : field.resolve(message))
  const handle = async (message: NodeMessage, send: (message: NodeMessage) => void) => {
    const action = message['action']
    if (action === 'list') {
      message.payload = observer.list()
      return send(message)
    }
    if (action !== 'subscribe' && action !== 'unsubscribe') {
      throw new ArgumentError('msg.action must be subscribe, unsubscribe or list')
    }
    const given = await say(endpoint, message, 'endpoint')
    const target = typeof given === 'string' ? given : ''
    const paths = splitPaths(await say(path, message, 'path'))
    if (action === 'subscribe') {
      observer.add(makeSubscription(target, paths, messageCriteria(message)))
      return
    }
    // What is left out means all: of one device, or of everything.
    const wanted = paths.length === 0 ? undefined : makeSubscription('*', paths).paths.join(' ')
    observer.remove(
      (subscription) =>
        (target === '' || subscription.target === target) &&
        (wanted === undefined || subscription.paths.join(' ') === wanted),
    )
  }
  // In order: what one message subscribes, the next one may unsubscribe.
  const serial = new Serial()
  onInput(node, (message, send) => serial.run(() => handle(message, send)), toCodedError)
}
