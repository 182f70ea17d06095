import { CodedError } from '../../../src/base/coded-error'

/** A node's saved configuration cannot be used; `message` names the property. */
export class SettingError extends CodedError {
  constructor(message: string) {
    super('invalid-setting', message)
  }
}

/** What a flow file says of a node. */
export interface SavedDefinition {
  readonly [property: string]: unknown
}

/** Turns a definition of one version into the next one's. */
export type Migration = (definition: SavedDefinition) => SavedDefinition

/**
 * Brings a saved definition to the present version: the first migration makes version 2 of version 1,
 * and so on. A definition without a version is one of version 1.
 * @throws SettingError for a version from the future: the flow was made with a newer package
 */
export function migrate(
  definition: SavedDefinition,
  migrations: readonly Migration[] = [],
): SavedDefinition {
  const present = migrations.length + 1
  const version = Number(definition['version'] ?? 1)
  if (!Number.isInteger(version) || version < 1 || version > present) {
    throw new SettingError(
      `this node was saved as version ${String(definition['version'])}, this package knows up to ${present}: update the package`,
    )
  }
  return migrations
    .slice(version - 1)
    .reduce<SavedDefinition>((saved, migration) => migration(saved), definition)
}

/**
 * Reads a definition by property. Flow files are also written by hand and by programs, so that
 * numbers may be text and properties may be missing.
 */
export class Settings {
  constructor(private readonly definition: SavedDefinition) {}

  /** The raw property. */
  raw(name: string): unknown {
    return this.definition[name]
  }

  text(name: string, fallback = ''): string {
    const value = this.definition[name]
    if (value === undefined || value === null) return fallback
    return typeof value === 'string' ? value : String(value)
  }

  /** `undefined` where the property is missing or empty. @throws SettingError */
  number(name: string, limits: { readonly min?: number; readonly max?: number } = {}) {
    const text = this.text(name).trim()
    if (text === '') return undefined
    const value = Number(text)
    const { min = -Infinity, max = Infinity } = limits
    if (!Number.isFinite(value)) {
      throw new SettingError(`${name} is ${JSON.stringify(text)}, it must be a number`)
    }
    if (value < min || value > max) {
      throw new SettingError(`${name} is ${value}, it must be ${range(min, max)}`)
    }
    return value
  }

  flag(name: string, fallback = false): boolean {
    const value = this.definition[name]
    if (value === undefined || value === null || value === '') return fallback
    return value === true || value === 'true'
  }

  /** @throws SettingError */
  choice<const T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const text = this.text(name)
    if (text === '') return fallback
    const found = choices.find((choice) => choice === text)
    if (found === undefined) {
      throw new SettingError(
        `${name} is ${JSON.stringify(text)}, it must be one of ${choices.join(', ')}`,
      )
    }
    return found
  }

  /** An array, or nothing. */
  list(name: string): readonly unknown[] {
    const value = this.definition[name]
    return Array.isArray(value) ? value : []
  }

  /** Texts of an array, or of a text with commas or line breaks. */
  texts(name: string): string[] {
    const value = this.definition[name]
    const parts = Array.isArray(value) ? value.map(String) : this.text(name).split(/[,\n]/)
    return parts.map((part) => part.trim()).filter((part) => part !== '')
  }

  /** The JSON of a text property; an object or array as it is. @throws SettingError */
  json(name: string): unknown {
    const value = this.definition[name]
    if (typeof value !== 'string') return value
    if (value.trim() === '') return undefined
    try {
      return JSON.parse(value)
    } catch (error) {
      throw new SettingError(`${name} must be JSON: ${(error as Error).message}`)
    }
  }
}

function range(min: number, max: number): string {
  if (max === Infinity) return `at least ${min}`
  return min === -Infinity ? `at most ${max}` : `from ${min} to ${max}`
}
