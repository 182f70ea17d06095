/** The events that a node passes on: a list of boxes to tick. */
import type { EditedNode } from './defaults'

/**
 * Builds the boxes into a place of the dialog. The texts are `<type>.event.<name>`.
 * @returns what is ticked
 */
export function eventChoice(
  node: EditedNode,
  place: string,
  events: readonly string[],
): () => string[] {
  const chosen: unknown = node['events']
  const list = $(place).addClass('lwm2m-choices').attr('role', 'group')
  for (const event of events) {
    const box = $('<input type="checkbox" class="lwm2m-event">')
      .val(event)
      .prop('checked', Array.isArray(chosen) && chosen.includes(event))
    const text = document.createTextNode(node._(`${node.type}.event.${event}`))
    $('<label>').append(box, text).appendTo(list)
  }
  return () => events.filter((event) => list.find(`[value="${event}"]`).prop('checked') === true)
}
