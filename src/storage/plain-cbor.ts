import { Encoder } from 'cbor-x'

/** CBOR (RFC 8949) of plain data written by this server into its own store. */
const codec = new Encoder({ useRecords: false, mapsAsObjects: true })

export function encodePlain(value: unknown): Uint8Array {
  return codec.encode(value)
}

/** @throws Error if it is not valid CBOR */
export function decodePlain(bytes: Uint8Array): unknown {
  return codec.decode(bytes) as unknown
}
