import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { TimerHandle } from '../base/clock'
import { unmapped } from './address'
import type { LastFlight } from './association'
import type { RecordCipher } from './ciphers'
import {
  type AcceptedClient,
  checkPossession,
  claimedKey,
  type ClaimedKey,
} from './client-authentication'
import { Alert, AlertLevel, ContentType, HandshakeType } from './constants'
import { HandshakeFailure } from './errors'
import { FlightSender } from './flight-sender'
import type { HandshakeHost } from './handshake-host'
import { conclude } from './handshake-outcome'
import { HandshakeInbox, type InboxListener } from './handshake-inbox'
import { HandshakeSecrets } from './handshake-secrets'
import {
  asFailure,
  explainEnd,
  type HandshakeTrouble,
  MAX_PSK,
  pskFailure,
  timedOut,
  unexpectedMessage,
} from './handshake-failures'
import type { DropReason } from './counters'
import type { DtlsIdentity, RemoteAddress, WireAddress } from './identity'
import { createKeyAgreement, type KeyAgreement } from './key-agreement'
import { pskPremaster, VERIFY_DATA_LENGTH } from './key-schedule'
import type { LookupTicket } from './lookup-gate'
import { buildAlert } from './messages/alert'
import { parseCertificateVerify } from './messages/certificate-verify'
import type { ClientHello } from './messages/client-hello'
import { parseClientKeyExchange } from './messages/client-key-exchange'
import type { Negotiated } from './negotiation'
import type { HandshakeMessage } from './reassembly'
import { NO_CONNECTION_ID, plainRecord, type RawRecord } from './record'
import { credentialCheck, isSessionAccepted, resumable } from './resumption'
import { addKeyExchange, FlightBuilder, serverHello, serverRandom } from './server-flights'
import type { DtlsSession } from './session'
import { bytesKey } from './session-cache'

type State =
  | 'new'
  | 'wait-certificate'
  | 'wait-client-key-exchange'
  | 'wait-certificate-verify'
  | 'wait-change-cipher-spec'
  | 'wait-finished'
  | 'over'

/** The one handshake message that each state takes (RFC 5246 §7.3); any other ends the handshake. */
const EXPECTED: { readonly [state in State]?: number } = {
  'wait-certificate': HandshakeType.certificate,
  'wait-client-key-exchange': HandshakeType.clientKeyExchange,
  'wait-certificate-verify': HandshakeType.certificateVerify,
  'wait-finished': HandshakeType.finished,
}

/** The hello with a right cookie that a handshake begins with. */
export interface VerifiedHello {
  readonly hello: ClientHello
  readonly message: HandshakeMessage
  readonly recordSequence: number
}

/**
 * One handshake, from a hello whose cookie was right to the client's Finished or the deadline. It is
 * apart from any association that lives at the same address (RFC 6347 §4.2.8).
 */
export class ServerHandshake implements InboxListener {
  /** Who the client says it is; proven only in the association. */
  claimed: DtlsIdentity | undefined
  readonly clientRandom: Uint8Array
  /** Records of epoch 1 carry this when Connection IDs were agreed on. */
  connectionId: Uint8Array | undefined

  /** For look-ups: where the client is, as people write it. */
  private readonly client: RemoteAddress
  private state: State = 'new'
  private negotiated: Negotiated
  private secrets: HandshakeSecrets
  private readonly sender: FlightSender
  private readonly inbox: HandshakeInbox
  private readonly trouble: HandshakeTrouble = { undecryptable: false, alert: undefined }
  private readonly deadline: TimerHandle
  /** The message_seq of our next message. */
  private nextSeq: number
  private agreement: KeyAgreement | undefined
  private cipher: RecordCipher | undefined
  private claim: ClaimedKey | undefined
  private accepted: AcceptedClient | undefined
  private check: Uint8Array = NO_CONNECTION_ID
  /** Set when an old session is resumed. */
  private session: DtlsSession | undefined
  private sessionId: Uint8Array = NO_CONNECTION_ID
  private lookup: LookupTicket | undefined
  private reported = false

  constructor(
    private readonly host: HandshakeHost,
    readonly remote: WireAddress,
    private readonly verified: VerifiedHello,
    negotiated: Negotiated,
  ) {
    const { hello, message, recordSequence } = verified
    const { clock, settings } = host
    this.client = { address: unmapped(remote.wireAddress), port: remote.port }
    this.negotiated = negotiated
    this.clientRandom = new Uint8Array(hello.random)
    this.secrets = new HandshakeSecrets(this.clientRandom, serverRandom(), negotiated)
    this.inbox = new HandshakeInbox(message.messageSeq + 1, this)
    this.nextSeq = message.messageSeq
    this.sender = new FlightSender(
      clock,
      settings,
      negotiated.sendLimit,
      recordSequence,
      (datagram) => host.output(datagram, remote),
      () => host.retransmitted(),
    )
    this.deadline = clock.setTimeout(
      () => this.giveUp(timedOut(this.state)),
      settings.handshakeTimeout,
    )
  }

  /** Answers the hello: by resuming the session it names, or in full. */
  begin(): void {
    this.guard(() => {
      const { hello } = this.verified
      const session = this.host.sessions.find(hello.sessionId)
      const negotiated = session && resumable(session, hello, this.negotiated, this.host.settings)
      if (session === undefined || negotiated === undefined) return this.beginFull()
      this.claimed = session.identity
      const { credentials } = this.host
      this.await(
        () => isSessionAccepted(session, credentials, this.client),
        (accepted) => {
          if (accepted) return this.beginAbbreviated(session, negotiated)
          this.host.sessions.remove(bytesKey(session.id))
          this.claimed = undefined
          this.beginFull()
        },
      )
    })
  }

  /** The client repeats its hello: our flight was lost. */
  repeatFlight(): void {
    this.sender.repeat()
  }

  /** A record that is not a hello, of epoch 0 or 1. */
  receive(record: RawRecord): void {
    if (this.state !== 'over') this.guard(() => this.inbox.receive(record))
  }

  /** The key that records with our Connection ID are found by. */
  get connectionIdKey(): string | undefined {
    return this.connectionId && bytesKey(this.connectionId)
  }

  /** Ends the handshake without a word to the client. */
  giveUp(otherwise: HandshakeFailure): void {
    if (this.state === 'over') return
    const usesPsk = this.claimed?.kind === 'psk'
    this.report(explainEnd(this.trouble, usesPsk, otherwise))
    this.finish()
    this.host.ended(this)
  }

  private beginFull(): void {
    const { host, negotiated, secrets } = this
    const { extendedMasterSecret, group, suite } = negotiated
    // Without extended master secret a session must not be resumed (RFC 7627 §5.4).
    const keeps = extendedMasterSecret && host.settings.maxSessions > 0
    this.sessionId = keeps ? new Uint8Array(randomBytes(32)) : NO_CONNECTION_ID
    if (group !== undefined) this.agreement = createKeyAgreement(group)
    const flight = this.beginFlight()
    addKeyExchange(flight, negotiated, this.agreement, secrets.randoms, host.credentials)
    this.sendFlight(flight)
    const certificates = suite.keyExchange === 'ecdhe-ecdsa'
    this.enter(certificates ? 'wait-certificate' : 'wait-client-key-exchange')
  }

  private beginAbbreviated(session: DtlsSession, negotiated: Negotiated): void {
    this.session = session
    this.sessionId = session.id
    this.negotiated = negotiated
    this.secrets = new HandshakeSecrets(this.clientRandom, serverRandom(), negotiated)
    this.secrets.resume(session.masterSecret)
    this.accepted = { identity: session.identity, trusted: session.trusted, validUntil: Infinity }
    this.check = session.credentialCheck
    const flight = this.beginFlight()
    this.protect()
    flight.changeCipherSpec().message(1, HandshakeType.finished, this.secrets.verifyData('server'))
    this.sendFlight(flight)
    this.enter('wait-change-cipher-spec')
  }

  /** ClientHello into the transcript, ServerHello into a flight. */
  private beginFlight(): FlightBuilder {
    const { host, negotiated, secrets } = this
    if (negotiated.peerConnectionId !== undefined) {
      this.connectionId = host.allocateConnectionId(this)
    }
    const { transcript } = secrets
    transcript.add(this.verified.message)
    const hello = serverHello(negotiated, secrets.serverRandom, this.sessionId, this.connectionId)
    return new FlightBuilder(this.nextSeq, (message) => transcript.add(message)).message(
      0,
      HandshakeType.serverHello,
      hello,
    )
  }

  private sendFlight(flight: FlightBuilder): void {
    this.nextSeq = flight.messageSeq
    this.sender.send(flight.items)
  }

  private protect(): void {
    this.cipher = this.secrets.createCipher()
    this.sender.protect(this.cipher, this.negotiated.peerConnectionId ?? NO_CONNECTION_ID)
  }

  /** @internal */
  onMessage(message: HandshakeMessage): void {
    if (message.type !== EXPECTED[this.state]) throw unexpectedMessage(message.type, this.state)
    switch (this.state) {
      case 'wait-certificate':
        return this.onCertificate(message)
      case 'wait-client-key-exchange':
        return this.onClientKeyExchange(message)
      case 'wait-certificate-verify':
        return this.onCertificateVerify(message)
      default:
        return this.onFinished(message)
    }
  }

  /** @internal */
  onChangeCipherSpec(): void {
    this.enter('wait-finished')
  }

  /** @internal Worth telling the operator, not worth ending anything. */
  onPlainAlert(description: number): void {
    this.trouble.alert ??= description
  }

  /** @internal */
  onProtectedAlert(description: number): void {
    this.trouble.alert = description
    this.giveUp(timedOut(this.state))
  }

  /** @internal */
  onUndecryptable(): void {
    this.trouble.undecryptable = true
  }

  /** @internal */
  dropped(reason: DropReason): void {
    this.host.dropped(reason)
  }

  /** Goes to a state, and tells the inbox what it takes. */
  private enter(state: State): void {
    this.state = state
    const { cipher } = this
    if (state === 'wait-change-cipher-spec') this.inbox.expect({ kind: 'change-cipher-spec' })
    else if (state !== 'wait-finished') this.inbox.expect({ kind: 'messages' })
    else if (cipher !== undefined) {
      const connectionId = this.connectionId !== undefined
      this.inbox.expect({ kind: 'finished', cipher, connectionId })
    }
  }

  private onCertificate(message: HandshakeMessage): void {
    const type = this.negotiated.clientCertificateType
    this.claim = claimedKey(type, message.body, this.host.settings.maxChainLength)
    this.claimed = this.claim.identity
    this.secrets.transcript.add(message)
    this.enter('wait-client-key-exchange')
  }

  private onClientKeyExchange(message: HandshakeMessage): void {
    const { keyExchange } = this.negotiated.suite
    const { identity, point } = parseClientKeyExchange(keyExchange, message.body)
    const shared = point && this.agreement?.agree(point)
    this.agreement = undefined
    this.secrets.transcript.add(message)
    if (identity === undefined) {
      if (shared === undefined) throw new RangeError('no key exchange')
      this.derive(shared)
      this.enter('wait-certificate-verify')
      return
    }
    // Both copied: a view would pin its datagram.
    const name = new Uint8Array(identity)
    this.claimed = { kind: 'psk', identity: name }
    this.await(
      async () => this.host.credentials.psk?.(name, this.client),
      (psk) => this.onPsk(name, psk, shared),
      (error) => this.onPsk(name, undefined, shared, error),
    )
  }

  /**
   * An unknown identity gets a random key: from outside it looks like a wrong one, silence (RFC 4279
   * §2 leaves the choice).
   */
  private onPsk(
    identity: Uint8Array,
    psk: Uint8Array | undefined,
    shared: Uint8Array | undefined,
    error?: unknown,
  ): void {
    const known = psk !== undefined && psk.length > 0 && psk.length <= MAX_PSK
    if (!known) this.report(pskFailure(psk, error))
    const key = known ? psk : randomBytes(16)
    this.derive(pskPremaster(key, shared))
    shared?.fill(0)
    this.check = credentialCheck(this.secrets.masterSecret, key)
    this.accepted = { identity: { kind: 'psk', identity }, trusted: false, validUntil: Infinity }
    this.enter('wait-change-cipher-spec')
  }

  private derive(premaster: Uint8Array): void {
    this.secrets.derive(premaster)
    this.protect()
  }

  private onCertificateVerify(message: HandshakeMessage): void {
    const { claim } = this
    if (claim === undefined) throw new RangeError('no certificate')
    const signed = this.secrets.transcript.takeMessages()
    checkPossession(claim.key, parseCertificateVerify(message.body), signed)
    this.secrets.transcript.add(message)
    const { credentials, clock } = this.host
    this.await(
      () => claim.accept(credentials, this.client, clock.now()),
      (accepted) => {
        this.accepted = accepted
        this.enter('wait-change-cipher-spec')
      },
    )
  }

  private onFinished({ type, messageSeq, body }: HandshakeMessage): void {
    const { secrets, accepted, cipher } = this
    if (accepted === undefined || cipher === undefined) throw new RangeError('not authenticated')
    const expected = secrets.verifyData('client')
    if (body.length !== VERIFY_DATA_LENGTH || !timingSafeEqual(body, expected)) {
      throw new HandshakeFailure(
        'bad-finished',
        "the client's Finished does not fit the handshake: it was tampered with",
        Alert.decryptError,
      )
    }
    let lastFlight: LastFlight | undefined
    if (this.session === undefined) {
      secrets.transcript.add({ type, messageSeq, body })
      lastFlight = this.sendFinished(messageSeq)
    }
    this.complete(accepted, cipher, lastFlight)
  }

  private sendFinished(clientMessageSeq: number): LastFlight {
    const verify = this.secrets.verifyData('server')
    const messageSeq = this.nextSeq
    const flight = new FlightBuilder(messageSeq, () => {})
      .changeCipherSpec()
      .message(1, HandshakeType.finished, verify)
    this.sender.sendLast(flight.items)
    return {
      clientMessageSeq,
      messageSeq,
      verifyData: verify.toString('latin1'),
      plainSequence: this.sender.plainSequence,
      sentAt: this.host.clock.monotonic(),
    }
  }

  private complete(
    accepted: AcceptedClient,
    cipher: RecordCipher,
    lastFlight: LastFlight | undefined,
  ): void {
    const { host, inbox, sender, secrets } = this
    const outcome = {
      remote: this.remote,
      negotiated: this.negotiated,
      accepted,
      cipher,
      window: inbox.window,
      connectionIdKey: this.connectionIdKey,
      writeSequence: sender.protectedSequence,
      clientRandom: this.clientRandom,
      resumed: this.session !== undefined,
      sessionId: this.sessionId,
      masterSecret: secrets.masterSecret,
      credentialCheck: this.check,
      lastFlight,
    }
    const association = conclude(outcome, host)
    const early = inbox.takeEarly()
    this.finish()
    host.established(this, association, early)
  }

  /** Runs a credential look-up when its turn comes, and goes on with its outcome. */
  private await<T>(
    start: () => Promise<T>,
    onValue: (value: T) => void,
    onError: (error: unknown) => void = (error) => {
      throw error
    },
  ): void {
    this.inbox.expect({ kind: 'nothing' })
    const goOn = (step: () => void): void => {
      if (this.state === 'over') return
      this.lookup?.release()
      this.lookup = undefined
      this.guard(step)
    }
    this.lookup = this.host.lookups.enter(() => {
      start().then(
        (value) => goOn(() => onValue(value)),
        (error: unknown) => goOn(() => onError(error)),
      )
    })
  }

  /** Whatever goes wrong ends this handshake only. */
  private guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(asFailure(error))
    }
  }

  private fail(failure: HandshakeFailure): void {
    if (this.state === 'over') return
    const { alert } = failure
    if (alert !== undefined) {
      const body = buildAlert(AlertLevel.fatal, alert)
      const record = plainRecord(ContentType.alert, this.sender.plainSequence++, body)
      this.host.output(record, this.remote)
    }
    this.report(failure)
    this.finish()
    this.host.ended(this)
  }

  private report(failure: HandshakeFailure): void {
    if (this.reported) return
    this.reported = true
    this.host.report(this, failure)
  }

  /** Frees everything. */
  private finish(): void {
    this.state = 'over'
    this.inbox.close()
    this.host.clock.clearTimeout(this.deadline)
    this.sender.stop()
    this.secrets.erase()
    this.lookup?.release()
    this.lookup = undefined
    this.agreement = undefined
  }
}
