import type { ConnectionKeys } from './connection-keys'
import type { Protection } from './suites'
import { AEAD_ALGORITHMS, AeadCipher } from './aead'
import { EncryptThenMacCipher, MacThenEncryptCipher } from './cbc'
import type { RecordCipher } from './cipher'

export type { RecordCipher, RecordContext } from './cipher'

/** Creates the record protection of a suite, for the server. */
export function createCipher(
  protection: Protection,
  encryptThenMac: boolean,
  keys: ConnectionKeys,
): RecordCipher {
  if (protection !== 'cbc') return new AeadCipher(AEAD_ALGORITHMS[protection], keys)
  return encryptThenMac ? new EncryptThenMacCipher(keys) : new MacThenEncryptCipher(keys)
}
