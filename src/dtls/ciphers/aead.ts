import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { ConnectionKeys } from './connection-keys'
import { KeptCcm, MOST_KEPT_CONTENT } from './kept-ccm'
import { type Keeper, KeptCiphers } from './kept-ciphers'
import { additionalData, type RecordCipher, type RecordContext, writeEpochSequence } from './cipher'

/** The nonce: 4 secret bytes, then 8 that are sent in the record (RFC 5288 §3, RFC 6655 §3). */
const EXPLICIT_NONCE = 8
/** Reused, like {@link aadOptions}: uses do not overlap. */
const nonce = Buffer.alloc(12)
const aadOptions = { plaintextLength: 0 }

/**
 * Empty, but not at a null address: CCM mishandles an update with one, and then encrypts nothing
 * and accepts any tag.
 */
const NO_BYTES = Buffer.alloc(1).subarray(0, 0)

interface AeadAlgorithm {
  readonly mode: 'ccm' | 'gcm'
  readonly tagLength: number
  readonly forgeryLimit: number
}

/** Limits: RFC 9147 §4.5.3 and §B.3; much lower for the short tag of CCM_8. */
export const AEAD_ALGORITHMS = {
  ccm: { mode: 'ccm', tagLength: 16, forgeryLimit: 2 ** 23 },
  ccm8: { mode: 'ccm', tagLength: 8, forgeryLimit: 2 ** 20 },
  gcm: { mode: 'gcm', tagLength: 16, forgeryLimit: 2 ** 36 },
} as const satisfies { [name: string]: AeadAlgorithm }

/** After this many records the cipher objects are kept, if that is faster. */
const USES_BEFORE_KEPT = 8
/** For both directions of this many associations: some kilobytes each. */
const kept = new KeptCiphers(1024)

/** AES-CCM, AES-CCM_8 and AES-GCM records (RFC 6655, RFC 5288). */
export class AeadCipher implements RecordCipher, Keeper {
  // Key objects instead of buffers: several times faster on newer versions of Node.js.
  private readonly readKey: KeyObject
  private readonly writeKey: KeyObject
  // The 4 secret bytes as numbers, which need no separate object.
  private readonly readSalt: number
  private readonly writeSalt: number
  private uses = 0
  private keptRead: KeptCcm | undefined = undefined
  private keptWrite: KeptCcm | undefined = undefined

  /** For the server: decrypts what the client encrypts. */
  constructor(
    private readonly algorithm: AeadAlgorithm,
    keys: ConnectionKeys,
  ) {
    this.readKey = createSecretKey(keys.client.key)
    this.writeKey = createSecretKey(keys.server.key)
    this.readSalt = Buffer.from(keys.client.iv).readUInt32BE()
    this.writeSalt = Buffer.from(keys.server.iv).readUInt32BE()
  }

  get forgeryLimit(): number {
    return this.algorithm.forgeryLimit
  }

  sealedLength(plaintextLength: number): number {
    return EXPLICIT_NONCE + plaintextLength + this.algorithm.tagLength
  }

  seal(plaintext: Uint8Array, context: RecordContext, target: Buffer, at: number): void {
    nonce.writeUInt32BE(this.writeSalt)
    writeEpochSequence(nonce, 4, context.epoch, context.sequence)
    const data = additionalData(context, plaintext.length)
    nonce.copy(target, at, 4)
    if (this.keeps(plaintext.length)) {
      this.keptWrite ??= new KeptCcm(this.writeKey, this.algorithm.tagLength)
      return this.keptWrite.seal(nonce, data, plaintext, target, at + EXPLICIT_NONCE)
    }
    const cipher = this.encryptor()
    aadOptions.plaintextLength = plaintext.length
    cipher.setAAD(data, aadOptions)
    target.set(cipher.update(plaintext.length === 0 ? NO_BYTES : plaintext), at + EXPLICIT_NONCE)
    cipher.final()
    target.set(cipher.getAuthTag(), at + EXPLICIT_NONCE + plaintext.length)
  }

  open(fragment: Uint8Array, context: RecordContext): Buffer | undefined {
    const { tagLength } = this.algorithm
    const length = fragment.length - EXPLICIT_NONCE - tagLength
    if (length < 0) return undefined
    nonce.writeUInt32BE(this.readSalt)
    for (let i = 0; i < EXPLICIT_NONCE; i++) nonce[4 + i] = fragment[i] ?? 0
    const data = additionalData(context, length)
    if (this.keeps(length)) {
      this.keptRead ??= new KeptCcm(this.readKey, tagLength)
      return this.keptRead.open(nonce, data, fragment.subarray(EXPLICIT_NONCE))
    }
    const decipher = this.decryptor()
    const tag = fragment.subarray(fragment.length - tagLength)
    const ciphertext = fragment.subarray(EXPLICIT_NONCE, EXPLICIT_NONCE + length)
    try {
      decipher.setAuthTag(tag)
      aadOptions.plaintextLength = length
      decipher.setAAD(data, aadOptions)
      // Also without bytes: without update, CCM's final accepts any tag (Node.js 20 to 24).
      const plaintext = decipher.update(length === 0 ? NO_BYTES : ciphertext)
      decipher.final()
      return plaintext
    } catch {
      return undefined
    }
  }

  /** @internal */
  release(): void {
    this.uses = 0
    this.keptRead = undefined
    this.keptWrite = undefined
  }

  /** Whether a record with this content length uses a kept cipher object. */
  private keeps(length: number): boolean {
    if (this.algorithm.mode !== 'ccm' || length > MOST_KEPT_CONTENT) return false
    if (this.uses < USES_BEFORE_KEPT && ++this.uses === USES_BEFORE_KEPT) kept.add(this)
    return this.uses === USES_BEFORE_KEPT
  }

  private encryptor() {
    const { mode, tagLength: authTagLength } = this.algorithm
    const is256 = this.writeKey.symmetricKeySize === 32
    return mode === 'ccm'
      ? createCipheriv(is256 ? 'aes-256-ccm' : 'aes-128-ccm', this.writeKey, nonce, {
          authTagLength,
        })
      : createCipheriv(is256 ? 'aes-256-gcm' : 'aes-128-gcm', this.writeKey, nonce, {
          authTagLength,
        })
  }

  private decryptor() {
    // The tag length must be given for GCM too, otherwise shorter tags are accepted.
    const { mode, tagLength: authTagLength } = this.algorithm
    const is256 = this.readKey.symmetricKeySize === 32
    return mode === 'ccm'
      ? createDecipheriv(is256 ? 'aes-256-ccm' : 'aes-128-ccm', this.readKey, nonce, {
          authTagLength,
        })
      : createDecipheriv(is256 ? 'aes-256-gcm' : 'aes-128-gcm', this.readKey, nonce, {
          authTagLength,
        })
  }
}
