import { CodedError } from '../base/coded-error'
import type { Alert } from './wire/constants'

/**
 * A key, certificate or option that the server was configured with cannot be used. `code` is
 * `bad-credential` or `bad-option`. The message names what is wrong, never a secret.
 */
export class DtlsConfigurationError extends CodedError {
  constructor(code: 'bad-credential' | 'bad-option', message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** A message that is not what its clause says. Before a verified cookie it is dropped, after it answered with `decode_error`. */
export class DecodeError extends CodedError {
  constructor(message: string, options?: ErrorOptions) {
    super('decode-error', message, options)
  }
}

/**
 * Why a handshake failed; stable. What the operator sees, while the other end may see nothing at all
 * (an unknown identity and a wrong key look the same from outside).
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

/** Ends one handshake: with an alert to the peer where there is one, and with a report to the operator. */
export class HandshakeFailure extends CodedError {
  constructor(
    override readonly code: HandshakeFailureCode,
    message: string,
    /** The fatal alert to send; undefined for silence. */
    readonly alert: Alert | undefined,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

/** `send` on an association that ended (`association-ended`), or more bytes than it carries (`datagram-too-large`). */
export class DtlsSendError extends CodedError {
  constructor(code: 'association-ended' | 'datagram-too-large', message: string) {
    super(code, message)
  }
}
