/** CBOR (RFC 8949) of plain data, for what this server itself wrote into its own store. */

// The package's types are only found as those of an ES module; at run time it is required.
type CborX = typeof import('cbor-x', { with: { 'resolution-mode': 'import' } })
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { Encoder } = require('cbor-x') as CborX

const codec = new Encoder({ useRecords: false, mapsAsObjects: true })

export function encodePlain(value: unknown): Uint8Array {
  return codec.encode(value)
}

/** @throws Error for what is no CBOR */
export function decodePlain(bytes: Uint8Array): unknown {
  return codec.decode(bytes) as unknown
}
