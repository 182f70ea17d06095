import { createCipher, type RecordCipher } from '../../ciphers'
import { eraseKeys } from '../../ciphers/connection-keys'
import {
  connectionKeys,
  extendedMasterSecret,
  masterSecret,
  verifyData,
} from '../keys/key-schedule'
import type { Negotiated } from '../server-role/negotiation'
import { Transcript } from './transcript'

/** The randoms, the transcript and what is derived from them. */
export class HandshakeSecrets {
  readonly transcript: Transcript
  private master: Uint8Array | undefined

  constructor(
    private readonly clientRandom: Uint8Array,
    readonly serverRandom: Uint8Array,
    private readonly negotiated: Negotiated,
  ) {
    const { keyExchange, prfHash } = negotiated.suite
    this.transcript = new Transcript(keyExchange === 'ecdhe-ecdsa', prfHash)
  }

  /** What ServerKeyExchange signs besides its parameters. */
  get randoms(): Buffer {
    return Buffer.concat([this.clientRandom, this.serverRandom])
  }

  /** 48 bytes. @throws RangeError before they are there */
  get masterSecret(): Uint8Array {
    if (this.master === undefined) throw new RangeError('no master secret yet')
    return this.master
  }

  /** When ClientKeyExchange is in the transcript. Overwrites the premaster secret. */
  derive(premaster: Uint8Array): void {
    const { extendedMasterSecret: extended, suite } = this.negotiated
    const master = extended
      ? extendedMasterSecret(premaster, this.transcript.hash(), suite.prfHash)
      : masterSecret(premaster, this.clientRandom, this.serverRandom, suite.prfHash)
    premaster.fill(0)
    this.master = new Uint8Array(master)
    master.fill(0)
  }

  /** A session is resumed: its master secret is used again. */
  resume(master: Uint8Array): void {
    this.master = new Uint8Array(master)
  }

  createCipher(): RecordCipher {
    const { suite, encryptThenMac } = this.negotiated
    const { protection, keyLength, prfHash } = suite
    const { masterSecret: master, clientRandom, serverRandom } = this
    const keys = connectionKeys(protection, master, clientRandom, serverRandom, keyLength, prfHash)
    const cipher = createCipher(protection, encryptThenMac, keys)
    eraseKeys(keys)
    return cipher
  }

  /** Over the transcript as it is now. */
  verifyData(sender: 'client' | 'server'): Buffer {
    const { prfHash } = this.negotiated.suite
    return verifyData(this.masterSecret, sender, this.transcript.hash(), prfHash)
  }

  erase(): void {
    this.master?.fill(0)
    this.master = undefined
  }
}
