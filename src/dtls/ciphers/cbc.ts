import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'
import type { ConnectionKeys } from './connection-keys'
import { additionalData, type RecordCipher, type RecordContext } from './cipher'

const BLOCK = 16
const MAC = 32
const ALGORITHM = 'aes-128-cbc'

/**
 * Common parts of both orders of CBC and HMAC-SHA256. For the server: decrypts what the client
 * encrypts.
 */
abstract class CbcCipher {
  readonly forgeryLimit = 2 ** 36
  protected readonly readMac: KeyObject
  protected readonly writeMac: KeyObject
  private readonly readKey: KeyObject
  private readonly writeKey: KeyObject

  constructor(keys: ConnectionKeys) {
    this.readKey = createSecretKey(keys.client.key)
    this.writeKey = createSecretKey(keys.server.key)
    this.readMac = createSecretKey(keys.client.mac)
    this.writeMac = createSecretKey(keys.server.mac)
  }

  /** Pads to whole blocks and writes the random IV and the ciphertext to `target` (RFC 5246 §6.2.3.2). */
  protected encrypt(parts: readonly Uint8Array[], target: Buffer, at: number): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const padded = paddedLength(length)
    const iv = randomFillSync(target.subarray(at, at + BLOCK))
    const cipher = createCipheriv(ALGORITHM, this.writeKey, iv).setAutoPadding(false)
    const plaintext = Buffer.alloc(padded, padded - length - 1)
    let offset = 0
    for (const part of parts) {
      plaintext.set(part, offset)
      offset += part.length
    }
    target.set(cipher.update(plaintext), at + BLOCK)
    cipher.final()
  }

  /** `ciphertext` begins with its IV and consists of whole blocks, at least one after it. */
  protected decrypt(ciphertext: Uint8Array): Buffer {
    const iv = ciphertext.subarray(0, BLOCK)
    const decipher = createDecipheriv(ALGORITHM, this.readKey, iv).setAutoPadding(false)
    const plaintext = decipher.update(ciphertext.subarray(BLOCK))
    decipher.final()
    return plaintext
  }
}

/** Content, at least one byte of padding. */
function paddedLength(length: number): number {
  return length + BLOCK - (length % BLOCK)
}

function hmac(key: KeyObject, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

function wholeBlocks(length: number): boolean {
  return length >= 2 * BLOCK && length % BLOCK === 0
}

/**
 * Number of padding bytes at the end of the plaintext, including the length byte; 0 if they are not
 * all equal.
 */
function paddingLength(plaintext: Buffer, most: number): number {
  const value = plaintext[plaintext.length - 1] ?? 0
  let bad = value + 1 > most ? 1 : 0
  // Checks the same number of bytes for any value.
  const span = Math.min(256, plaintext.length)
  for (let i = 1; i <= span; i++) {
    const byte = plaintext[plaintext.length - i] ?? 0
    bad |= i <= value + 1 ? byte ^ value : 0
  }
  return bad === 0 ? value + 1 : 0
}

/** The MAC covers the ciphertext (RFC 7366): nothing is decrypted before it is verified. */
export class EncryptThenMacCipher extends CbcCipher implements RecordCipher {
  sealedLength(plaintextLength: number): number {
    return BLOCK + paddedLength(plaintextLength) + MAC
  }

  seal(plaintext: Uint8Array, context: RecordContext, target: Buffer, at: number): void {
    const length = this.sealedLength(plaintext.length) - MAC
    this.encrypt([plaintext], target, at)
    const ciphertext = target.subarray(at, at + length)
    target.set(hmac(this.writeMac, additionalData(context, length), ciphertext), at + length)
  }

  open(fragment: Uint8Array, context: RecordContext): Buffer | undefined {
    const length = fragment.length - MAC
    if (!wholeBlocks(length)) return undefined
    const ciphertext = fragment.subarray(0, length)
    const mac = hmac(this.readMac, additionalData(context, length), ciphertext)
    if (!timingSafeEqual(mac, fragment.subarray(length))) return undefined
    const plaintext = this.decrypt(ciphertext)
    const padding = paddingLength(plaintext, plaintext.length)
    return padding === 0 ? undefined : plaintext.subarray(0, plaintext.length - padding)
  }
}

/** The MAC is inside the encryption (RFC 5246 §6.2.3.2), for clients without encrypt-then-MAC. */
export class MacThenEncryptCipher extends CbcCipher implements RecordCipher {
  sealedLength(plaintextLength: number): number {
    return BLOCK + paddedLength(plaintextLength + MAC)
  }

  seal(plaintext: Uint8Array, context: RecordContext, target: Buffer, at: number): void {
    const mac = hmac(this.writeMac, additionalData(context, plaintext.length), plaintext)
    this.encrypt([plaintext, mac], target, at)
  }

  open(fragment: Uint8Array, context: RecordContext): Buffer | undefined {
    if (!wholeBlocks(fragment.length) || fragment.length < BLOCK + paddedLength(MAC)) {
      return undefined
    }
    const plaintext = this.decrypt(fragment)
    // Bad padding counts as none and the MAC is computed nevertheless: there is only one failure,
    // and the padding bytes are hashed too, so that it takes the same time (RFC 5246 §6.2.3.2).
    const padding = paddingLength(plaintext, plaintext.length - MAC)
    const length = plaintext.length - MAC - padding
    const content = plaintext.subarray(0, length)
    const mac = hmac(this.readMac, additionalData(context, length), content)
    createHash('sha256').update(plaintext.subarray(length)).digest()
    const authentic = timingSafeEqual(mac, plaintext.subarray(length, length + MAC))
    return authentic && padding > 0 ? content : undefined
  }
}
