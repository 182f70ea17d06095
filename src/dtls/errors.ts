import { CodedError } from '../base/coded-error'
import type { Alert } from './wire/constants'

/**
 * A key, certificate or option of the configuration is invalid. `code` is `bad-credential` or
 * `bad-option`. The message says what is wrong, never a secret.
 */
export class DtlsConfigurationError extends CodedError {
  constructor(code: 'bad-credential' | 'bad-option', message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * A message that violates its specification. Before a verified cookie it is dropped, afterwards
 * answered with `decode_error`.
 */
export class DecodeError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super('decode-error', message, options)
  }
}

/**
 * Why a handshake failed; stable. Visible to the operator, while the other end may receive nothing
 * at all (an unknown identity and a wrong key cannot be distinguished from outside).
 */
export type HandshakeFailureCode =
  | 'unknown-identity'
  | 'wrong-key'
  | 'handshake-timeout'
  | 'replaced'
  | 'displaced'
  | 'fragmented-hello'
  | 'no-common-suite'
  | 'version'
  | 'extended-master-secret-required'
  | 'encrypt-then-mac-required'
  | 'illegal-parameter'
  | 'decode-error'
  | 'unexpected-message'
  | 'no-certificate'
  | 'bad-certificate'
  | 'untrusted-certificate'
  | 'expired-certificate'
  | 'unknown-public-key'
  | 'bad-signature'
  | 'bad-finished'
  | 'credential-error'
  | 'credential-removed'
  | 'peer-alert'
  | 'internal-error'
  | 'stopped'

/** Ends one handshake: with an alert to the peer, if any, and a report to the operator. */
export class HandshakeFailure extends CodedError {
  constructor(
    override readonly code: HandshakeFailureCode,
    message: string,
    /** The fatal alert to send; undefined for none. */
    readonly alert: Alert | undefined,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

/**
 * `send` on an association that has ended (`association-ended`), or with too many bytes
 * (`datagram-too-large`).
 */
export class DtlsSendError extends CodedError {
  constructor(code: 'association-ended' | 'datagram-too-large', message: string) {
    super(code, message)
  }
}
