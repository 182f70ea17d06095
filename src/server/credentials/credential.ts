import { timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'
import { fingerprint } from './public-material'

/** Which service a credential opens: device management, or the bootstrap server. */
export type CredentialUse = 'server' | 'bootstrap'

/** Where a credential comes from; only those added at run time can be changed at run time. */
export type CredentialSource = 'list' | 'file' | 'runtime'

/** What proves the identity. Private to the credentials and the DTLS look-ups. */
export type CredentialProof =
  | { readonly mode: 'psk'; readonly identity: Buffer; readonly key: Buffer }
  /** `publicKey` is the DER SubjectPublicKeyInfo. */
  | { readonly mode: 'rpk'; readonly publicKey: Buffer }
  /** One certificate (its DER), whoever issued it. */
  | { readonly mode: 'x509'; readonly certificate: Buffer }
  /** Any certificate under the trust anchors with this Common Name or Subject Alternative Name. */
  | { readonly mode: 'x509'; readonly name: string }

/** What may be shown of a credential. */
export interface CredentialInfo {
  readonly id: string
  /** An endpoint name, or a pattern with `*` and `?`. */
  readonly endpoint: string
  readonly use: CredentialUse
  readonly mode: 'psk' | 'rpk' | 'x509'
  /** PSK: the identity, as text where it is printable UTF-8, else as `hex:…`. */
  readonly identity?: string
  /** RPK and pinned certificates: SHA-256 of the DER, hex. */
  readonly fingerprint?: string
  /** X.509 by name: the Common Name or Subject Alternative Name wanted. */
  readonly name?: string
  readonly source: CredentialSource
  /** Made by the bootstrap server together with what it wrote to the device. */
  readonly generated: boolean
  /** Generated only: the device is known to hold it. */
  readonly confirmed?: boolean
  /** Milliseconds since the epoch; undefined for the dialog's and the file's. */
  readonly addedAt?: number
}

/** Where a credential comes from, in full. */
export interface CredentialOrigin {
  readonly source: CredentialSource
  /** For error messages: `line 7 of devices.csv (endpoint "dev1")`. */
  readonly label: string
  readonly generated?: boolean
  /** Generated only: the device is known to hold it. */
  readonly confirmed?: boolean
  /** Milliseconds since the epoch. */
  readonly addedAt?: number
}

/** One device's (or pattern's) credential. Prints and serialises without its secrets. */
export class Credential {
  readonly #proof: CredentialProof

  constructor(
    readonly id: string,
    readonly endpoint: string,
    readonly use: CredentialUse,
    proof: CredentialProof,
    readonly origin: CredentialOrigin,
  ) {
    this.#proof = proof
  }

  get source(): CredentialSource {
    return this.origin.source
  }

  get generated(): boolean {
    return this.origin.generated ?? false
  }

  get confirmed(): boolean {
    return this.origin.confirmed ?? false
  }

  /** The same credential, known to be held by its device. */
  asConfirmed(): Credential {
    const origin = { ...this.origin, confirmed: true }
    return new Credential(this.id, this.endpoint, this.use, this.#proof, origin)
  }

  /** With secrets: for the DTLS look-ups and the store only. */
  get proof(): CredentialProof {
    return this.#proof
  }

  get mode(): CredentialInfo['mode'] {
    return this.#proof.mode
  }

  /** Equal for two credentials that a peer could not tell apart: only one of them may exist. */
  get slot(): string {
    return `${this.use}|${proofKey(this.#proof)}`
  }

  /** Whether an association made with `other` would be made with this one too. */
  sameAs(other: Credential): boolean {
    if (this.slot !== other.slot || this.endpoint !== other.endpoint) return false
    const [a, b] = [this.#proof, other.#proof]
    if (a.mode !== 'psk' || b.mode !== 'psk') return true
    return a.key.length === b.key.length && timingSafeEqual(a.key, b.key)
  }

  get info(): CredentialInfo {
    const proof = this.#proof
    return {
      id: this.id,
      endpoint: this.endpoint,
      use: this.use,
      mode: proof.mode,
      ...describeProof(proof),
      source: this.source,
      generated: this.generated,
      ...(this.generated ? { confirmed: this.confirmed } : {}),
      ...(this.origin.addedAt === undefined ? {} : { addedAt: this.origin.addedAt }),
    }
  }

  toJSON(): CredentialInfo {
    return this.info
  }

  [inspect.custom](): string {
    return `Credential ${inspect(this.info)}`
  }
}

/** A key for maps: equal exactly for proofs that the same peer identity matches. */
export function proofKey(proof: CredentialProof): string {
  switch (proof.mode) {
    case 'psk':
      return pskKey(proof.identity)
    case 'rpk':
      return rpkKey(proof.publicKey)
    case 'x509':
      return 'name' in proof ? nameKey(proof.name) : certificateKey(proof.certificate)
  }
}

/** {@link proofKey} of a PSK identity. */
export function pskKey(identity: Uint8Array): string {
  return `psk:${latin1(identity)}`
}

/** {@link proofKey} of a DER SubjectPublicKeyInfo. */
export function rpkKey(publicKey: Uint8Array): string {
  return `rpk:${latin1(publicKey)}`
}

/** {@link proofKey} of a pinned certificate's DER. */
export function certificateKey(certificate: Uint8Array): string {
  return `x509:${latin1(certificate)}`
}

/** {@link proofKey} of a certificate name. */
export function nameKey(name: string): string {
  return `name:${name}`
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A PSK identity for people: its text where that is printable UTF-8, else `hex:…`. */
export function identityText(identity: Uint8Array): string {
  const text = Buffer.from(identity).toString('utf8')
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const printable = !/[\u0000-\u001f\u007f-\u009f\ufffd]/.test(text)
  return printable ? text : `hex:${Buffer.from(identity).toString('hex')}`
}

function describeProof(
  proof: CredentialProof,
): Pick<CredentialInfo, 'identity' | 'fingerprint' | 'name'> {
  switch (proof.mode) {
    case 'psk':
      return { identity: identityText(proof.identity) }
    case 'rpk':
      return { fingerprint: fingerprint(proof.publicKey) }
    case 'x509':
      return 'name' in proof
        ? { name: proof.name }
        : { fingerprint: fingerprint(proof.certificate) }
  }
}
