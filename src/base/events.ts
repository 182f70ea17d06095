import { lastResort, settle } from './guard'

/** A map from event name to the tuple of its listener's arguments. */
export type EventMap<T> = { [K in keyof T]: readonly unknown[] }

/** A listener of one event. */
export type Listener<A extends readonly unknown[]> = (...args: A) => void

/**
 * A typed event emitter. Unlike Node's it has no special `error` event, and a listener that throws
 * affects neither the emitter nor other listeners: its error, or the rejection of the promise it
 * returns, is passed to {@link onListenerError}.
 */
export class TypedEmitter<Events extends EventMap<Events>> {
  private readonly listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Called with the error of a listener. Default: writes a line to stderr. */
  protected onListenerError(error: unknown): void {
    lastResort(error)
  }

  /** Adds a listener and returns a function that removes it. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    let set = this.listeners.get(event)
    if (set === undefined) this.listeners.set(event, (set = new Set()))
    set.add(listener as Listener<never>)
    return () => this.off(event, listener)
  }

  /** Like {@link on}, for the first occurrence only. */
  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const remove = this.on(event, (...args) => {
      remove()
      listener(...args)
    })
    return remove
  }

  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.listeners.get(event)?.delete(listener as Listener<never>)
  }

  /** Whether an event has listeners; lets a hot path skip building an event without listeners. */
  hasListeners(event: keyof Events): boolean {
    return (this.listeners.get(event)?.size ?? 0) > 0
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    const set = this.listeners.get(event)
    if (set === undefined) return
    for (const listener of [...set]) {
      try {
        const result: unknown = (listener as unknown as Listener<Events[K]>)(...args)
        if (result !== undefined) settle(result, (error) => this.onListenerError(error))
      } catch (error) {
        this.onListenerError(error)
      }
    }
  }
}
