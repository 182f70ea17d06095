import { Association, type LastFlight } from '../../associations/association'
import type { RecordCipher } from '../../ciphers'
import type { DtlsIdentity, Role, WireAddress } from '../../identity'
import { NO_CONNECTION_ID } from '../../records/record'
import type { ReplayWindow } from '../../records/replay'

/** The result of a successful handshake of either role. */
export interface HandshakeOutcome {
  /** Our role. */
  readonly role: Role
  readonly remote: WireAddress
  readonly negotiated: {
    readonly suite: { readonly number: number }
    readonly peerConnectionId: Uint8Array | undefined
    readonly sendLimit: number
  }
  readonly identity: DtlsIdentity
  readonly cipher: RecordCipher
  readonly window: ReplayWindow
  readonly connectionIdKey: string | undefined
  readonly writeSequence: number
  readonly clientRandom: Uint8Array
  readonly resumed: boolean
  /** The session's key in the cache; empty if it cannot be resumed. */
  readonly sessionKey: string
  readonly lastFlight: LastFlight | undefined
}

/** 48 bits of the client's random: enough to recognize a repeated hello. */
export function helloMark(random: Uint8Array): number {
  return Buffer.from(random).readUIntBE(26, 6)
}

export function toAssociation(outcome: HandshakeOutcome): Association {
  const { negotiated, clientRandom, ...rest } = outcome
  return new Association({
    ...rest,
    peerConnectionId: negotiated.peerConnectionId ?? NO_CONNECTION_ID,
    sendLimit: negotiated.sendLimit,
    suite: negotiated.suite.number,
    helloMark: helloMark(clientRandom),
  })
}
