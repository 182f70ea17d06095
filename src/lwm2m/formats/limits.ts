import { DecodeError } from './codec'

/** The largest payload that is decoded, bytes. */
export const MAX_PAYLOAD = 1 << 20
/** The most records that one payload may hold. */
export const MAX_RECORDS = 65_536

/** The longest name of a record with its base name, in characters: root, prefix and ids. */
export const MAX_NAME = 512

/** Throws a DecodeError with this message. */
export type Fail = (message: string) => never

/** @param what names the format in the message */
export function failure(format: number, what: string, bytes: Uint8Array): Fail {
  return (message) => {
    throw new DecodeError(format, `${what}: ${message}`, bytes)
  }
}

/** @throws DecodeError if the payload is larger than the limit */
export function checkSize(format: number, bytes: Uint8Array): void {
  if (bytes.length > MAX_PAYLOAD) {
    throw new DecodeError(
      format,
      `payload of ${bytes.length} bytes exceeds the limit of ${MAX_PAYLOAD}`,
      bytes,
    )
  }
}
