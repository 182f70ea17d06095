/** How the premaster secret is established. */
export type KeyExchange = 'psk' | 'ecdhe-psk' | 'ecdhe-ecdsa'

/** How records are protected. */
export type Protection = 'ccm' | 'ccm8' | 'gcm' | 'cbc'

/**
 * The hash of PRF and transcript (RFC 5246 §1.2): SHA-256 unless the suite's name says otherwise.
 */
export type PrfHash = 'sha256' | 'sha384'

export interface CipherSuite {
  readonly number: number
  /** IANA name. */
  readonly name: string
  readonly keyExchange: KeyExchange
  readonly protection: Protection
  /** Bytes of an AES key. */
  readonly keyLength: 16 | 32
  readonly prfHash: PrfHash
}

const suite = (
  number: number,
  name: string,
  keyExchange: KeyExchange,
  protection: Protection,
): CipherSuite => ({
  number,
  name,
  keyExchange,
  protection,
  keyLength: name.includes('AES_256') ? 32 : 16,
  prfHash: name.endsWith('SHA384') ? 'sha384' : 'sha256',
})

/**
 * All supported suites, most preferred first: AEAD before CBC; PSK before certificates, because a
 * client that offers PSK suites has a PSK, while many offer ECDSA suites without a certificate;
 * AES-128 before AES-256, and the short tag first, because devices are constrained.
 */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  suite(0xc0a8, 'TLS_PSK_WITH_AES_128_CCM_8', 'psk', 'ccm8'),
  suite(0xc0a4, 'TLS_PSK_WITH_AES_128_CCM', 'psk', 'ccm'),
  suite(0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256', 'psk', 'gcm'),
  suite(0xc0a9, 'TLS_PSK_WITH_AES_256_CCM_8', 'psk', 'ccm8'),
  suite(0xc0a5, 'TLS_PSK_WITH_AES_256_CCM', 'psk', 'ccm'),
  suite(0x00a9, 'TLS_PSK_WITH_AES_256_GCM_SHA384', 'psk', 'gcm'),
  // RFC 8442
  suite(0xd003, 'TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256', 'ecdhe-psk', 'ccm8'),
  suite(0xd005, 'TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256', 'ecdhe-psk', 'ccm'),
  suite(0xd001, 'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256', 'ecdhe-psk', 'gcm'),
  suite(0xc0ae, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'ecdhe-ecdsa', 'ccm8'),
  suite(0xc0ac, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM', 'ecdhe-ecdsa', 'ccm'),
  suite(0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ecdhe-ecdsa', 'gcm'),
  suite(0xc037, 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256', 'ecdhe-psk', 'cbc'),
  suite(0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'psk', 'cbc'),
  suite(0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ecdhe-ecdsa', 'cbc'),
]

const byNumber = new Map(CIPHER_SUITES.map((entry) => [entry.number, entry]))

/** Undefined for a suite that is not supported. */
export function findSuite(number: number): CipherSuite | undefined {
  return byNumber.get(number)
}
