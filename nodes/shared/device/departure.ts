import type { Node, NodeAPI } from '../runtime/red'
import { onRuntimeEvent } from '../runtime/runtime-events'
import type { SavedDefinition } from '../runtime/settings'

/** What Node-RED says when a deploy begins, before it closes nodes. */
interface Stopping {
  readonly config?: { readonly flows?: readonly SavedDefinition[] }
}

/**
 * Whether a node that is closed comes back as the same. Node-RED tells a node that it was removed, but
 * not that it will be made anew with other properties.
 */
export class Departure {
  /** As the deploy that begins has it. */
  private next: SavedDefinition | undefined
  private leaves = false
  private readonly unlisten: () => void

  /** @param properties those that make it another */
  constructor(
    RED: NodeAPI,
    private readonly node: Node,
    private readonly definition: SavedDefinition,
    private readonly properties: readonly string[],
  ) {
    this.unlisten = onRuntimeEvent(RED, 'flows:stopping', (stopping) =>
      this.look((stopping as Stopping).config?.flows ?? []),
    )
  }

  /** To be asked once, when the node is closed. */
  isFinal(removed: boolean): boolean {
    this.unlisten()
    return removed || this.leaves
  }

  /** Whether it is gone from the flows, not just disabled, which Node-RED calls removed, too. */
  isGone(removed: boolean): boolean {
    return removed && this.next === undefined
  }

  private look(flows: readonly SavedDefinition[]): void {
    const next = flows.find(({ id }) => id === this.node.id)
    this.next = next
    if (next === undefined) return
    const tab = flows.find(({ id }) => id === next['z'])
    const disabled = next['d'] === true || tab?.['disabled'] === true
    this.leaves = disabled || this.properties.some((name) => this.differs(next, name))
  }

  private differs(next: SavedDefinition, name: string): boolean {
    const said = text(next[name])
    // Node-RED has replaced environment variables in what the node got.
    return !said.includes('${') && said !== text(this.definition[name])
  }
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}
