import { ByteReader, OutOfBounds } from '../../base/byte-reader'
import { DecodeError } from '../errors'

/**
 * Runs a parser over all of `bytes`; remaining bytes are an error (RFC 5246 §7.4: a message must
 * fill exactly the length it claims).
 * @throws DecodeError
 */
export function decodeWhole<T>(
  name: string,
  bytes: Uint8Array,
  parse: (reader: ByteReader) => T,
): T {
  const reader = new ByteReader(bytes)
  try {
    const value = parse(reader)
    if (reader.remaining > 0) throw new DecodeError(`${name}: ${reader.remaining} bytes too many`)
    return value
  } catch (error) {
    if (error instanceof OutOfBounds)
      throw new DecodeError(`${name} is cut short`, { cause: error })
    throw error
  }
}

/** A vector of at least one 16-bit number. @throws DecodeError, OutOfBounds */
export function uint16List(name: string, reader: ByteReader): number[] {
  if (reader.remaining === 0 || reader.remaining % 2 !== 0) {
    throw new DecodeError(`${name}: a list of ${reader.remaining} bytes`)
  }
  const list: number[] = []
  while (reader.remaining > 0) list.push(reader.uint16())
  return list
}
