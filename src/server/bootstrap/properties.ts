import { CodedError } from '../../base/coded-error'
import { bytesOfText, TEXT_ENCODINGS, type TextEncoding } from '../credentials/key-text'
import { BootstrapConfigurationError } from './configuration'
import { isPlainObject } from './placeholders'

/** Reads the properties of an untrusted object; its errors name the property, never a secret value. */
export class Properties {
  private readonly values: { readonly [name: string]: unknown }

  /**
   * @param place of the object within the configuration: `servers[0].`, empty at the top
   * @throws BootstrapConfigurationError it is no object, or has a property that is not `known`
   */
  constructor(
    input: unknown,
    private readonly configuration: string,
    private readonly place: string,
    known: readonly string[],
  ) {
    if (!isPlainObject(input)) {
      throw this.error(place === '' ? '' : place.slice(0, -1), 'must be an object')
    }
    this.values = input
    for (const name of Object.keys(input)) {
      if (!known.includes(name)) throw this.error(this.place + name.slice(0, 40), 'does not exist')
    }
  }

  fail(name: string, why: string): BootstrapConfigurationError {
    return this.error(this.place + name, why)
  }

  private error(where: string, why: string): BootstrapConfigurationError {
    return new BootstrapConfigurationError(
      'invalid-configuration',
      this.configuration,
      where === '' ? `it ${why}` : `${where} ${why}`,
    )
  }

  /** Absent, null and the empty text of a dialog are all "not given". */
  has(name: string): boolean {
    const value = this.values[name]
    return value !== undefined && value !== null && value !== ''
  }

  raw(name: string): unknown {
    return this.values[name]
  }

  text(name: string): string {
    const value = this.values[name]
    if (!this.has(name)) throw this.fail(name, 'is missing')
    if (typeof value !== 'string') throw this.fail(name, 'must be text')
    return value
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    if (!this.has(name)) return fallback
    const found = choices.find((choice) => choice === this.values[name])
    if (found === undefined) throw this.fail(name, `must be one of ${choices.join(', ')}`)
    return found
  }

  flag(name: string, fallback: boolean): boolean {
    if (!this.has(name)) return fallback
    const value = this.values[name]
    if (typeof value !== 'boolean') throw this.fail(name, 'must be true or false')
    return value
  }

  /** A whole number within the bounds; a text of digits, as dialogs give it, is one too. */
  integer(name: string, min: number, max: number): number {
    if (!this.has(name)) throw this.fail(name, 'is missing')
    const value = this.values[name]
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
      throw this.fail(name, `must be a whole number from ${min} to ${max}`)
    }
    return number
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    return this.has(name) ? this.integer(name, min, max) : undefined
  }

  list(name: string): readonly unknown[] {
    const value = this.values[name]
    if (!Array.isArray(value)) throw this.fail(name, 'must be a list')
    return value
  }

  object(name: string): { readonly [name: string]: unknown } {
    const value = this.values[name]
    if (!isPlainObject(value)) throw this.fail(name, 'must be an object')
    return value
  }

  /** Bytes, or text in the encoding that the property `${name}Format` says. */
  bytes(name: string, min: number, max: number, encoding: TextEncoding): Buffer {
    const format = this.choice(`${name}Format`, TEXT_ENCODINGS, encoding)
    const bytes = this.material(name, (value) =>
      typeof value === 'string' ? bytesOfText(value, format) : Buffer.from(value),
    )
    if (bytes.length < min || bytes.length > max) {
      throw this.fail(name, `has ${bytes.length} bytes, it must have ${min} to ${max}`)
    }
    return bytes
  }

  /** What `read` makes of a text or bytes; its typed errors become ours. */
  material<T>(name: string, read: (value: string | Uint8Array) => T): T {
    if (!this.has(name)) throw this.fail(name, 'is missing')
    const value = this.values[name]
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw this.fail(name, 'must be text or bytes')
    }
    return this.attempt(name, () => read(value))
  }

  /** Runs what may throw a typed error about a property. */
  attempt<T>(name: string, action: () => T): T {
    try {
      return action()
    } catch (error) {
      if (error instanceof BootstrapConfigurationError) throw error
      const why = error instanceof CodedError ? error.message : 'it cannot be read'
      throw this.fail(name, `is not valid: ${why}`)
    }
  }
}
