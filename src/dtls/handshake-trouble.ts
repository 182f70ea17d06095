import { HandshakeFailure } from './errors'
import { describeAlert } from './messages/alert'

/** What was noticed on the way but proves nothing by itself. */
export interface HandshakeTrouble {
  /** A record that should have been the client's Finished could not be opened. */
  undecryptable: boolean
  /** An alert in plaintext, which anyone could have sent. */
  alert: number | undefined
}

/**
 * The likeliest reason why a handshake came to nothing, once it did.
 * @param usesPsk whether a key of our list was used
 */
export function explainEnd(
  trouble: HandshakeTrouble,
  usesPsk: boolean,
  otherwise: HandshakeFailure,
): HandshakeFailure {
  if (trouble.undecryptable && usesPsk) {
    return new HandshakeFailure(
      'wrong-key',
      "the client's Finished could not be decrypted: its key is another than the one known here",
      undefined,
    )
  }
  if (trouble.alert !== undefined) {
    return new HandshakeFailure(
      'peer-alert',
      `the client gave up with ${describeAlert(trouble.alert)}`,
      undefined,
    )
  }
  return otherwise
}
