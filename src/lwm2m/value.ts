import { types } from 'node:util'
import { CodedError } from '../base/coded-error'

/** A reference to an object instance (Objlnk, Core appendix C). `65535:65535` is null. */
export class ObjectLink {
  constructor(
    readonly objectId: number,
    readonly instanceId: number,
  ) {}

  /** `'66:0'`. @throws ValueError */
  static parse(text: string): ObjectLink {
    const match = /^(\d{1,5}):(\d{1,5})$/.exec(text)
    const [objectId, instanceId] = [Number(match?.[1]), Number(match?.[2])]
    if (!(objectId <= 65535 && instanceId <= 65535)) {
      throw new ValueError(`${JSON.stringify(text)} is not an object link such as "66:0"`)
    }
    return new ObjectLink(objectId, instanceId)
  }

  toString(): string {
    return `${this.objectId}:${this.instanceId}`
  }

  toJSON(): string {
    return this.toString()
  }
}

/**
 * A resource value. Integers outside ±(2^53-1) are `bigint`; Time is a `Date`; Opaque is bytes;
 * Corelnk is its link-format text.
 */
export type Value = string | number | bigint | boolean | Uint8Array | Date | ObjectLink

/**
 * Returns a value unchanged, undefined if it is not one. Dates and bytes of another realm (the
 * sandbox of a script) fail `instanceof` and are copied.
 */
export function asValue(value: unknown): Value | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value
    default:
      if (value instanceof ObjectLink) return value
      if (types.isUint8Array(value)) return value instanceof Uint8Array ? value : Buffer.from(value)
      if (types.isDate(value)) return value instanceof Date ? value : new Date(Number(value))
      return undefined
  }
}

/** The data types of Core appendix C, written as in the OMA registry; `None` is Execute's. */
export type ResourceType =
  | 'String'
  | 'Integer'
  | 'Unsigned Integer'
  | 'Float'
  | 'Boolean'
  | 'Opaque'
  | 'Time'
  | 'Objlnk'
  | 'Corelnk'
  | 'None'

/** A value cannot be converted to a type: wrong type or out of range. */
export class ValueError extends CodedError {
  constructor(message: string) {
    super('invalid-value', message)
  }
}
