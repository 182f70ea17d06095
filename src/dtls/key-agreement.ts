import {
  createECDH,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { Alert, NamedGroup } from './wire/constants'
import { HandshakeFailure } from './errors'

/** An ephemeral key of ours. */
export interface KeyAgreement {
  readonly group: NamedGroup
  /** Sent in ServerKeyExchange. */
  readonly point: Uint8Array
  /** The shared secret. @throws HandshakeFailure `illegal-parameter` for an invalid point */
  agree(peerPoint: Uint8Array): Buffer
}

/** Creates a new ephemeral key for one handshake. */
export function createKeyAgreement(group: NamedGroup): KeyAgreement {
  return group === NamedGroup.x25519 ? new X25519() : new P256()
}

function badPoint(reason: string, cause?: unknown): HandshakeFailure {
  return new HandshakeFailure(
    'illegal-parameter',
    `the client's public point ${reason}`,
    Alert.illegalParameter,
    { cause },
  )
}

/** secp256r1, uncompressed points only (RFC 8422 §5.4.1). */
class P256 implements KeyAgreement {
  readonly group = NamedGroup.secp256r1
  readonly point: Uint8Array
  private readonly ecdh: ECDH = createECDH('prime256v1')

  constructor() {
    this.point = this.ecdh.generateKeys()
  }

  agree(peerPoint: Uint8Array): Buffer {
    // The library would accept compressed and hybrid forms too.
    if (peerPoint.length !== 65 || peerPoint[0] !== 4) throw badPoint('is not uncompressed')
    try {
      return this.ecdh.computeSecret(peerPoint)
    } catch (error) {
      throw badPoint('is not on the curve', error)
    }
  }
}

/** SubjectPublicKeyInfo of an X25519 key up to its 32 bytes (RFC 8410 §4). */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex')

class X25519 implements KeyAgreement {
  readonly group = NamedGroup.x25519
  readonly point: Uint8Array
  private readonly privateKey: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    this.privateKey = privateKey
    this.point = publicKey.export({ type: 'spki', format: 'der' }).subarray(X25519_SPKI.length)
  }

  agree(peerPoint: Uint8Array): Buffer {
    if (peerPoint.length !== 32) throw badPoint('is not 32 bytes long')
    let secret: Buffer
    try {
      const key = Buffer.concat([X25519_SPKI, peerPoint])
      const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
      secret = diffieHellman({ privateKey: this.privateKey, publicKey })
    } catch (error) {
      throw badPoint('is of low order', error)
    }
    // RFC 8422 §5.11: a point of low order gives all zeros.
    if (secret.every((byte) => byte === 0)) throw badPoint('is of low order')
    return secret
  }
}
