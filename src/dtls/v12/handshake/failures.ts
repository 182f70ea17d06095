import { Alert } from '../../wire/constants'
import { DecodeError, HandshakeFailure } from '../../errors'
import type { Role } from '../../identity'

/** Maximum length of a PSK (LwM2M Core §5.2.2 requires at least 64 bytes). */
export const MAX_PSK = 64

/** @param peer role of the other end */
export function timedOut(peer: Role, state: string): HandshakeFailure {
  return new HandshakeFailure(
    'handshake-timeout',
    `the ${peer} fell silent (state ${state})`,
    undefined,
  )
}

export function unexpectedMessage(type: number, state: string): HandshakeFailure {
  return new HandshakeFailure(
    'unexpected-message',
    `handshake message ${type} in state ${state}`,
    Alert.unexpectedMessage,
  )
}

/** Why there is no usable key: none is known, the lookup failed, or its result is invalid. */
export function pskFailure(psk: Uint8Array | undefined, error: unknown): HandshakeFailure {
  if (error !== undefined) {
    const reason = 'the look-up of its key failed'
    return new HandshakeFailure('credential-error', reason, undefined, { cause: error })
  }
  if (psk !== undefined) {
    const reason = `its key is ${psk.length} bytes long; 1 to ${MAX_PSK} are possible`
    return new HandshakeFailure('credential-error', reason, undefined)
  }
  return new HandshakeFailure('unknown-identity', 'its PSK identity is not known', undefined)
}

/** Converts any thrown value to a handshake failure. */
export function asFailure(error: unknown): HandshakeFailure {
  if (error instanceof HandshakeFailure) return error
  if (error instanceof DecodeError) {
    return new HandshakeFailure('decode-error', error.message, Alert.decodeError, { cause: error })
  }
  const reason = `an error of this end or of its credentials: ${String(error)}`
  return new HandshakeFailure('credential-error', reason, Alert.internalError, { cause: error })
}
