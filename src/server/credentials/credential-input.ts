import { randomUUID } from 'node:crypto'
import { types } from 'node:util'
import { CodedError } from '../../base/coded-error'
import { CredentialError } from './credential-error'
import {
  Credential,
  type CredentialOrigin,
  type CredentialProof,
  type CredentialSource,
} from './credential'
import { isPattern } from '../endpoint-pattern'
import { bytesOfText, TEXT_ENCODINGS, type TextEncoding } from './key-text'
import { certificateOf, publicKeyInfo } from './public-material'

/** The longest PSK identity taken from a device: some clouds put a token into it. */
const LONGEST_IDENTITY = 1024
/** Largest PSK identity and key that every device has to take (RFC 4279 §5.3; LwM2M Transport §5.2.8). */
export const MAX_IDENTITY = 128
export const MAX_KEY = 64
/** Longest endpoint name taken, in bytes. */
const MAX_ENDPOINT = 255

/** A credential as a dialog, a file or a message writes it. Everything else in it is refused. */
export interface CredentialInput {
  /** An endpoint name, or a pattern: `*` any run of characters, `?` one. */
  readonly endpoint: string
  /** Default `server`. */
  readonly use?: 'server' | 'bootstrap'
  /** Default `psk`. */
  readonly mode?: 'psk' | 'rpk' | 'x509'
  /** PSK; default the endpoint name. At most 1,024 bytes. */
  readonly identity?: string | Uint8Array
  /** How `identity` is written; default `text`. */
  readonly identityFormat?: TextEncoding
  /** PSK, 1 to 64 bytes. */
  readonly key?: string | Uint8Array
  /** How `key` is written; default `hex`. */
  readonly keyFormat?: TextEncoding
  /** RPK: PEM, or the DER SubjectPublicKeyInfo in hex or base64. */
  readonly publicKey?: string | Uint8Array
  /** X.509: this certificate and no other; PEM, or DER in hex or base64. */
  readonly certificate?: string | Uint8Array
  /** X.509 without `certificate`: the Common Name or SAN that stands for the endpoint; default its name. */
  readonly name?: string
}

const FIELDS: { readonly [mode: string]: readonly string[] } = {
  psk: ['identity', 'identityFormat', 'key', 'keyFormat'],
  rpk: ['publicKey'],
  x509: ['certificate', 'name'],
}
const COMMON_FIELDS = ['endpoint', 'use', 'mode']

/** The properties of {@link CredentialInput}; also the columns of a CSV file. */
export const CREDENTIAL_FIELDS: readonly string[] = [
  ...COMMON_FIELDS,
  ...Object.values(FIELDS).flat(),
]

/**
 * Checks and reads one entry, trusting nothing about it.
 * @param where for error messages: `entry 3 of the list`
 * @throws CredentialError `invalid-credential`, naming the entry and the property, never a secret
 */
export function parseCredential(
  input: unknown,
  where: string,
  source: CredentialSource,
  generation?: Pick<CredentialOrigin, 'generated' | 'addedAt'>,
): Credential {
  const reader = new EntryReader(input, where)
  const endpoint = reader.endpoint()
  const use = reader.choice('use', ['server', 'bootstrap'], 'server')
  const mode = reader.choice('mode', ['psk', 'rpk', 'x509'], 'psk')
  reader.refuseOthers([...COMMON_FIELDS, ...(FIELDS[mode] ?? [])])
  const proof = readProof(reader, mode, endpoint)
  const origin = { source, label: reader.label, ...generation }
  return new Credential(randomUUID(), endpoint, use, proof, origin)
}

function readProof(
  reader: EntryReader,
  mode: 'psk' | 'rpk' | 'x509',
  endpoint: string,
): CredentialProof {
  switch (mode) {
    case 'psk': {
      const identity = reader.has('identity')
        ? reader.bytes('identity', reader.choice('identityFormat', TEXT_ENCODINGS, 'text'))
        : Buffer.from(endpoint, 'utf8')
      if (identity.length === 0 || identity.length > LONGEST_IDENTITY) {
        throw reader.error(
          `identity has ${identity.length} bytes, it must have 1 to ${LONGEST_IDENTITY}`,
        )
      }
      const key = reader.bytes('key', reader.choice('keyFormat', TEXT_ENCODINGS, 'hex'))
      if (key.length === 0 || key.length > MAX_KEY) {
        throw reader.error(`key has ${key.length} bytes, it must have 1 to ${MAX_KEY}`)
      }
      return { mode, identity, key }
    }
    case 'rpk':
      return { mode, publicKey: reader.material('publicKey', publicKeyInfo) }
    case 'x509': {
      if (reader.has('certificate') && reader.has('name')) {
        throw reader.error('certificate and name exclude each other')
      }
      if (reader.has('certificate')) {
        return {
          mode,
          certificate: reader.material('certificate', (der) => certificateOf(der).raw),
        }
      }
      if (!reader.has('name')) return { mode, name: endpoint }
      const name = reader.text('name')
      if (isPattern(name)) {
        throw reader.error('name must be no pattern; leave it out for the name of each endpoint')
      }
      return { mode, name }
    }
  }
}

/** Reads the properties of one entry with errors that name both. */
class EntryReader {
  private readonly entry: { readonly [name: string]: unknown }
  label: string

  constructor(input: unknown, where: string) {
    this.label = where
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      throw this.error('it must be an object with properties such as endpoint and key')
    }
    this.entry = input as { readonly [name: string]: unknown }
  }

  error(why: string): CredentialError {
    return new CredentialError('invalid-credential', this.label, why)
  }

  /** Absent, null and empty text are all "not given": a CSV cell cannot be absent. */
  has(name: string): boolean {
    const value = this.entry[name]
    return value !== undefined && value !== null && value !== ''
  }

  endpoint(): string {
    const endpoint = this.text('endpoint')
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(endpoint)) throw this.error('endpoint has control characters')
    if (Buffer.byteLength(endpoint) > MAX_ENDPOINT) {
      throw this.error(`endpoint has more than ${MAX_ENDPOINT} bytes`)
    }
    this.label += ` (endpoint ${JSON.stringify(endpoint)})`
    return endpoint
  }

  text(name: string): string {
    if (!this.has(name)) throw this.error(`${name} is missing`)
    const value = this.entry[name]
    if (typeof value !== 'string') throw this.error(`${name} must be text`)
    return value
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    if (!this.has(name)) return fallback
    const value = this.entry[name]
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw this.error(`${name} must be one of ${choices.join(', ')}`)
    return found
  }

  bytes(name: string, encoding: TextEncoding): Buffer {
    return this.material(name, (value) =>
      typeof value === 'string' ? bytesOfText(value, encoding) : Buffer.from(value),
    )
  }

  material<T>(name: string, read: (value: string | Uint8Array) => T): T {
    if (!this.has(name)) throw this.error(`${name} is missing`)
    const value = this.entry[name]
    // Bytes from a Function node are of another realm, where `instanceof` fails.
    if (typeof value !== 'string' && !types.isUint8Array(value)) {
      throw this.error(`${name} must be text or bytes`)
    }
    try {
      return read(value)
    } catch (error) {
      const why = error instanceof CodedError ? error.message : 'it cannot be read'
      throw this.error(`${name} is not valid: ${why}`)
    }
  }

  refuseOthers(known: readonly string[]): void {
    for (const name of Object.keys(this.entry)) {
      if (!known.includes(name) && this.has(name)) {
        const elsewhere = CREDENTIAL_FIELDS.includes(name)
        throw this.error(
          elsewhere
            ? `${name} does not belong to this mode`
            : `${JSON.stringify(name.slice(0, 40))} is not a property of a credential`,
        )
      }
    }
  }
}
