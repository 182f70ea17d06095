import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { Timer } from '../../../base/scheduler'
import { unmapped } from '../../../base/ip-address'
import type { LastFlight } from '../../associations/association'
import type { RecordCipher } from '../../ciphers'
import { ClientProof, type ProvenClient, provenBySession } from './client-proof'
import { Alert, HandshakeType } from '../../wire/constants'
import { HandshakeFailure } from '../../errors'
import { FailureReporter } from '../handshake/failure-reporter'
import type { ServerHandshakeHost } from './server-host'
import { conclude } from './outcome'
import { HandshakeInbox, type InboxListener } from '../handshake/inbox'
import { HandshakeSecrets } from '../handshake/secrets'
import { HandshakeSender } from '../handshake/sender'
import { asFailure, timedOut, unexpectedMessage } from '../handshake/failures'
import type { DropReason } from '../../counters'
import type { DtlsIdentity, RemoteAddress, WireAddress } from '../../identity'
import { createKeyAgreement } from '../../key-agreement'
import { VERIFY_DATA_LENGTH } from '../keys/key-schedule'
import { Lookup, type Question } from '../../lookups/lookup'
import type { ClientHello } from '../messages/client-hello'
import type { Negotiated } from './negotiation'
import type { HandshakeMessage } from '../handshake/reassembly'
import { NO_CONNECTION_ID, type RawRecord } from '../../records/record'
import { isSessionAccepted, resumable } from './resumption'
import type { FlightBuilder } from '../handshake/flight-builder'
import { addKeyExchange, serverHello, serverRandom } from './server-flights'
import type { DtlsSession } from '../../sessions/session'
import { bytesKey } from '../../sessions/session-cache'

type State =
  | 'new'
  | 'wait-certificate'
  | 'wait-client-key-exchange'
  | 'wait-certificate-verify'
  | 'wait-change-cipher-spec'
  | 'wait-finished'
  | 'over'

/**
 * The single handshake message expected in each state (RFC 5246 §7.3); any other ends the
 * handshake.
 */
const EXPECTED: { readonly [state in State]?: number } = {
  'wait-certificate': HandshakeType.certificate,
  'wait-client-key-exchange': HandshakeType.clientKeyExchange,
  'wait-certificate-verify': HandshakeType.certificateVerify,
  'wait-finished': HandshakeType.finished,
}

/** The hello with a valid cookie that starts a handshake. */
export interface VerifiedHello {
  readonly hello: ClientHello
  readonly message: HandshakeMessage
  readonly recordSequence: number
}

/**
 * One handshake, from a hello with a valid cookie to the client's Finished or the deadline. It is
 * separate from any association at the same address (RFC 6347 §4.2.8).
 */
export class ServerHandshake implements InboxListener, PendingHandshake {
  readonly clientRandom: Uint8Array
  /** Records of epoch 1 carry this if Connection IDs were negotiated. */
  connectionId: Uint8Array | undefined

  /** The client's address in its display form, for lookups. */
  private readonly client: RemoteAddress
  private state: State = 'new'
  private negotiated: Negotiated
  private secrets: HandshakeSecrets
  private readonly sender: HandshakeSender
  private readonly inbox: HandshakeInbox
  private readonly failures: FailureReporter
  private readonly deadline: Timer
  private cipher: RecordCipher | undefined
  /** Only in a full handshake. */
  private proof: ClientProof | undefined
  /** The session to resume, if its credential is still valid. */
  private session: DtlsSession | undefined
  private sessionId: Uint8Array = NO_CONNECTION_ID
  private readonly lookup: Lookup

  constructor(
    private readonly host: ServerHandshakeHost,
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
    this.inbox = new HandshakeInbox(message.messageSeq + 1, this, 'server')
    const { sendLimit } = negotiated
    this.sender = new HandshakeSender(host, remote, sendLimit, message.messageSeq, recordSequence)
    this.lookup = new Lookup(host.lookups, clock)
    this.failures = new FailureReporter(clock, (failure) => host.report(this, failure))
    const expire = (): void => this.giveUp(timedOut('client', this.state))
    const { handshakeTimeout, crowdedHandshakeTimeout } = settings
    const time = host.isCrowded()
      ? Math.min(handshakeTimeout, crowdedHandshakeTimeout)
      : handshakeTimeout
    this.deadline = clock.after(time, expire)
  }

  /** The identity claimed by the client; not verified before the association is established. */
  get claimed(): DtlsIdentity | undefined {
    return this.session?.identity ?? this.proof?.claimed
  }

  /** Answers the hello: by resuming its session, or with a full handshake. */
  begin(): void {
    this.guard(() => {
      const { hello } = this.verified
      const session = this.host.sessions.find(hello.sessionId)
      const negotiated = session && resumable(session, hello, this.negotiated, this.host.settings)
      if (session === undefined || negotiated === undefined) return this.beginFull()
      this.session = session
      const { credentials, sessions } = this.host
      this.await({
        ask: () => isSessionAccepted(session, credentials, this.client, this.host.clock.now()),
        onAnswer: (accepted) => {
          if (accepted) return this.beginAbbreviated(session, negotiated)
          sessions.remove(bytesKey(session.id))
          this.session = undefined
          this.beginFull()
        },
      })
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

  /** Key by which records with our Connection ID are matched. */
  get connectionIdKey(): string | undefined {
    return this.connectionId && bytesKey(this.connectionId)
  }

  /** Ends the handshake without an alert. */
  giveUp(otherwise: HandshakeFailure): void {
    if (this.state === 'over') return
    this.failures.reportEnd(otherwise)
    this.finish()
    this.host.ended(this)
  }

  private beginFull(): void {
    const { host, negotiated, secrets } = this
    const { extendedMasterSecret, group, suite } = negotiated
    // Without extended master secret a session must not be resumed (RFC 7627 §5.4).
    const keeps = extendedMasterSecret && host.settings.maxSessions > 0
    this.sessionId = keeps ? new Uint8Array(randomBytes(32)) : NO_CONNECTION_ID
    const agreement = group && createKeyAgreement(group)
    const { settings, credentials, clock } = host
    this.proof = new ClientProof({
      settings,
      credentials,
      clock,
      negotiated,
      secrets,
      agreement,
      client: this.client,
      report: (failure) => this.failures.report(failure),
    })
    const flight = this.beginFlight()
    addKeyExchange(flight, negotiated, agreement, secrets.randoms, credentials)
    this.sender.send(flight)
    const certificates = suite.keyExchange === 'ecdhe-ecdsa'
    this.enter(certificates ? 'wait-certificate' : 'wait-client-key-exchange')
  }

  private beginAbbreviated(session: DtlsSession, negotiated: Negotiated): void {
    this.sessionId = session.id
    this.negotiated = negotiated
    this.secrets = new HandshakeSecrets(this.clientRandom, serverRandom(), negotiated)
    this.secrets.resume(session.masterSecret)
    const flight = this.beginFlight()
    this.protect()
    flight.changeCipherSpec().message(1, HandshakeType.finished, this.secrets.verifyData('server'))
    this.sender.send(flight)
    this.enter('wait-change-cipher-spec')
  }

  /** Adds ClientHello to the transcript and ServerHello to a flight. */
  private beginFlight(): FlightBuilder {
    const { host, negotiated, secrets } = this
    if (negotiated.peerConnectionId !== undefined) {
      this.connectionId = host.allocateConnectionId(this)
    }
    const { transcript } = secrets
    transcript.add(this.verified.message)
    const hello = serverHello(negotiated, secrets.serverRandom, this.sessionId, this.connectionId)
    return this.sender
      .compose((message) => transcript.add(message))
      .message(0, HandshakeType.serverHello, hello)
  }

  private protect(): void {
    this.cipher = this.secrets.createCipher('server')
    this.sender.protect(this.cipher, this.negotiated.peerConnectionId ?? NO_CONNECTION_ID)
  }

  /** @internal */
  onMessage(message: HandshakeMessage): void {
    const { state, proof } = this
    if (message.type !== EXPECTED[state]) throw unexpectedMessage(message.type, state)
    if (state === 'wait-finished') return this.onFinished(message)
    if (proof === undefined) throw new RangeError('a full handshake without a proof')
    if (state === 'wait-certificate') {
      proof.onCertificate(message)
      this.enter('wait-client-key-exchange')
    } else if (state === 'wait-client-key-exchange') {
      const question = proof.onClientKeyExchange(message)
      if (question === undefined) this.enterWithKeys('wait-certificate-verify')
      else this.await(question, () => this.enterWithKeys('wait-change-cipher-spec'))
    } else {
      this.await(proof.onCertificateVerify(message), () => this.enter('wait-change-cipher-spec'))
    }
  }

  /** @internal */
  onChangeCipherSpec(): void {
    this.enter('wait-finished')
  }

  /** @internal Reported to the operator, but the handshake continues. */
  onPlainAlert(description: number): void {
    this.failures.notePlainAlert(description)
  }

  /** @internal */
  onProtectedAlert(description: number): void {
    this.failures.noteAlert(description)
    this.giveUp(timedOut('client', this.state))
  }

  /**
   * @internal The keys of a session are known to be right; those of certificates are not our keys.
   */
  onUndecryptable(): void {
    if (this.proof?.claimed?.kind !== 'psk') return
    this.failures.suspectKey(() => this.giveUp(timedOut('client', this.state)))
  }

  /** @internal */
  dropped(reason: DropReason): void {
    this.host.dropped(reason)
  }

  /** Enters a state, and sets what the inbox accepts. */
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

  private enterWithKeys(state: State): void {
    this.protect()
    this.enter(state)
  }

  private onFinished({ type, messageSeq, body }: HandshakeMessage): void {
    const { secrets, session, cipher } = this
    const client = session === undefined ? this.proof?.proven : provenBySession(session)
    if (client === undefined || cipher === undefined) throw new RangeError('not authenticated')
    const expected = secrets.verifyData('client')
    if (body.length !== VERIFY_DATA_LENGTH || !timingSafeEqual(body, expected)) {
      throw new HandshakeFailure(
        'bad-finished',
        "the client's Finished does not fit the handshake: it was tampered with",
        Alert.decryptError,
      )
    }
    let lastFlight: LastFlight | undefined
    if (session === undefined) {
      secrets.transcript.add({ type, messageSeq, body })
      lastFlight = this.sender.sendFinished(secrets.verifyData('server'), messageSeq)
    }
    this.complete(client, cipher, lastFlight)
  }

  private complete(
    client: ProvenClient,
    cipher: RecordCipher,
    lastFlight: LastFlight | undefined,
  ): void {
    const { host, inbox, sender, secrets } = this
    const outcome = {
      remote: this.remote,
      negotiated: this.negotiated,
      client,
      cipher,
      window: inbox.window,
      connectionIdKey: this.connectionIdKey,
      writeSequence: sender.protectedSequence,
      clientRandom: this.clientRandom,
      resumed: this.session !== undefined,
      sessionId: this.sessionId,
      masterSecret: secrets.masterSecret,
      lastFlight,
    }
    const association = conclude(outcome, host)
    const early = inbox.takeEarly()
    this.finish()
    host.established(this, association, early)
  }

  /** Accepts nothing until a lookup has ended, and continues then. */
  private await<T>(question: Question<T>, next: () => void = () => {}): void {
    this.inbox.expect({ kind: 'nothing' })
    this.lookup.put(question, (step) =>
      this.guard(() => {
        step()
        next()
      }),
    )
  }

  /** An error ends only this handshake. */
  private guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(asFailure(error))
    }
  }

  private fail(failure: HandshakeFailure): void {
    if (this.state === 'over') return
    if (failure.alert !== undefined) this.sender.alert(failure.alert)
    this.failures.report(failure)
    this.finish()
    this.host.ended(this)
  }

  /** Releases everything. */
  private finish(): void {
    this.state = 'over'
    this.inbox.close()
    this.failures.close()
    this.host.clock.cancel(this.deadline)
    this.sender.stop()
    this.secrets.erase()
    this.lookup.release()
  }
}
