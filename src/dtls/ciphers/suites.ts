/** How the premaster secret comes about. */
export type KeyExchange = 'psk' | 'ecdhe-psk' | 'ecdhe-ecdsa'

/** How records are protected. */
export type Protection = 'ccm' | 'ccm8' | 'gcm' | 'cbc'

export interface CipherSuite {
  readonly number: number
  /** IANA name. */
  readonly name: string
  readonly keyExchange: KeyExchange
  readonly protection: Protection
}

const suite = (
  number: number,
  name: string,
  keyExchange: KeyExchange,
  protection: Protection,
): CipherSuite => ({ number, name, keyExchange, protection })

/**
 * Every suite there is, most wanted first: AEAD before CBC; PSK before certificates, because a client
 * that names PSK suites has a PSK, while many name ECDSA suites without having a certificate. All use
 * AES-128 and the PRF with SHA-256.
 */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  suite(0xc0a8, 'TLS_PSK_WITH_AES_128_CCM_8', 'psk', 'ccm8'),
  suite(0xc0a4, 'TLS_PSK_WITH_AES_128_CCM', 'psk', 'ccm'),
  suite(0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256', 'psk', 'gcm'),
  suite(0xc0ae, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'ecdhe-ecdsa', 'ccm8'),
  suite(0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ecdhe-ecdsa', 'gcm'),
  suite(0xc037, 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256', 'ecdhe-psk', 'cbc'),
  suite(0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'psk', 'cbc'),
  suite(0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ecdhe-ecdsa', 'cbc'),
]

const byNumber = new Map(CIPHER_SUITES.map((entry) => [entry.number, entry]))

/** Undefined for a suite that is not ours. */
export function findSuite(number: number): CipherSuite | undefined {
  return byNumber.get(number)
}
