import type { ByteReader } from '../../../base/byte-reader'
import type { ByteWriter } from '../../wire/byte-writer'
import { type CertificateType, ExtensionType, type NamedGroup } from '../../wire/constants'
import { decodeWhole, uint16List } from '../../wire/decode'
import { DecodeError } from '../../errors'

/** More than any client has; limits the work for a malicious hello. */
const MAX_EXTENSIONS = 64

/**
 * The supported extensions of a ClientHello; absent ones are undefined. server_name is ignored:
 * there is only one server key (RFC 6066 §3).
 */
export interface ClientExtensions {
  readonly extendedMasterSecret: boolean
  readonly encryptThenMac: boolean
  /** Verify data of RFC 5746 §3.2; empty in an initial handshake. */
  readonly renegotiationInfo: Uint8Array | undefined
  /** The Connection ID of records sent to the client (RFC 9146 §3); may be empty. */
  readonly connectionId: Uint8Array | undefined
  readonly groups: readonly number[] | undefined
  readonly pointFormats: readonly number[] | undefined
  readonly signatureSchemes: readonly number[] | undefined
  readonly clientCertificateTypes: readonly number[] | undefined
  readonly serverCertificateTypes: readonly number[] | undefined
  /** The code, 1 to 4 for 2^9 to 2^12 (RFC 6066 §4); as received, not validated. */
  readonly maxFragmentLength: number | undefined
  /** As received, not validated (RFC 8449 §4). */
  readonly recordSizeLimit: number | undefined
}

function empty(name: string, body: Uint8Array): true {
  if (body.length > 0) throw new DecodeError(`${name} is not empty`)
  return true
}

function byteList(name: string, body: Uint8Array): number[] {
  return decodeWhole(name, body, (reader) => {
    const list = [...reader.take(reader.uint8())]
    if (list.length === 0) throw new DecodeError(`${name} is empty`)
    return list
  })
}

const number8 = (name: string, body: Uint8Array): number =>
  decodeWhole(name, body, (reader) => reader.uint8())
const number16 = (name: string, body: Uint8Array): number =>
  decodeWhole(name, body, (reader) => reader.uint16())
const list16 = (name: string, body: Uint8Array): number[] =>
  decodeWhole(name, body, (reader) => uint16List(name, reader.sub(reader.uint16())))
const vector8 = (name: string, body: Uint8Array): Uint8Array =>
  decodeWhole(name, body, (reader) => reader.take(reader.uint8()))

/**
 * Parses the data after a ClientHello's compression methods: empty, or one vector of extensions.
 * Unknown ones are skipped (RFC 5246 §7.4.1.4).
 * @throws DecodeError, OutOfBounds — also for a repeated extension
 */
export function parseClientExtensions(reader: ByteReader): ClientExtensions {
  const bodies = new Map<number, Uint8Array>()
  if (reader.remaining > 0) {
    const list = reader.sub(reader.uint16())
    while (list.remaining > 0) {
      const type = list.uint16()
      const body = list.take(list.uint16())
      if (bodies.has(type)) throw new DecodeError(`extension ${type} occurs twice`)
      if (bodies.size === MAX_EXTENSIONS) throw new DecodeError('too many extensions')
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
    extendedMasterSecret: get('extendedMasterSecret', empty) ?? false,
    encryptThenMac: get('encryptThenMac', empty) ?? false,
    renegotiationInfo: get('renegotiationInfo', vector8),
    connectionId: get('connectionId', vector8),
    groups: get('supportedGroups', list16),
    pointFormats: get('ecPointFormats', byteList),
    signatureSchemes: get('signatureAlgorithms', list16),
    clientCertificateTypes: get('clientCertificateType', byteList),
    serverCertificateTypes: get('serverCertificateType', byteList),
    maxFragmentLength: get('maxFragmentLength', number8),
    recordSizeLimit: get('recordSizeLimit', number16),
  }
}

/**
 * The extensions of a ServerHello; only those that the client offered may be set (RFC 5246
 * §7.4.1.4).
 */
export interface ServerExtensions {
  readonly extendedMasterSecret: boolean
  readonly encryptThenMac: boolean
  readonly renegotiationInfo: boolean
  /** Our own Connection ID, for records of the client. */
  readonly connectionId: Uint8Array | undefined
  readonly pointFormats: boolean
  readonly clientCertificateType: CertificateType | undefined
  readonly serverCertificateType: CertificateType | undefined
  readonly maxFragmentLength: number | undefined
  readonly recordSizeLimit: number | undefined
}

/** Writes the vector of extensions, or nothing if it is empty: old clients do not support it. */
export function writeServerExtensions(writer: ByteWriter, extensions: ServerExtensions): void {
  const present: [type: number, write: (writer: ByteWriter) => void][] = []
  const add = (type: number, write: (writer: ByteWriter) => void): void => {
    present.push([type, write])
  }
  const { connectionId, maxFragmentLength, recordSizeLimit } = extensions
  const { clientCertificateType, serverCertificateType } = extensions
  if (extensions.renegotiationInfo) add(ExtensionType.renegotiationInfo, (w) => w.uint8(0))
  if (extensions.extendedMasterSecret) add(ExtensionType.extendedMasterSecret, () => {})
  if (extensions.encryptThenMac) add(ExtensionType.encryptThenMac, () => {})
  if (maxFragmentLength !== undefined) {
    add(ExtensionType.maxFragmentLength, (w) => w.uint8(maxFragmentLength))
  }
  if (recordSizeLimit !== undefined) {
    add(ExtensionType.recordSizeLimit, (w) => w.uint16(recordSizeLimit))
  }
  if (clientCertificateType !== undefined) {
    add(ExtensionType.clientCertificateType, (w) => w.uint8(clientCertificateType))
  }
  if (serverCertificateType !== undefined) {
    add(ExtensionType.serverCertificateType, (w) => w.uint8(serverCertificateType))
  }
  // Uncompressed points only (RFC 8422 §5.1.2).
  if (extensions.pointFormats) add(ExtensionType.ecPointFormats, (w) => w.uint8(1).uint8(0))
  if (connectionId !== undefined) {
    add(ExtensionType.connectionId, (w) => w.vector(1, (v) => v.bytes(connectionId)))
  }
  if (present.length === 0) return
  writer.vector(2, (list) => {
    for (const [type, write] of present) list.uint16(type).vector(2, write)
  })
}

/**
 * The client's most preferred group of ours, which suits its hardware best. Without the extension
 * any may be used (RFC 8422 §4).
 */
export function chooseGroup(
  offered: readonly number[] | undefined,
  ours: readonly NamedGroup[],
): NamedGroup | undefined {
  if (offered === undefined) return ours[0]
  for (const number of offered) {
    const group = ours.find((known) => known === number)
    if (group !== undefined) return group
  }
  return undefined
}
