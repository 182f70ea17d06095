import { defineDialog } from '../editor/define-dialog'
import { devicesRow } from '../editor/dialog'
import { eventChoice } from '../editor/event-choice'

const EVENTS = ['request', 'refused', 'progress', 'result']

/** What is ticked in the open dialog. */
let chosenEvents: () => string[] = () => []

export default defineDialog('lwm2m-bootstrap', {
  defaults: {
    endpoint: { value: '*' },
    events: {
      value: EVENTS,
      validate: (value) => Array.isArray(value) && value.length > 0,
    },
  },
  inputs: 1,
  outputs: 2,
  outputLabel: (index) => `outputs.${index}`,
  open(node) {
    devicesRow()
    chosenEvents = eventChoice(node, '#lwm2m-events', EVENTS)
  },
  save(node) {
    node['events'] = chosenEvents()
  },
})
