import type { NodeAPI } from './red'

type Listener = (value: unknown) => void

/** By emitter and event: those who listen, behind one listener of ours. */
const listening = new WeakMap<object, Map<string, Set<Listener>>>()

/**
 * Listens to one of Node-RED's own events. However many nodes do, Node-RED's emitter has one listener
 * for them: beyond ten Node.js warns of a leak.
 * @returns the function that stops it
 */
export function onRuntimeEvent(
  { events }: Pick<NodeAPI, 'events'>,
  event: string,
  listener: Listener,
): () => void {
  const byEvent = listening.get(events) ?? new Map<string, Set<Listener>>()
  listening.set(events, byEvent)
  let listeners = byEvent.get(event)
  if (listeners === undefined) {
    const all = new Set<Listener>()
    listeners = all
    byEvent.set(event, all)
    events.on(event, (value: unknown) => {
      for (const one of [...all]) one(value)
    })
  }
  const own = listeners
  own.add(listener)
  return () => void own.delete(listener)
}
