import type { NodeAPI, NodeInitializer } from 'node-red'
import { refuse } from '../shared/actions/action-definition'
import { readLargeIntegers } from '../shared/messages/flow-values'
import { EventSource, readEventNames } from '../shared/sources/event-source'
import type { Node, NodeDef } from '../shared/runtime/red'
import { migrate, type SavedDefinition, Settings } from '../shared/runtime/settings'

/** `lwm2m-events`: a message for each thing that happens to the devices of a server. */
const lwm2mEvents: NodeInitializer = (RED: NodeAPI) => {
  function EventsNode(this: Node, definition: NodeDef): void {
    RED.nodes.createNode(this, definition)
    try {
      const settings = new Settings(migrate(definition as unknown as SavedDefinition))
      new EventSource(RED, this, settings.text('server'), {
        events: readEventNames(settings.texts('events')),
        pattern: settings.text('endpoint').trim() || '*',
        keys: settings.choice('keys', ['id', 'name'], 'id'),
        integers: readLargeIntegers(settings),
      })
    } catch (error) {
      refuse(RED, this, error)
    }
  }
  RED.nodes.registerType('lwm2m-events', EventsNode)
}

export default lwm2mEvents
