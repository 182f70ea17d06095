/** Protocol constants, with the names of their RFCs. */

/** RFC 6347 §4.1, RFC 9146 §4. */
export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  tls12Cid: 25,
} as const

/** RFC 6347 §4.2.2. */
export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const

/** DTLS counts versions downwards (RFC 6347 §4.1). */
export const Version = { dtls10: 0xfeff, dtls12: 0xfefd } as const

/** RFC 5246 §7.2, RFC 4279 §2, RFC 8446 §6. */
export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  accessDenied: 49,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  insufficientSecurity: 71,
  internalError: 80,
  userCanceled: 90,
  noRenegotiation: 100,
  unsupportedExtension: 110,
  unknownPskIdentity: 115,
} as const
export type Alert = (typeof Alert)[keyof typeof Alert]

export const AlertLevel = { warning: 1, fatal: 2 } as const

export const ExtensionType = {
  maxFragmentLength: 1,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  clientCertificateType: 19,
  serverCertificateType: 20,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  recordSizeLimit: 28,
  connectionId: 54,
  renegotiationInfo: 0xff01,
} as const

/** RFC 8422 §5.1.1. */
export const NamedGroup = { secp256r1: 23, x25519: 29 } as const
export type NamedGroup = (typeof NamedGroup)[keyof typeof NamedGroup]

/** RFC 8446 §4.2.3, as used in TLS 1.2: hash, then signature. */
export const SignatureScheme = {
  rsaPkcs1Sha256: 0x0401,
  ecdsaSha256: 0x0403,
  ecdsaSha384: 0x0503,
  ecdsaSha512: 0x0603,
} as const

/** RFC 7250 §3, RFC 8446 §4.4.2. */
export const CertificateType = { x509: 0, rawPublicKey: 2 } as const
export type CertificateType = (typeof CertificateType)[keyof typeof CertificateType]

/** RFC 5746 §3.3. */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff

/** type, version, epoch, sequence number, length (RFC 6347 §4.1); a Connection ID is additional. */
export const RECORD_HEADER = 13
/** type, length, message_seq, fragment_offset, fragment_length (RFC 6347 §4.2.2). */
export const HANDSHAKE_HEADER = 12
/** RFC 6347 §4.1: the plaintext of a record. */
export const MAX_PLAINTEXT = 1 << 14
/** Expansion by protection: RFC 5246 §6.2.3 allows 2048, ours never needs more than 256. */
export const MAX_CIPHERTEXT = MAX_PLAINTEXT + 256
/** Maximum size of a handshake message of a client: a certificate chain. */
export const MAX_HANDSHAKE_MESSAGE = 8192
/** The last sequence number of an epoch (RFC 6347 §4.1). */
export const LAST_SEQUENCE = 2 ** 48 - 1
/** The last message_seq of a handshake (RFC 6347 §4.2.2). */
export const LAST_MESSAGE_SEQ = 2 ** 16 - 1
