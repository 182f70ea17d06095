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

/** What the inbox is to let through next. */
export type Expectation =
  /** Plaintext handshake messages, in order. */
  | { readonly kind: 'messages' }
  | { readonly kind: 'change-cipher-spec' }
  /** The protected Finished, and with a Connection ID nothing but records that carry it. */
  | { readonly kind: 'finished'; readonly cipher: RecordCipher; readonly connectionId: boolean }
  /** Nothing until a look-up has ended. */
  | { readonly kind: 'nothing' }

/** What the inbox tells. May throw: the caller of the inbox is to catch it. */
export interface InboxListener {
  onMessage(message: HandshakeMessage): void
  onChangeCipherSpec(): void
  /** In plaintext, so anyone could have sent it. */
  onPlainAlert(description: number): void
  onProtectedAlert(description: number): void
  /** A record that looks like the protected Finished is not authentic. */
  onUndecryptable(): void
  dropped(reason: DropReason): void
}

/**
 * The receiving half of a handshake: takes records as they come, early, late, double or forged, and
 * lets through what is expected, in order.
 */
export class HandshakeInbox {
  /** Of epoch 1; the association goes on with it. */
  readonly window = new ReplayWindow()
  private readonly early = new EarlyRecords()
  private readonly reassembly: Reassembly
  private expectation: Expectation = { kind: 'nothing' }

  /**
   * @param nextSeq the message_seq expected next
   * @param role ours
   */
  constructor(
    nextSeq: number,
    private readonly listener: InboxListener,
    role: Role,
  ) {
    this.reassembly = new Reassembly(nextSeq, role)
  }

  /** What came too early before is looked at again. @throws what the listener throws */
  expect(expectation: Expectation): void {
    this.expectation = expectation
    if (expectation.kind === 'nothing') return
    // What was sent ahead of Finished in plaintext is not the client's Finished.
    if (expectation.kind === 'finished') this.reassembly.forget()
    if (expectation.kind === 'messages') this.advance()
    else this.receiveEarly()
  }

  /** The handshake is over: nothing is let through any more. */
  close(): void {
    this.expectation = { kind: 'nothing' }
  }

  /** One at a time: what one brings about may change what is expected of the next, or end it all. */
  private receiveEarly(): void {
    for (let left = this.early.count; left > 0; left--) {
      const record = this.early.shift()
      if (record !== undefined) this.receive(record)
    }
  }

  /** Records that came too early for the handshake altogether: the association's. */
  takeEarly(): RawRecord[] {
    const records: RawRecord[] = []
    for (let record = this.early.shift(); record !== undefined; record = this.early.shift()) {
      records.push(record)
    }
    return records
  }

  /** A record of epoch 0 or 1. @throws what the listener throws, HandshakeFailure */
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
      // Early or again: it says nothing that Finished would not prove.
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
    // Application data waits for Finished; it is opened again then, so it is not marked now.
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
    // Finished is the one protected message; nothing in plaintext may come in its place.
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

  /** Lets messages through as far as they are whole, in order and expected. */
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

/** By what shows of it: alerts are shorter, application data says what it is. */
function mayBeFinished({ type, fragment }: RawRecord, cipher: RecordCipher): boolean {
  const message = HANDSHAKE_HEADER + VERIFY_DATA_LENGTH
  // With a Connection ID the true type stands behind the content (RFC 9146 §4).
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
