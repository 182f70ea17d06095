import { timingSafeEqual } from 'node:crypto'
import type { Timer } from '../../../base/scheduler'
import { unmapped } from '../../../base/ip-address'
import type { Association, LastFlight } from '../../associations/association'
import type { PendingHandshake } from '../../associations/pending-handshake'
import type { RecordCipher } from '../../ciphers'
import type { ConnectOptions } from '../../client-credentials'
import type { DropReason } from '../../counters'
import { HandshakeFailure } from '../../errors'
import type { DtlsIdentity, RemoteAddress, WireAddress } from '../../identity'
import { Lookup } from '../../lookups/lookup'
import { NO_CONNECTION_ID, type RawRecord } from '../../records/record'
import { bytesKey } from '../../sessions/session-cache'
import type { DtlsSession } from '../../sessions/session'
import { Alert, HandshakeType, MAX_PLAINTEXT } from '../../wire/constants'
import { FailureReporter } from '../handshake/failure-reporter'
import { asFailure, timedOut, unexpectedMessage } from '../handshake/failures'
import { HandshakeInbox, type InboxListener } from '../handshake/inbox'
import { toAssociation } from '../handshake/outcome'
import type { AcceptedPeer } from '../handshake/peer-authentication'
import type { HandshakeMessage } from '../handshake/reassembly'
import { HandshakeSecrets } from '../handshake/secrets'
import { HandshakeSender } from '../handshake/sender'
import { VERIFY_DATA_LENGTH } from '../keys/key-schedule'
import { type CertificateRequest, parseCertificateRequest } from '../messages/certificate-request'
import { buildClientHello } from '../messages/client-hello'
import { parseHelloVerifyRequest } from '../messages/hello-verify-request'
import { parseServerHello } from '../messages/server-hello'
import { type Chosen, checkAnswer } from './answer'
import { addClientKeys } from './client-flight'
import type { ClientHandshakeHost } from './client-host'
import { type ClientOffer, makeOffer } from './offer'
import { ServerProof } from './server-proof'

type State =
  | 'wait-server-hello'
  | 'wait-certificate'
  | 'wait-server-key-exchange'
  /** A PSK without ECDHE: ServerKeyExchange, which contains only a hint, may be omitted. */
  | 'wait-hint'
  | 'wait-certificate-request'
  | 'wait-server-hello-done'
  | 'wait-change-cipher-spec'
  | 'wait-finished'
  | 'over'

const { helloVerifyRequest, serverHello, certificate, serverKeyExchange } = HandshakeType
const { certificateRequest, serverHelloDone, finished } = HandshakeType

/** The handshake messages expected in each state (RFC 5246 §7.3); any other ends the handshake. */
const EXPECTED: { readonly [state in State]: readonly number[] } = {
  'wait-server-hello': [helloVerifyRequest, serverHello],
  'wait-certificate': [certificate],
  'wait-server-key-exchange': [serverKeyExchange],
  'wait-hint': [serverKeyExchange, serverHelloDone],
  'wait-certificate-request': [certificateRequest, serverHelloDone],
  'wait-server-hello-done': [serverHelloDone],
  'wait-change-cipher-spec': [],
  'wait-finished': [finished],
  over: [],
}

/** Limit for a server that requests a cookie again and again. */
const MOST_COOKIES = 3
/** Time in ms to continue after a plaintext alert, which may be forged. */
const PATIENCE = 1000

/**
 * One handshake in the client role, from the first hello to the server's Finished or the deadline.
 */
export class ClientHandshake implements InboxListener, PendingHandshake {
  private readonly server: RemoteAddress
  private state: State = 'wait-server-hello'
  private readonly offer: ClientOffer
  private readonly sender: HandshakeSender
  private readonly inbox: HandshakeInbox
  private readonly failures: FailureReporter
  private readonly deadline: Timer
  private readonly lookup: Lookup
  private patience: Timer | undefined
  private connectionId: Uint8Array | undefined
  private cookies = 0
  /** The last one, with its message_seq: the transcript begins with it. */
  private hello: HandshakeMessage | undefined
  private chosen: Chosen | undefined
  private secrets: HandshakeSecrets | undefined
  private proof: ServerProof | undefined
  private request: CertificateRequest | undefined
  private accepted: AcceptedPeer | undefined
  private sessionId: Uint8Array = NO_CONNECTION_ID
  private cipher: RecordCipher | undefined

  /** @throws HandshakeFailure `no-common-suite` */
  constructor(
    private readonly host: ClientHandshakeHost,
    readonly remote: WireAddress,
    private readonly options: ConnectOptions,
    session: DtlsSession | undefined,
  ) {
    const { clock, settings } = host
    const { connectionId = 'off', timeout = settings.handshakeTimeout } = options
    this.server = { address: unmapped(remote.wireAddress), port: remote.port }
    if (connectionId === 'both' && settings.connectionIdLength > 0) {
      this.connectionId = host.allocateConnectionId(this)
    }
    const offered = connectionId === 'off' ? undefined : (this.connectionId ?? NO_CONNECTION_ID)
    this.offer = makeOffer(options, settings, session, offered)
    this.inbox = new HandshakeInbox(0, this, 'client')
    this.sender = new HandshakeSender(host, remote, MAX_PLAINTEXT, 0, 0)
    this.lookup = new Lookup(host.lookups, clock)
    const tell = (failure: HandshakeFailure): void => host.report(this, failure)
    this.failures = new FailureReporter(clock, tell, 'server')
    const expire = (): void => this.giveUp(timedOut('server', this.state))
    this.deadline = clock.after(timeout, expire)
  }

  get clientRandom(): Uint8Array {
    return this.offer.random
  }

  get claimed(): DtlsIdentity | undefined {
    return this.offer.session?.identity ?? this.proof?.claimed
  }

  get connectionIdKey(): string | undefined {
    return this.connectionId && bytesKey(this.connectionId)
  }

  begin(): void {
    this.guard(() => {
      this.sendHello(NO_CONNECTION_ID)
      this.enter('wait-server-hello')
    })
  }

  receive(record: RawRecord): void {
    if (this.state !== 'over') this.guard(() => this.inbox.receive(record))
  }

  /** Hellos are sent by the client only. */
  repeatFlight(): void {}

  giveUp(otherwise: HandshakeFailure): void {
    if (this.state === 'over') return
    this.failures.reportEnd(otherwise)
    this.finish()
    this.host.ended(this)
  }

  private sendHello(cookie: Uint8Array): void {
    const { random, session, suites, extensions } = this.offer
    const body = buildClientHello({
      random,
      cookie,
      extensions,
      sessionId: session?.id ?? NO_CONNECTION_ID,
      suites: suites.map(({ number }) => number),
    })
    const flight = this.sender.compose((message) => (this.hello = message))
    this.sender.send(flight.message(0, HandshakeType.clientHello, new Uint8Array(body)))
  }

  /** @internal */
  onMessage(message: HandshakeMessage): void {
    const { state } = this
    if (!EXPECTED[state].includes(message.type)) throw unexpectedMessage(message.type, state)
    this.calm()
    switch (message.type) {
      case helloVerifyRequest:
        return this.onHelloVerifyRequest(message)
      case serverHello:
        return this.onServerHello(message)
      case finished:
        return this.onFinished(message)
    }
    const { secrets, proof } = this
    if (secrets === undefined || proof === undefined) throw new RangeError('no ServerHello')
    secrets.transcript.add(message)
    switch (message.type) {
      case certificate:
        proof.onCertificate(message, this.host.settings.maxChainLength)
        return this.enter('wait-server-key-exchange')
      case serverKeyExchange:
        proof.onServerKeyExchange(message)
        return this.enter(
          this.chosen?.suite.keyExchange === 'ecdhe-ecdsa'
            ? 'wait-certificate-request'
            : 'wait-server-hello-done',
        )
      case certificateRequest:
        this.request = parseCertificateRequest(message.body)
        return this.enter('wait-server-hello-done')
      default:
        return this.onServerHelloDone(message, proof)
    }
  }

  private onHelloVerifyRequest({ body }: HandshakeMessage): void {
    if (++this.cookies > MOST_COOKIES) throw unexpectedMessage(helloVerifyRequest, this.state)
    this.sendHello(new Uint8Array(parseHelloVerifyRequest(body)))
  }

  private onServerHello(message: HandshakeMessage): void {
    const { host, offer, hello } = this
    const answer = parseServerHello(message.body)
    const chosen = checkAnswer(answer, offer, host.settings)
    this.chosen = chosen
    this.sessionId = new Uint8Array(answer.sessionId)
    if (chosen.peerConnectionId === undefined) this.releaseConnectionId()
    const secrets = new HandshakeSecrets(offer.random, new Uint8Array(answer.random), chosen)
    this.secrets = secrets
    if (hello === undefined) throw new RangeError('no ClientHello')
    secrets.transcript.add(hello)
    secrets.transcript.add(message)
    this.sender.limit(chosen.sendLimit)
    if (chosen.resumed && offer.session !== undefined) {
      secrets.resume(offer.session.masterSecret)
      this.protect(chosen, secrets)
      return this.enter('wait-change-cipher-spec')
    }
    this.proof = new ServerProof(chosen, this.options.credentials, secrets)
    const { keyExchange } = chosen.suite
    if (keyExchange === 'psk') this.enter('wait-hint')
    else this.enter(keyExchange === 'ecdhe-psk' ? 'wait-server-key-exchange' : 'wait-certificate')
  }

  private onServerHelloDone({ body }: HandshakeMessage, proof: ServerProof): void {
    if (body.length > 0) {
      const reason = 'a ServerHelloDone with content'
      throw new HandshakeFailure('decode-error', reason, Alert.decodeError)
    }
    const question = proof.accept(this.host.clock, this.server, (accepted) => {
      this.accepted = accepted
    })
    if (question === undefined) return this.sendKeys(proof)
    this.inbox.expect({ kind: 'nothing' })
    this.lookup.put(question, (step) =>
      this.guard(() => {
        step()
        this.sendKeys(proof)
      }),
    )
  }

  /** Everything except the server's Finished was received. */
  private sendKeys(proof: ServerProof): void {
    const { chosen, secrets, sender } = this
    if (chosen === undefined || secrets === undefined) throw new RangeError('no ServerHello')
    const flight = sender.compose((message) => secrets.transcript.add(message))
    const { credentials } = this.options
    addClientKeys(flight, chosen, proof, this.request, secrets, credentials)
    this.protect(chosen, secrets)
    flight.changeCipherSpec().message(1, finished, secrets.verifyData('client'))
    sender.send(flight)
    this.enter('wait-change-cipher-spec')
  }

  private protect(chosen: Chosen, secrets: HandshakeSecrets): void {
    this.cipher = secrets.createCipher('client')
    this.sender.protect(this.cipher, chosen.peerConnectionId ?? NO_CONNECTION_ID)
  }

  /** @internal */
  onChangeCipherSpec(): void {
    this.calm()
    this.enter('wait-finished')
  }

  private onFinished({ type, messageSeq, body }: HandshakeMessage): void {
    const { secrets, chosen, cipher, sender } = this
    if (secrets === undefined || chosen === undefined || cipher === undefined) {
      throw new RangeError('no keys')
    }
    const expected = secrets.verifyData('server')
    if (body.length !== VERIFY_DATA_LENGTH || !timingSafeEqual(body, expected)) {
      throw new HandshakeFailure(
        'bad-finished',
        "the server's Finished does not fit the handshake: it was tampered with",
        Alert.decryptError,
      )
    }
    let lastFlight: LastFlight | undefined
    if (chosen.resumed) {
      secrets.transcript.add({ type, messageSeq, body })
      lastFlight = sender.sendFinished(secrets.verifyData('client'), messageSeq)
    }
    this.complete(chosen, secrets, cipher, lastFlight)
  }

  private complete(
    chosen: Chosen,
    secrets: HandshakeSecrets,
    cipher: RecordCipher,
    lastFlight: LastFlight | undefined,
  ): void {
    const { host, inbox, sender, accepted, offer } = this
    const identity = chosen.resumed ? offer.session?.identity : accepted?.identity
    if (identity === undefined) throw new RangeError('not authenticated')
    const session = chosen.resumed ? offer.session : this.newSession(chosen, secrets)
    const association: Association = toAssociation({
      role: 'client',
      remote: this.remote,
      negotiated: chosen,
      identity,
      cipher,
      window: inbox.window,
      connectionIdKey: this.connectionIdKey,
      writeSequence: sender.protectedSequence,
      clientRandom: this.clientRandom,
      resumed: chosen.resumed,
      sessionKey: session === undefined ? '' : bytesKey(session.id),
      lastFlight,
    })
    const early = inbox.takeEarly()
    this.finish()
    host.keepSession(this, session)
    host.established(this, association, early)
  }

  /** Without extended master secret a session must not be resumed (RFC 7627 §5.4). */
  private newSession(chosen: Chosen, secrets: HandshakeSecrets): DtlsSession | undefined {
    const { sessionId, accepted } = this
    if (accepted === undefined || sessionId.length === 0 || !chosen.extendedMasterSecret) {
      return undefined
    }
    const { clock, settings } = this.host
    return {
      id: sessionId,
      masterSecret: secrets.masterSecret.slice(),
      suite: chosen.suite.number,
      identity: accepted.identity,
      credentialCheck: NO_CONNECTION_ID,
      chain: accepted.chain,
      expiresAt: Math.min(clock.now() + settings.sessionLifetime, accepted.validUntil),
    }
  }

  /** @internal A server that rejects sends it before there are keys; but it may be forged. */
  onPlainAlert(description: number): void {
    this.failures.notePlainAlert(description)
    this.patience ??= this.host.clock.after(PATIENCE, () =>
      this.giveUp(timedOut('server', this.state)),
    )
  }

  /** The server continues: an earlier alert was forged or not fatal. */
  private calm(): void {
    this.host.clock.cancel(this.patience)
    this.patience = undefined
  }

  /** @internal */
  onProtectedAlert(description: number): void {
    this.failures.noteAlert(description)
    this.giveUp(timedOut('server', this.state))
  }

  /** @internal */
  onUndecryptable(): void {
    this.failures.suspectKey(() => this.giveUp(timedOut('server', this.state)))
  }

  /** @internal */
  dropped(reason: DropReason): void {
    this.host.dropped(reason)
  }

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

  private releaseConnectionId(): void {
    this.host.releaseConnectionId(this)
    this.connectionId = undefined
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
    this.calm()
    this.host.clock.cancel(this.deadline)
    this.sender.stop()
    this.secrets?.erase()
    this.lookup.release()
  }
}
