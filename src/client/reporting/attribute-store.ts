import { Level, Path } from '../../lwm2m/path'
import type { AttributeSet } from '../../lwm2m/attributes'

/** The notification attributes that are set at one level: numbers only. */
export type SetAttributes = { readonly [K in keyof AttributeSet]?: number }

/**
 * The attributes that one server wrote (Core §7.3.2), by path. Each server has its own
 * (Core §6.3.4).
 */
export class AttributeStore {
  private readonly byPath = new Map<string, SetAttributes>()

  /** What is set at exactly this path. */
  at(path: Path): SetAttributes {
    return this.byPath.get(path.toString()) ?? {}
  }

  /** What holds at a path: of each attribute the one nearest to it (Core §7.3.2: precedence). */
  effective(path: Path): SetAttributes {
    let merged: SetAttributes = {}
    for (let level: number = Level.OBJECT; level <= path.level; level++) {
      merged = { ...merged, ...this.at(path.at(level)) }
    }
    return merged
  }

  /**
   * Sets attributes, and unsets those that are null.
   * @param check throws where what holds afterwards makes no sense
   */
  write(path: Path, changes: AttributeSet, check: (effective: AttributeSet) => void): void {
    const merged = apply(this.at(path), changes)
    check({ ...this.effective(path.at(path.level - 1)), ...merged })
    if (Object.keys(merged).length === 0) this.byPath.delete(path.toString())
    else this.byPath.set(path.toString(), merged)
  }

  /** The instance or resource is gone, and what was set on it. */
  forget(path: Path): void {
    for (const key of [...this.byPath.keys()]) {
      if (path.contains(Path.parse(key))) this.byPath.delete(key)
    }
  }

  clear(): void {
    this.byPath.clear()
  }
}

function apply(current: SetAttributes, changes: AttributeSet): SetAttributes {
  const merged: { [name: string]: number } = {}
  for (const [name, value] of Object.entries({ ...current, ...changes })) {
    if (typeof value === 'number') merged[name] = value
  }
  return merged
}
