import { defineDialog } from '../editor/define-dialog'
import { devicesRow } from '../editor/dialog'
import { eventChoice } from '../editor/event-choice'

const EVENTS = [
  ...['registered', 'updated', 'deregistered', 'expired', 'awake', 'asleep'],
  ...['connected', 'disconnected', 'send', 'queue', 'warning'],
]

/** What is ticked in the open dialog. */
let chosenEvents: () => string[] = () => []

export default defineDialog('lwm2m-events', {
  defaults: {
    endpoint: { value: '*' },
    events: {
      value: ['registered', 'updated', 'deregistered', 'expired'],
      validate: (value) => Array.isArray(value) && value.length > 0,
    },
    keys: { value: 'id' },
    integers: { value: 'text' },
  },
  inputs: 0,
  outputs: 1,
  open(node) {
    devicesRow()
    chosenEvents = eventChoice(node, '#lwm2m-events', EVENTS)
  },
  save(node) {
    node['events'] = chosenEvents()
  },
})
