import { ByteReader, OutOfBounds } from '../../../base/byte-reader'
import type { RecordCipher } from '../../ciphers'
import { ContentType, HANDSHAKE_HEADER, HandshakeType } from '../../wire/constants'
import type { DropReason } from '../../counters'
import { EarlyRecords } from '../../records/early-records'
import { VERIFY_DATA_LENGTH } from '../keys/key-schedule'
import { parseAlert } from '../../wire/alert'
import { type HandshakeFragment, readFragment } from '../../wire/handshake-header'
import type { Role } from '../../identity'
import { type HandshakeMessage, Reassembly } from './reassembly'
import { openRecord, type RawRecord } from '../../records/record'
import { ReplayWindow } from '../../records/replay'

/** What the inbox accepts next. */
export type Expectation =
  /** Plaintext handshake messages, in order. */
  | { readonly kind: 'messages' }
  | { readonly kind: 'change-cipher-spec' }
  /** The protected Finished, and with a Connection ID only records that carry it. */
  | { readonly kind: 'finished'; readonly cipher: RecordCipher; readonly connectionId: boolean }
  /** Nothing until a lookup has ended. */
  | { readonly kind: 'nothing' }

/** Called by the inbox. May throw: the caller of the inbox must catch it. */
export interface InboxListener {
  onMessage(message: HandshakeMessage): void
  onChangeCipherSpec(): void
  /** A plaintext alert, which may be forged. */
  onPlainAlert(description: number): void
  onProtectedAlert(description: number): void
  /** A record that looks like the protected Finished is not authentic. */
  onUndecryptable(): void
  dropped(reason: DropReason): void
}

/**
 * The receiving half of a handshake: accepts records in any order, repeated or forged, and passes
 * on the expected ones, in order.
 */
export class HandshakeInbox {
  /** Of epoch 1; used further by the association. */
  readonly window = new ReplayWindow()
  private readonly early = new EarlyRecords()
  private readonly reassembly: Reassembly
  private expectation: Expectation = { kind: 'nothing' }

  /**
   * @param nextSeq the message_seq expected next
   * @param role our role
   */
  constructor(
    nextSeq: number,
    private readonly listener: InboxListener,
    role: Role,
  ) {
    this.reassembly = new Reassembly(nextSeq, role)
  }

  /**
   * Sets the expectation and processes records that arrived too early. @throws the errors of the
   * listener
   */
  expect(expectation: Expectation): void {
    this.expectation = expectation
    if (expectation.kind === 'nothing') return
    // A plaintext message received before is not the client's Finished.
    if (expectation.kind === 'finished') this.reassembly.forget()
    if (expectation.kind === 'messages') this.advance()
    else this.receiveEarly()
  }

  /** The handshake has ended: nothing is accepted any more. */
  close(): void {
    this.expectation = { kind: 'nothing' }
  }

  /** One at a time: each may change what is expected next, or end the handshake. */
  private receiveEarly(): void {
    for (let left = this.early.count; left > 0; left--) {
      const record = this.early.shift()
      if (record !== undefined) this.receive(record)
    }
  }

  /** Records that arrived too early for the handshake: they belong to the association. */
  takeEarly(): RawRecord[] {
    const records: RawRecord[] = []
    for (let record = this.early.shift(); record !== undefined; record = this.early.shift()) {
      records.push(record)
    }
    return records
  }

  /** A record of epoch 0 or 1. @throws the errors of the listener, HandshakeFailure */
  receive(record: RawRecord): void {
    if (record.epoch > 0) this.receiveProtected(record)
    else this.receivePlain(record)
  }

  private receivePlain(record: RawRecord): void {
    const { expectation, listener } = this
    if (record.type === ContentType.alert) {
      const alert = parseAlert(record.fragment)
      if (alert !== undefined) listener.onPlainAlert(alert.description)
    } else if (record.type === ContentType.handshake) {
      this.takeFragments(record.fragment, 0)
    } else if (expectation.kind === 'nothing') {
      this.hold(record)
    } else if (expectation.kind === 'change-cipher-spec' && isChangeCipherSpec(record.fragment)) {
      listener.onChangeCipherSpec()
    } else {
      // Too early or repeated: irrelevant, Finished covers the handshake.
      listener.dropped('unexpected')
    }
  }

  private receiveProtected(record: RawRecord): void {
    const { expectation, listener, window } = this
    if (expectation.kind !== 'finished') return this.hold(record)
    if (expectation.connectionId && record.type !== ContentType.tls12Cid) {
      return listener.dropped('connection-id-missing')
    }
    if (!window.isFresh(record.sequence)) return listener.dropped('replayed')
    const opened = openRecord(expectation.cipher, record)
    if (opened === undefined) {
      if (mayBeFinished(record, expectation.cipher)) listener.onUndecryptable()
      return listener.dropped('forged')
    }
    // Application data waits for Finished; it is decrypted again then, so it is not marked now.
    if (opened.type === ContentType.applicationData) return this.hold(record)
    window.mark(record.sequence)
    if (opened.type === ContentType.handshake) return this.takeFragments(opened.content, 1)
    const alert = opened.type === ContentType.alert ? parseAlert(opened.content) : undefined
    if (alert === undefined) listener.dropped('unexpected')
    else listener.onProtectedAlert(alert.description)
  }

  private takeFragments(content: Uint8Array, epoch: 0 | 1): void {
    const reader = new ByteReader(content)
    do {
      const fragment = nextFragment(reader)
      if (fragment === undefined) return this.listener.dropped('malformed')
      this.takeFragment(fragment, epoch)
    } while (reader.remaining > 0)
    const { kind } = this.expectation
    if (kind === 'messages' || kind === 'finished') this.advance()
  }

  private takeFragment(fragment: HandshakeFragment, epoch: 0 | 1): void {
    // Finished is the only protected message; a plaintext one must not replace it.
    const isFinished = fragment.type === HandshakeType.finished
    const tooLate = epoch === 0 && this.expectation.kind === 'finished'
    if (isFinished !== (epoch === 1) || tooLate) {
      return this.listener.dropped(epoch === 0 ? 'plaintext' : 'unexpected')
    }
    const outcome = this.reassembly.add(fragment)
    if (outcome === 'malformed') this.listener.dropped('malformed')
    else if (outcome === 'too-far' || outcome === 'too-large') {
      this.listener.dropped('reassembly-limit')
    }
  }

  /** Passes on messages as long as they are complete, in order and expected. */
  private advance(): void {
    while (this.expectation.kind === 'messages' || this.expectation.kind === 'finished') {
      const message = this.reassembly.take()
      if (message === undefined) return
      this.listener.onMessage(message)
    }
  }

  private hold(record: RawRecord): void {
    if (!this.early.hold(record)) this.listener.dropped('early-limit')
  }
}

/** By visible properties: alerts are shorter, application data has its own type. */
function mayBeFinished({ type, fragment }: RawRecord, cipher: RecordCipher): boolean {
  const message = HANDSHAKE_HEADER + VERIFY_DATA_LENGTH
  // With a Connection ID the real type is encrypted after the content (RFC 9146 §4).
  if (type === ContentType.tls12Cid) return fragment.length >= cipher.sealedLength(message + 1)
  return type === ContentType.handshake && fragment.length >= cipher.sealedLength(message)
}

function isChangeCipherSpec(fragment: Uint8Array): boolean {
  return fragment.length === 1 && fragment[0] === 1
}

function nextFragment(reader: ByteReader): HandshakeFragment | undefined {
  try {
    return readFragment(reader)
  } catch (error) {
    if (error instanceof OutOfBounds) return undefined
    throw error
  }
}
