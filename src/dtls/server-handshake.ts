import { randomBytes, timingSafeEqual } from 'node:crypto'
import { ByteReader, OutOfBounds } from '../base/byte-reader'
import type { TimerHandle } from '../base/clock'
import { Association, type LastFlight } from './association'
import type { RecordCipher } from './ciphers'
import {
  type AcceptedClient,
  checkPossession,
  claimedKey,
  type ClaimedKey,
} from './client-authentication'
import { Alert, AlertLevel, ContentType, HandshakeType } from './constants'
import { EarlyRecords } from './early-records'
import { DecodeError, HandshakeFailure } from './errors'
import { FlightSender } from './flight-sender'
import type { HandshakeHost } from './handshake-host'
import { HandshakeSecrets } from './handshake-secrets'
import { explainEnd, type HandshakeTrouble } from './handshake-trouble'
import type { DtlsIdentity, RemoteAddress } from './identity'
import { createKeyAgreement, type KeyAgreement } from './key-agreement'
import { pskPremaster, VERIFY_DATA_LENGTH } from './key-schedule'
import type { LookupTicket } from './lookup-gate'
import { buildAlert, parseAlert } from './messages/alert'
import { parseCertificateVerify } from './messages/certificate-verify'
import type { ClientHello } from './messages/client-hello'
import { parseClientKeyExchange } from './messages/client-key-exchange'
import { readFragment } from './messages/handshake-header'
import type { Negotiated } from './negotiation'
import { type HandshakeMessage, Reassembly } from './reassembly'
import { NO_CONNECTION_ID, openRecord, plainRecord, type RawRecord } from './record'
import { ReplayWindow } from './replay'
import { credentialCheck, isSessionAccepted, resumable } from './resumption'
import { addKeyExchange, FlightBuilder, serverHello, serverRandom } from './server-flights'
import type { DtlsSession } from './session'

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

/** The longest PSK (LwM2M Core §5.2.2 wants at least 64 bytes). */
const MAX_PSK = 64

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
export class ServerHandshake {
  /** Who the client says it is; proven only in the association. */
  claimed: DtlsIdentity | undefined
  readonly clientRandom: Uint8Array
  /** Records of epoch 1 carry this when Connection IDs were agreed on. */
  connectionId: Uint8Array | undefined

  private state: State = 'new'
  private negotiated: Negotiated
  private secrets: HandshakeSecrets
  private readonly sender: FlightSender
  private readonly reassembly: Reassembly
  private readonly early = new EarlyRecords()
  private readonly window = new ReplayWindow()
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
    readonly remote: RemoteAddress,
    private readonly verified: VerifiedHello,
    negotiated: Negotiated,
  ) {
    const { hello, message, recordSequence } = verified
    const { clock, settings } = host
    this.negotiated = negotiated
    this.clientRandom = new Uint8Array(hello.random)
    this.secrets = new HandshakeSecrets(this.clientRandom, serverRandom(), negotiated)
    this.reassembly = new Reassembly(message.messageSeq + 1)
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
        () => isSessionAccepted(session, credentials, this.remote),
        (accepted) => {
          if (accepted) return this.beginAbbreviated(session, negotiated)
          this.host.sessions.remove(session.id)
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

  /** A record of epoch 0: handshake message, ChangeCipherSpec or alert. */
  receivePlain(record: RawRecord): void {
    if (this.state === 'over') return
    if (record.type === ContentType.alert) {
      // Not authenticated: worth telling the operator, not worth ending anything.
      this.trouble.alert ??= parseAlert(record.fragment)?.description
    } else if (record.type === ContentType.changeCipherSpec) {
      if (this.lookup !== undefined) this.hold(record)
      else this.onChangeCipherSpec(record.fragment)
    } else {
      this.guard(() => this.onFragments(record.fragment, 0))
    }
  }

  /** A record of epoch 1, which may have come too early. */
  receiveProtected(record: RawRecord): void {
    if (this.state === 'over') return
    const { cipher } = this
    if (this.state !== 'wait-finished' || cipher === undefined) return this.hold(record)
    if (this.connectionId !== undefined && record.type !== ContentType.tls12Cid) {
      return this.host.dropped('connection-id-missing')
    }
    if (!this.window.isFresh(record.sequence)) return this.host.dropped('replayed')
    const opened = openRecord(cipher, record)
    if (opened === undefined) {
      if (record.type !== ContentType.applicationData) this.trouble.undecryptable = true
      return this.host.dropped('forged')
    }
    // Application data waits for Finished; it is opened again then, so it is not marked now.
    if (opened.type === ContentType.applicationData) return this.hold(record)
    this.window.mark(record.sequence)
    if (opened.type === ContentType.handshake) {
      this.guard(() => this.onFragments(opened.content, 1))
    } else if (opened.type === ContentType.alert) {
      this.trouble.alert = parseAlert(opened.content)?.description
      this.giveUp(new HandshakeFailure('peer-alert', 'the client gave up', undefined))
    } else {
      this.host.dropped('unexpected')
    }
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
    this.state =
      suite.keyExchange === 'ecdhe-ecdsa' ? 'wait-certificate' : 'wait-client-key-exchange'
    this.sendFlight(flight)
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
    this.state = 'wait-change-cipher-spec'
    this.sendFlight(flight)
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

  private onFragments(content: Uint8Array, epoch: 0 | 1): void {
    const reader = new ByteReader(content)
    do {
      let fragment
      try {
        fragment = readFragment(reader)
      } catch (error) {
        if (!(error instanceof OutOfBounds)) throw error
        return this.host.dropped('malformed')
      }
      // Finished is the one protected message; nothing in plaintext may come in its place.
      const isFinished = fragment.type === HandshakeType.finished
      if (isFinished !== (epoch === 1) || (epoch === 0 && this.state === 'wait-finished')) {
        this.host.dropped(epoch === 0 ? 'plaintext' : 'unexpected')
        continue
      }
      const outcome = this.reassembly.add(fragment)
      if (outcome === 'malformed') this.host.dropped('malformed')
      else if (outcome === 'too-far' || outcome === 'too-large') {
        this.host.dropped('reassembly-limit')
      }
    } while (reader.remaining > 0)
    this.advance()
  }

  /** Handles messages as far as they are whole, in order, and no look-up is under way. */
  private advance(): void {
    while (this.lookup === undefined && this.state !== 'over') {
      if (this.state === 'wait-change-cipher-spec') return
      const message = this.reassembly.take()
      if (message === undefined) return
      if (message.type !== EXPECTED[this.state]) {
        throw new HandshakeFailure(
          'unexpected-message',
          `handshake message ${message.type} in state ${this.state}`,
          Alert.unexpectedMessage,
        )
      }
      this.handle(message)
    }
  }

  private handle(message: HandshakeMessage): void {
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

  private onCertificate(message: HandshakeMessage): void {
    const type = this.negotiated.clientCertificateType
    this.claim = claimedKey(type, message.body, this.host.settings.maxChainLength)
    this.claimed = this.claim.identity
    this.secrets.transcript.add(message)
    this.state = 'wait-client-key-exchange'
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
      this.state = 'wait-certificate-verify'
      return
    }
    // Both copied: a view would pin its datagram.
    const name = new Uint8Array(identity)
    this.claimed = { kind: 'psk', identity: name }
    this.await(
      async () => this.host.credentials.psk?.(name, this.remote),
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
    this.state = 'wait-change-cipher-spec'
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
      () => claim.accept(credentials, this.remote, clock.now()),
      (accepted) => {
        this.accepted = accepted
        this.state = 'wait-change-cipher-spec'
      },
    )
  }

  private onChangeCipherSpec(fragment: Uint8Array): void {
    // Early or again: it says nothing that Finished would not prove.
    if (this.state !== 'wait-change-cipher-spec' || fragment.length !== 1 || fragment[0] !== 1) {
      return this.host.dropped('unexpected')
    }
    this.state = 'wait-finished'
    // What was sent ahead of Finished in plaintext is not the client's Finished.
    this.reassembly.forget()
    this.releaseEarly()
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
      verifyData: new Uint8Array(verify),
      plainSequence: this.sender.plainSequence,
      sentAt: this.host.clock.monotonic(),
    }
  }

  private complete(
    accepted: AcceptedClient,
    cipher: RecordCipher,
    lastFlight: LastFlight | undefined,
  ): void {
    const { host, negotiated, session } = this
    const { identity } = accepted
    if (session !== undefined) host.sessions.touch(session)
    else if (this.sessionId.length > 0) {
      host.sessions.add({
        id: this.sessionId,
        masterSecret: new Uint8Array(this.secrets.masterSecret),
        suite: negotiated.suite.number,
        identity,
        credentialCheck: this.check,
        trusted: accepted.trusted,
        expiresAt: Math.min(host.clock.now() + host.settings.sessionLifetime, accepted.validUntil),
      })
    }
    const association = new Association({
      remote: this.remote,
      identity,
      cipher,
      window: this.window,
      ownConnectionId: this.connectionId,
      peerConnectionId: negotiated.peerConnectionId ?? NO_CONNECTION_ID,
      writeSequence: this.sender.protectedSequence,
      sendLimit: negotiated.sendLimit,
      suite: negotiated.suite.number,
      sessionId: this.sessionId,
      resumed: session !== undefined,
      helloMark: helloMark(this.clientRandom),
      lastFlight,
    })
    const early = this.early.take()
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
    const goOn = (step: () => void): void => {
      if (this.state === 'over') return
      ticket?.release()
      this.lookup = undefined
      this.guard(() => {
        step()
        this.advance()
      })
      this.releaseEarly()
    }
    const ticket: LookupTicket | undefined = this.host.lookups.enter(() => {
      start().then(
        (value) => goOn(() => onValue(value)),
        (error: unknown) => goOn(() => onError(error)),
      )
    })
    this.lookup = ticket
  }

  private hold(record: RawRecord): void {
    if (!this.early.hold(record)) this.host.dropped('early-limit')
  }

  private releaseEarly(): void {
    for (const record of this.early.take()) {
      if (record.epoch === 0) this.receivePlain(record)
      else this.receiveProtected(record)
    }
  }

  /** Whatever goes wrong ends this handshake only. */
  private guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(asFailure(error))
      if (!(error instanceof HandshakeFailure || error instanceof DecodeError)) {
        this.host.dropped('internal-error')
      }
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
    this.host.clock.clearTimeout(this.deadline)
    this.sender.stop()
    this.secrets.erase()
    this.lookup?.release()
    this.lookup = undefined
    this.agreement = undefined
  }
}

/** 48 bits of the client's random: enough to know a repeated hello by. */
export function helloMark(random: Uint8Array): number {
  return Buffer.from(random).readUIntBE(26, 6)
}

function timedOut(state: State): HandshakeFailure {
  return new HandshakeFailure(
    'handshake-timeout',
    `the client fell silent (state ${state})`,
    undefined,
  )
}

function pskFailure(psk: Uint8Array | undefined, error: unknown): HandshakeFailure {
  if (error !== undefined) {
    return new HandshakeFailure('credential-error', 'the look-up of its key failed', undefined, {
      cause: error,
    })
  }
  if (psk !== undefined) {
    const reason = `its key is ${psk.length} bytes long; 1 to ${MAX_PSK} are possible`
    return new HandshakeFailure('credential-error', reason, undefined)
  }
  return new HandshakeFailure('unknown-identity', 'its PSK identity is not known', undefined)
}

function asFailure(error: unknown): HandshakeFailure {
  if (error instanceof HandshakeFailure) return error
  if (error instanceof DecodeError) {
    return new HandshakeFailure('decode-error', error.message, Alert.decodeError, { cause: error })
  }
  const reason = 'an error of the server or of its credentials'
  return new HandshakeFailure('credential-error', reason, Alert.internalError, { cause: error })
}
