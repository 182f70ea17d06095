import { Level, Path } from '../../lwm2m/path'
import type { AttributeSet } from '../../lwm2m/attributes'

/** The notification attributes set at one level: only numbers. */
export type SetAttributes = { readonly [K in keyof AttributeSet]?: number }

/**
 * The attributes written by one server (Core §7.3.2), by path. Each server has its own (Core
 * §6.3.4).
 */
export class AttributeStore {
  private readonly byPath = new Map<string, SetAttributes>()

  /** The attributes set at exactly this path. */
  at(path: Path): SetAttributes {
    return this.byPath.get(path.toString()) ?? {}
  }

  /**
   * The effective attributes of a path: each from the nearest level where it is set (Core §7.3.2:
   * precedence).
   */
  effective(path: Path): SetAttributes {
    let merged: SetAttributes = {}
    for (let level: number = Level.OBJECT; level <= path.level; level++) {
      merged = { ...merged, ...this.at(path.at(level)) }
    }
    return merged
  }

  /**
   * Sets attributes, and removes those that are null.
   * @param check throws if the result is inconsistent
   */
  write(path: Path, changes: AttributeSet, check: (effective: AttributeSet) => void): void {
    const merged = apply(this.at(path), changes)
    check({ ...this.effective(path.at(path.level - 1)), ...merged })
    if (Object.keys(merged).length === 0) this.byPath.delete(path.toString())
    else this.byPath.set(path.toString(), merged)
  }

  /** Removes the attributes of a deleted instance or resource. */
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
