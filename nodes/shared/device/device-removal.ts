import type { FlowsLifecycle } from '../runtime/flows-lifecycle'
import type { Node } from '../runtime/red'
import type { SavedDefinition } from '../runtime/settings'

/**
 * Whether a node that is closed comes back as the same. Node-RED tells a node that it was removed, but
 * not that it will be made anew with other properties.
 */
export class DeviceRemoval {
  /** @param properties those that make it another */
  constructor(
    private readonly lifecycle: FlowsLifecycle,
    private readonly node: Node,
    private readonly definition: SavedDefinition,
    private readonly properties: readonly string[],
  ) {}

  /** To be asked when the node is closed. */
  isFinal(removed: boolean): boolean {
    const { lifecycle, node } = this
    const next = lifecycle.next(node.id)
    if (removed || next === undefined) return removed
    if (!lifecycle.comesBack(node.id)) return true
    return this.properties.some((name) => this.differs(next, name))
  }

  /** Whether it is gone from the flows, not just disabled, which Node-RED calls removed, too. */
  isGone(removed: boolean): boolean {
    return removed && this.lifecycle.next(this.node.id) === undefined
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
