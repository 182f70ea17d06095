import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { ByteReader } from '../../../src/base/byte-reader'
import { createCipher, type RecordCipher } from '../../../src/dtls/ciphers'
import { createKeyAgreement, type KeyAgreement } from '../../../src/dtls/key-agreement'
import {
  connectionKeys,
  extendedMasterSecret,
  masterSecret,
  pskPremaster,
  verifyData,
} from '../../../src/dtls/v12/keys/key-schedule'
import { openRecord, sealRecord } from '../../../src/dtls/records/record'
import { findSuite } from '../../../src/dtls/ciphers/suites'
import { PSK, PSK_IDENTITY } from './harness'
import {
  type HelloFields,
  type RawExtension,
  rawFragment,
  rawHello,
  rawRecord,
  type ReceivedHello,
  type ReceivedRecord,
  readServerHello,
  splitRecords,
} from './wire'

export interface HostileClientOptions {
  readonly address?: string
  readonly port?: number
  readonly suites?: readonly number[]
  readonly identity?: Uint8Array
  readonly psk?: Uint8Array
  /** Extended master secret; default true. */
  readonly ems?: boolean
  /** Encrypt-then-MAC; default true. */
  readonly etm?: boolean
  /** What the server is to put into its records; undefined: no Connection IDs. */
  readonly connectionId?: Uint8Array
  readonly extensions?: readonly RawExtension[]
  /** For ECDHE_ECDSA: the key, and the body of the Certificate message. */
  readonly certificate?: { readonly key: KeyObject; readonly body: Uint8Array }
  readonly session?: { readonly id: Uint8Array; readonly master: Uint8Array }
  readonly group?: 23 | 29
}

/** What carries datagrams between the client and a server: by hand, or over a socket. */
export interface ClientNet {
  readonly server: { receive(datagram: Buffer, address: string, port: number): void }
  listen(address: string, port: number, onDatagram: (datagram: Buffer) => void): void
  unlisten(address: string, port: number): void
  /** Waits for lookups that answer at once. */
  settle(): Promise<void>
}

const NONE = Buffer.alloc(0)
let nextPort = 10_000

/**
 * A DTLS client that can violate the protocol. Each step is a method that returns bytes; the test
 * sends them, twice or late or never. {@link connect} does everything correctly.
 */
export class HostileClient {
  address: string
  port: number
  readonly random = randomBytes(32)
  cookie: Buffer = NONE
  /** Next record sequence number, by epoch. */
  readonly sequence: [number, number] = [0, 0]
  messageSeq = 0
  /** Received from the server, in order, until taken. */
  datagrams: Buffer[] = []
  readonly alerts: { level: number; description: number; epoch: number }[] = []
  readonly data: string[] = []
  serverHello: ReceivedHello | undefined
  /** Handshake messages of the server by type, in order of arrival. */
  readonly flight: { type: number; messageSeq: number; body: Buffer }[] = []
  master: Buffer | undefined
  serverFinished = false
  private transcript: Buffer[] = []
  private cipher: RecordCipher | undefined
  private agreement: KeyAgreement | undefined
  private readonly fragments = new Map<
    number,
    { type: number; body: Buffer; missing: Set<number> }
  >()
  /** The next message_seq of the server; it begins with that of our last hello. */
  private serverSeq = 0

  constructor(
    readonly net: ClientNet,
    readonly options: HostileClientOptions = {},
  ) {
    this.address = options.address ?? '192.0.2.1'
    this.port = options.port ?? nextPort++
    this.listen()
  }

  /** Moves to another address, as behind a NAT. */
  move(address: string, port: number): void {
    this.net.unlisten(this.address, this.port)
    this.address = address
    this.port = port
    this.listen()
  }

  /** The Connection ID in our records: that of the server. */
  get serverConnectionId(): Buffer {
    const body = this.serverHello?.extensions.get(54)
    return body === undefined ? NONE : body.subarray(1)
  }

  send(...parts: readonly Uint8Array[]): void {
    this.net.server.receive(Buffer.concat(parts), this.address, this.port)
  }

  /** The same bytes from another address. */
  sendFrom(address: string, port: number, ...parts: readonly Uint8Array[]): void {
    this.net.server.receive(Buffer.concat(parts), address, port)
  }

  helloFields(change: Partial<HelloFields> = {}): HelloFields {
    const { ems = true, etm = true, connectionId, session, extensions = [], group } = this.options
    const list: RawExtension[] = []
    if (ems) list.push([23, NONE])
    if (etm) list.push([22, NONE])
    if (connectionId !== undefined) {
      list.push([54, Buffer.concat([Buffer.from([connectionId.length]), connectionId])])
    }
    if (group !== undefined) list.push([10, Buffer.from([0, 4, 0, group, 0, 23])])
    return {
      version: 0xfefd,
      random: this.random,
      sessionId: session?.id ?? NONE,
      cookie: this.cookie,
      suites: this.options.suites ?? [0xc0a8],
      compression: [0],
      extensions: [...list, ...extensions],
      ...change,
    }
  }

  /** A ClientHello in its record. */
  hello(change: Partial<HelloFields> = {}): Buffer {
    const body = rawHello(this.helloFields(change))
    const messageSeq = this.messageSeq++
    this.serverSeq = messageSeq
    this.fragments.clear()
    // The first hello is not included (RFC 6347 §4.2.6).
    this.transcript = [rawFragment(1, messageSeq, body)]
    return this.plain(22, rawFragment(1, messageSeq, body))
  }

  plain(type: number, fragment: Uint8Array, version?: number): Buffer {
    return rawRecord(type, 0, this.sequence[0]++, fragment, version)
  }

  /** A handshake message in its record, counted in the transcript. */
  message(type: number, body: Uint8Array): Buffer {
    return this.plain(22, this.count(type, body))
  }

  /** The bytes of a message, counted but not in a record. */
  count(type: number, body: Uint8Array): Buffer {
    const bytes = rawFragment(type, this.messageSeq++, body)
    this.transcript.push(bytes)
    return bytes
  }

  /** First hello, cookie, second hello; then the server's flight has arrived. */
  async greet(change: Partial<HelloFields> = {}): Promise<void> {
    this.send(this.hello(change))
    this.send(this.hello({ ...change, cookie: this.cookie }))
    await this.net.settle()
  }

  /**
   * The client's Certificate, ClientKeyExchange and CertificateVerify, as required by the suite.
   */
  keyExchange(): Buffer[] {
    const { certificate } = this.options
    if (certificate === undefined) return [this.clientKeyExchange()]
    const parts = [this.message(11, certificate.body), this.clientKeyExchange()]
    parts.push(this.message(15, this.certificateVerify()))
    return parts
  }

  /** Derives the keys, too. */
  clientKeyExchange(change: { identity?: Uint8Array; point?: Uint8Array } = {}): Buffer {
    const { identity = Buffer.from(PSK_IDENTITY), psk = PSK, group = 23 } = this.options
    const { keyExchange } = this.suite
    const parts: Buffer[] = []
    let shared: Buffer | undefined
    if (keyExchange !== 'ecdhe-ecdsa') {
      const name = Buffer.from(change.identity ?? identity)
      parts.push(Buffer.from([name.length >> 8, name.length & 255]), name)
    }
    if (keyExchange !== 'psk') {
      this.agreement = createKeyAgreement(group)
      const point = Buffer.from(change.point ?? this.agreement.point)
      parts.push(Buffer.from([point.length]), point)
      shared = this.agreement.agree(this.serverPoint())
    }
    const record = this.message(16, Buffer.concat(parts))
    this.derive(keyExchange === 'ecdhe-ecdsa' ? (shared ?? NONE) : pskPremaster(psk, shared))
    return record
  }

  certificateVerify(scheme = 0x0403, tamper = false): Buffer {
    const { certificate } = this.options
    if (certificate === undefined) throw new Error('no certificate')
    const signature = sign('sha256', Buffer.concat(this.transcript), certificate.key)
    if (tamper) signature[signature.length - 1] = (signature[signature.length - 1] ?? 0) ^ 1
    const header = Buffer.alloc(4)
    header.writeUInt16BE(scheme, 0)
    header.writeUInt16BE(signature.length, 2)
    return Buffer.concat([header, signature])
  }

  changeCipherSpec(): Buffer {
    return this.plain(20, Buffer.from([1]))
  }

  finishedBody(): Buffer {
    return verifyData(this.masterSecret, 'client', this.transcriptHash(), this.suite.prfHash)
  }

  /** The protected Finished. */
  finished(body = this.finishedBody()): Buffer {
    return this.protect(22, this.count(20, body))
  }

  /** A protected record with the next sequence number, or a given one. */
  protect(type: number, content: Uint8Array, sequence = this.sequence[1]++): Buffer {
    if (this.cipher === undefined) throw new Error('no keys yet')
    return sealRecord(this.cipher, type, sequence, content, this.serverConnectionId)
  }

  /** A protected record without Connection ID, whether negotiated or not. */
  protectPlainly(type: number, content: Uint8Array): Buffer {
    if (this.cipher === undefined) throw new Error('no keys yet')
    return sealRecord(this.cipher, type, this.sequence[1]++, content, NONE)
  }

  appData(text: string): Buffer {
    return this.protect(23, Buffer.from(text, 'latin1'))
  }

  /** Key exchange, ChangeCipherSpec and Finished, sent in order. */
  async finish(): Promise<void> {
    this.send(...this.keyExchange(), this.changeCipherSpec(), this.finished())
    await this.net.settle()
  }

  /** A whole handshake; abbreviated if the server accepts the session. */
  async connect(): Promise<this> {
    await this.greet()
    const { session } = this.options
    if (session !== undefined && this.serverHello?.sessionId.equals(session.id)) {
      this.send(this.changeCipherSpec(), this.finished())
      await this.net.settle()
    } else {
      await this.finish()
    }
    return this
  }

  /** For resuming this one's session. */
  get session(): { id: Buffer; master: Buffer } {
    return { id: this.serverHello?.sessionId ?? NONE, master: this.masterSecret }
  }

  get suite() {
    const suite = findSuite(this.serverHello?.suite ?? 0)
    if (suite === undefined) throw new Error('no ServerHello yet')
    return suite
  }

  private get masterSecret(): Buffer {
    if (this.master === undefined) throw new Error('no master secret yet')
    return this.master
  }

  private listen(): void {
    this.net.listen(this.address, this.port, (datagram) => {
      this.datagrams.push(datagram)
      const cidLength = this.options.connectionId?.length ?? 0
      for (const record of splitRecords(datagram, cidLength)) this.onRecord(record)
    })
  }

  private transcriptHash(): Buffer {
    return createHash(this.suite.prfHash).update(Buffer.concat(this.transcript)).digest()
  }

  private serverPoint(): Buffer {
    const body = this.flight.find(({ type }) => type === 12)?.body
    if (body === undefined) throw new Error('no ServerKeyExchange')
    const at = this.suite.keyExchange === 'ecdhe-psk' ? 2 : 0
    const length = body[at + 3] ?? 0
    return body.subarray(at + 4, at + 4 + length)
  }

  private derive(premaster: Uint8Array): void {
    const { ems = true } = this.options
    this.master = ems
      ? extendedMasterSecret(premaster, this.transcriptHash(), this.suite.prfHash)
      : masterSecret(premaster, this.random, this.serverHello?.random ?? NONE, this.suite.prfHash)
    this.makeCipher()
  }

  private makeCipher(): void {
    const random = this.serverHello?.random ?? NONE
    const { protection, keyLength, prfHash } = this.suite
    const { masterSecret: master } = this
    const keys = connectionKeys(protection, master, this.random, random, keyLength, prfHash)
    const etm = this.serverHello?.extensions.has(22) === true
    this.cipher = createCipher(protection, etm, { client: keys.server, server: keys.client })
  }

  private onRecord(record: ReceivedRecord): void {
    let content = record.fragment
    let type = record.type
    if (record.epoch > 0) {
      if (this.cipher === undefined) return
      const opened = openRecord(this.cipher, record)
      if (opened === undefined) return
      content = opened.content
      type = opened.type
    }
    if (type === 23) this.data.push(content.toString('latin1'))
    if (type === 21) {
      const [level = 0, description = 0] = content
      this.alerts.push({ level, description, epoch: record.epoch })
    }
    if (type === 22) this.onHandshake(content)
  }

  private onHandshake(content: Buffer): void {
    const reader = new ByteReader(content)
    while (reader.remaining > 0) {
      const type = reader.uint8()
      const length = reader.uint24()
      const messageSeq = reader.uint16()
      const offset = reader.uint24()
      const body = Buffer.from(reader.take(reader.uint24()))
      if (type === 3) {
        this.cookie = Buffer.from(body.subarray(3))
        continue
      }
      if (messageSeq < this.serverSeq) continue
      const partial = this.fragments.get(messageSeq) ?? {
        type,
        body: Buffer.alloc(length),
        missing: new Set(Array.from({ length }, (_, i) => i)),
      }
      this.fragments.set(messageSeq, partial)
      body.copy(partial.body, offset)
      for (let i = 0; i < body.length; i++) partial.missing.delete(offset + i)
    }
    for (;;) {
      const next = this.fragments.get(this.serverSeq)
      if (next === undefined || next.missing.size > 0) return
      this.fragments.delete(this.serverSeq)
      this.onMessage(next.type, this.serverSeq++, next.body)
    }
  }

  private onMessage(type: number, messageSeq: number, body: Buffer): void {
    this.flight.push({ type, messageSeq, body })
    if (type === 2) {
      this.serverHello = readServerHello(body)
      const { session } = this.options
      this.transcript.push(rawFragment(type, messageSeq, body))
      if (session !== undefined && this.serverHello.sessionId.equals(session.id)) {
        this.master = Buffer.from(session.master)
        this.makeCipher()
      }
      return
    }
    if (type === 20) {
      this.serverFinished = body.equals(
        verifyData(this.masterSecret, 'server', this.transcriptHash(), this.suite.prfHash),
      )
    }
    this.transcript.push(rawFragment(type, messageSeq, body))
  }
}
