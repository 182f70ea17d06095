import { defineNode } from '../shared/define-node'
import { readLargeIntegers } from '../shared/messages/flow-values'
import { EventSource, readEventNames } from '../shared/sources/event-source'

/** `lwm2m-events`: a message for each thing that happens to the devices of a server. */
export default defineNode('lwm2m-events', ({ RED, node, settings }) => {
  new EventSource(RED, node, settings.text('server'), {
    events: readEventNames(settings.texts('events')),
    pattern: settings.text('endpoint').trim() || '*',
    keys: settings.choice('keys', ['id', 'name'], 'id'),
    integers: readLargeIntegers(settings),
  })
})
