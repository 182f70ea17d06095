import type { ByteReader } from '../../../base/byte-reader'
import type { ByteWriter } from '../../wire/byte-writer'
import { ExtensionType } from '../../wire/constants'
import { decodeWhole } from '../../wire/decode'
import { DecodeError } from '../../errors'

/** The extensions of our ClientHello; undefined values and empty lists are omitted. */
export interface OfferedExtensions {
  readonly encryptThenMac: boolean
  readonly groups: readonly number[]
  readonly signatureSchemes: readonly number[]
  readonly clientCertificateTypes: readonly number[]
  readonly serverCertificateTypes: readonly number[]
  /**
   * The Connection ID for the server's records; empty: none, but we use the server's (RFC 9146 §3).
   */
  readonly connectionId: Uint8Array | undefined
  /** The code, 1 to 4 for 2^9 to 2^12 (RFC 6066 §4). */
  readonly maxFragmentLength: number | undefined
}

/** Extended master secret and renegotiation_info are always offered (RFC 7627, RFC 5746 §3.4). */
export function writeOfferedExtensions(writer: ByteWriter, offered: OfferedExtensions): void {
  const { connectionId, maxFragmentLength, groups } = offered
  writer.vector(2, (list) => {
    const add = (type: number, write: (body: ByteWriter) => void): void => {
      list.uint16(type).vector(2, write)
    }
    const bytes = (type: number, values: readonly number[]): void => {
      if (values.length === 0) return
      add(type, (body) => body.vector(1, (v) => v.bytes(Uint8Array.from(values))))
    }
    const numbers = (type: number, values: readonly number[]): void => {
      if (values.length === 0) return
      add(type, (body) =>
        body.vector(2, (v) => {
          for (const value of values) v.uint16(value)
        }),
      )
    }
    add(ExtensionType.renegotiationInfo, (body) => body.uint8(0))
    add(ExtensionType.extendedMasterSecret, () => {})
    if (offered.encryptThenMac) add(ExtensionType.encryptThenMac, () => {})
    numbers(ExtensionType.supportedGroups, groups)
    // Uncompressed points only (RFC 8422 §5.1.2).
    if (groups.length > 0) bytes(ExtensionType.ecPointFormats, [0])
    numbers(ExtensionType.signatureAlgorithms, offered.signatureSchemes)
    bytes(ExtensionType.clientCertificateType, offered.clientCertificateTypes)
    bytes(ExtensionType.serverCertificateType, offered.serverCertificateTypes)
    if (maxFragmentLength !== undefined) {
      add(ExtensionType.maxFragmentLength, (body) => body.uint8(maxFragmentLength))
    }
    if (connectionId !== undefined) {
      add(ExtensionType.connectionId, (body) => body.vector(1, (v) => v.bytes(connectionId)))
    }
  })
}

/** The extensions of a ServerHello; absent ones are undefined. */
export interface AnsweredExtensions {
  /** Every extension type in it, to check that none was answered that was not offered. */
  readonly types: readonly number[]
  readonly extendedMasterSecret: boolean
  readonly encryptThenMac: boolean
  readonly renegotiationInfo: Uint8Array | undefined
  readonly pointFormats: Uint8Array | undefined
  readonly clientCertificateType: number | undefined
  readonly serverCertificateType: number | undefined
  readonly maxFragmentLength: number | undefined
  readonly connectionId: Uint8Array | undefined
}

function empty(name: string, body: Uint8Array): true {
  if (body.length > 0) throw new DecodeError(`${name} is not empty`)
  return true
}

const number8 = (name: string, body: Uint8Array): number =>
  decodeWhole(name, body, (reader) => reader.uint8())
const vector8 = (name: string, body: Uint8Array): Uint8Array =>
  decodeWhole(name, body, (reader) => reader.take(reader.uint8()))

/**
 * Parses the data after a ServerHello's compression method: empty, or one vector of extensions.
 * @throws DecodeError, OutOfBounds — also for a repeated extension
 */
export function parseAnsweredExtensions(reader: ByteReader): AnsweredExtensions {
  const bodies = new Map<number, Uint8Array>()
  if (reader.remaining > 0) {
    const list = reader.sub(reader.uint16())
    while (list.remaining > 0) {
      const type = list.uint16()
      const body = list.take(list.uint16())
      if (bodies.has(type)) throw new DecodeError(`extension ${type} occurs twice`)
      bodies.set(type, body)
    }
  }
  const get = <T>(
    name: keyof typeof ExtensionType,
    parse: (name: string, body: Uint8Array) => T,
  ): T | undefined => {
    const body = bodies.get(ExtensionType[name])
    return body === undefined ? undefined : parse(name, body)
  }
  return {
    types: [...bodies.keys()],
    extendedMasterSecret: get('extendedMasterSecret', empty) ?? false,
    encryptThenMac: get('encryptThenMac', empty) ?? false,
    renegotiationInfo: get('renegotiationInfo', vector8),
    pointFormats: get('ecPointFormats', vector8),
    clientCertificateType: get('clientCertificateType', number8),
    serverCertificateType: get('serverCertificateType', number8),
    maxFragmentLength: get('maxFragmentLength', number8),
    connectionId: get('connectionId', vector8),
  }
}
