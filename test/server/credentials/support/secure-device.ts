import assert from 'node:assert/strict'
import type { HostileClientOptions } from '../../../dtls/support/hostile-client'
import { PatientClient } from '../../../dtls/support/patient-client'
import {
  CON,
  Opt,
  optionTexts,
  rawCoap,
  type RawMessage,
  readCoap,
  type ReadMessage,
} from '../../../support/raw-coap'

/** 0.02 */
export const POST = 2

/** A device on a real socket that speaks CoAP over DTLS, message by message. */
export class SecureDevice {
  private mid = 1
  private seen = 0

  private constructor(private readonly patient: PatientClient) {}

  static async open(port: number, options: HostileClientOptions): Promise<SecureDevice> {
    return new SecureDevice(await PatientClient.open(port, options, 1000))
  }

  /** Another device that has come to the address of this one. */
  successor(options: HostileClientOptions): SecureDevice {
    return new SecureDevice(this.patient.successor(options))
  }

  get client(): PatientClient['client'] {
    return this.patient.client
  }

  connect(): Promise<void> {
    return this.patient.handshake()
  }

  /** Says it once; whether there is an answer is another matter. */
  send(message: Omit<RawMessage, 'mid' | 'type'> & Partial<RawMessage>): void {
    const bytes = rawCoap({ type: CON, mid: this.mid++, token: 'c0', ...message })
    this.client.send(this.client.protect(23, bytes))
  }

  /** The next message that comes. */
  async message(): Promise<ReadMessage> {
    await until(() => this.client.data.length > this.seen)
    return readCoap(Buffer.from(this.client.data[this.seen++] ?? '', 'latin1'))
  }

  async ask(message: Omit<RawMessage, 'mid' | 'type'> & Partial<RawMessage>): Promise<ReadMessage> {
    this.send(message)
    return this.message()
  }

  /** Its location. */
  async register(query: readonly string[]): Promise<readonly string[]> {
    const answer = await this.ask({
      code: POST,
      options: [
        [Opt.URI_PATH, 'rd'],
        [Opt.CONTENT_FORMAT, 40],
        ...query.map((item) => [Opt.URI_QUERY, item] as const),
      ],
      payload: '</1/0>,</3/0>',
    })
    assert.equal(answer.code, 0x41)
    return optionTexts(answer, Opt.LOCATION_PATH)
  }

  close(): void {
    this.patient.close()
  }
}

/** Waits until something holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
