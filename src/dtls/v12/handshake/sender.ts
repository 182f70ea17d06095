import type { LastFlight } from '../../associations/association'
import type { RecordCipher } from '../../ciphers'
import {
  type Alert,
  AlertLevel,
  ContentType,
  HandshakeType,
  LAST_SEQUENCE,
} from '../../wire/constants'
import { FlightSender } from './flight-sender'
import type { HandshakeHost } from './host'
import type { WireAddress } from '../../identity'
import { buildAlert } from '../../wire/alert'
import { plainRecord } from '../../records/record'
import { FlightBuilder } from './flight-builder'
import type { HandshakeMessage } from './reassembly'

/** The sending half of a handshake: flights of numbered messages, and the alert that ends it. */
export class HandshakeSender {
  private readonly flights: FlightSender

  /**
   * @param sendLimit maximum content of a record that the peer accepts
   * @param nextSeq message_seq of our first message: a server's is that of the client's hello (RFC
   *   6347 §4.2.2)
   * @param recordSequence of our first record: likewise (§4.2.1)
   */
  constructor(
    private readonly host: HandshakeHost,
    private readonly remote: WireAddress,
    sendLimit: number,
    private nextSeq: number,
    recordSequence: number,
  ) {
    this.flights = new FlightSender(
      host.clock,
      host.settings,
      sendLimit,
      recordSequence,
      (datagram) => host.output(datagram, remote),
      () => host.retransmitted(),
    )
  }

  /** Next record sequence number of epoch 1. */
  get protectedSequence(): number {
    return this.flights.protectedSequence
  }

  /** Sets the maximum content of a record that the peer accepts. */
  limit(sendLimit: number): void {
    this.flights.plaintextLimit = sendLimit
  }

  /** From now on records of epoch 1 can be written. */
  protect(cipher: RecordCipher, connectionId: Uint8Array): void {
    this.flights.protect(cipher, connectionId)
  }

  /** Creates an empty flight; `onMessage` is called for each message added. */
  compose(onMessage: (message: HandshakeMessage) => void): FlightBuilder {
    return new FlightBuilder(this.nextSeq, onMessage)
  }

  /** Sends a flight and retransmits it until it is answered. */
  send(flight: FlightBuilder): void {
    this.nextSeq = flight.messageSeq
    this.flights.send(flight.items)
  }

  /** Sends our Finished, which the peer does not answer: it is retransmitted on request. */
  sendFinished(verifyData: Buffer, peerMessageSeq: number): LastFlight {
    const messageSeq = this.nextSeq
    const flight = new FlightBuilder(messageSeq, () => {})
      .changeCipherSpec()
      .message(1, HandshakeType.finished, verifyData)
    this.flights.sendLast(flight.items)
    return {
      peerMessageSeq,
      messageSeq,
      verifyData: verifyData.toString('latin1'),
      plainSequence: this.flights.plainSequence,
      sentAt: this.host.clock.monotonic(),
    }
  }

  /** The client requests the flight again. */
  repeat(): void {
    this.flights.repeat()
  }

  /** Sends a fatal alert in plaintext. */
  alert(alert: Alert): void {
    if (this.flights.plainSequence > LAST_SEQUENCE) return
    const body = buildAlert(AlertLevel.fatal, alert)
    const record = plainRecord(ContentType.alert, this.flights.plainSequence++, body)
    this.host.output(record, this.remote)
  }

  stop(): void {
    this.flights.stop()
  }
}
