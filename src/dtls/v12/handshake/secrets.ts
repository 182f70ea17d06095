import { createCipher, type RecordCipher } from '../../ciphers'
import { eraseKeys, mirrored } from '../../ciphers/connection-keys'
import type { Role } from '../../identity'
import type { CipherSuite } from '../../ciphers/suites'
import {
  connectionKeys,
  extendedMasterSecret,
  masterSecret,
  verifyData,
} from '../keys/key-schedule'
import { Transcript } from './transcript'

/** Parameters of the key derivation besides the messages. */
export interface SecretParameters {
  readonly suite: CipherSuite
  readonly extendedMasterSecret: boolean
  readonly encryptThenMac: boolean
}

/** The randoms, the transcript and the secrets derived from them. */
export class HandshakeSecrets {
  readonly transcript: Transcript
  private master: Uint8Array | undefined

  constructor(
    readonly clientRandom: Uint8Array,
    readonly serverRandom: Uint8Array,
    private readonly negotiated: SecretParameters,
  ) {
    const { keyExchange, prfHash } = negotiated.suite
    this.transcript = new Transcript(keyExchange === 'ecdhe-ecdsa', prfHash)
  }

  /** Signed in ServerKeyExchange together with its parameters. */
  get randoms(): Buffer {
    return Buffer.concat([this.clientRandom, this.serverRandom])
  }

  /** 48 bytes. @throws RangeError before it was derived */
  get masterSecret(): Uint8Array {
    if (this.master === undefined) throw new RangeError('no master secret yet')
    return this.master
  }

  /** Called when ClientKeyExchange is in the transcript. Overwrites the premaster secret. */
  derive(premaster: Uint8Array): void {
    const { extendedMasterSecret: extended, suite } = this.negotiated
    const master = extended
      ? extendedMasterSecret(premaster, this.transcript.hash(), suite.prfHash)
      : masterSecret(premaster, this.clientRandom, this.serverRandom, suite.prfHash)
    premaster.fill(0)
    this.master = new Uint8Array(master)
    master.fill(0)
  }

  /** Uses the master secret of a resumed session. */
  resume(master: Uint8Array): void {
    this.master = new Uint8Array(master)
  }

  /** @param role our role */
  createCipher(role: Role): RecordCipher {
    const { suite, encryptThenMac } = this.negotiated
    const { protection, keyLength, prfHash } = suite
    const { masterSecret: master, clientRandom, serverRandom } = this
    const keys = connectionKeys(protection, master, clientRandom, serverRandom, keyLength, prfHash)
    const own = role === 'server' ? keys : mirrored(keys)
    const cipher = createCipher(protection, encryptThenMac, own)
    eraseKeys(keys)
    return cipher
  }

  /** Over the current transcript. */
  verifyData(sender: 'client' | 'server'): Buffer {
    const { prfHash } = this.negotiated.suite
    return verifyData(this.masterSecret, sender, this.transcript.hash(), prfHash)
  }

  erase(): void {
    this.master?.fill(0)
    this.master = undefined
  }
}
