import type { Association } from '../../../src/dtls/associations/association'
import { loadServerKey } from '../../../src/dtls/certificates/server-key'
import { generateServerKey } from '../../../src/dtls/certificates/generate'
import type { ConnectOptions, DtlsClientCredentials } from '../../../src/dtls/client-credentials'
import type { DtlsCredentials, ServerKey } from '../../../src/dtls/credentials'
import { DtlsEndpoint } from '../../../src/dtls/endpoint'
import type { DtlsEndpointOptions } from '../../../src/dtls/options'
import { FakeClock } from '../../support/fake-clock'
import { PSK, PSK_IDENTITY } from './harness'

export const SERVER = { address: '192.0.2.1', port: 5684 }
export const CLIENT = { address: '192.0.2.2', port: 40_000 }

/** Filter for datagrams: returns replacements, or none. */
export type Filter = (datagram: Buffer, direction: 'up' | 'down') => readonly Uint8Array[]

/** One end, with a record of its events. */
export class End {
  readonly received: string[] = []
  readonly ended: { association: Association; reason: string }[] = []
  readonly warnings: string[] = []

  constructor(readonly endpoint: DtlsEndpoint) {
    endpoint.onMessage = (_association, message) => this.received.push(message.toString('latin1'))
    endpoint.onAssociationEnded = (association, reason) => this.ended.push({ association, reason })
    endpoint.onWarning = (warning) => this.warnings.push(warning)
  }
}

/** A key pair with a self-signed certificate, or with the raw public key only. */
export function keyPair(commonName: string, raw = false): ServerKey {
  const { privateKeyPem, certificatePem } = generateServerKey({
    commonName,
    now: Date.UTC(2026, 0, 1),
  })
  return loadServerKey({
    privateKey: privateKeyPem,
    certificateChain: raw ? undefined : certificatePem,
  })
}

export const pskClient: DtlsClientCredentials = {
  psk: { identity: Buffer.from(PSK_IDENTITY), key: PSK },
}

/** Both ends of raw public keys that know each other. */
export function rpkPair(): {
  readonly server: DtlsCredentials
  readonly client: DtlsClientCredentials
} {
  const [server, client] = [keyPair('server', true), keyPair('client', true)]
  const is = (key: ServerKey) => (spki: Uint8Array) => Buffer.compare(spki, key.publicKey) === 0
  return {
    server: { serverKey: server, rawPublicKey: is(client) },
    client: { keyPair: client, rawPublicKey: is(server) },
  }
}

/** Both ends of self-signed certificates that are each other's trust anchor. */
export function x509Pair(): {
  readonly server: DtlsCredentials
  readonly client: DtlsClientCredentials
} {
  const [server, client] = [keyPair('server.example'), keyPair('client-1')]
  return {
    server: { serverKey: server, trustAnchors: client.certificateChain },
    client: { keyPair: client, trustAnchors: server.certificateChain },
  }
}

/** Two endpoints without sockets; datagrams arrive in order, time does not advance. */
export class EndpointPair {
  readonly clock = new FakeClock()
  readonly server: End
  readonly client: End
  readonly datagrams: { readonly direction: 'up' | 'down'; readonly bytes: Buffer }[] = []
  filter: Filter = (datagram) => [datagram]
  private readonly queue: { direction: 'up' | 'down'; bytes: Buffer }[] = []
  private delivering = false
  /** The current address of the client. */
  clientPort = CLIENT.port

  constructor(
    server: Partial<DtlsEndpointOptions> = {},
    client: Partial<DtlsEndpointOptions> = {},
  ) {
    const { clock } = this
    this.server = new End(
      new DtlsEndpoint({
        credentials: {
          psk: (name) => (Buffer.from(name).toString() === PSK_IDENTITY ? PSK : undefined),
        },
        clock,
        ...server,
        output: (datagram, _address, port) => {
          if (port === this.clientPort) this.post('down', datagram)
        },
      }),
    )
    this.client = new End(
      new DtlsEndpoint({
        credentials: {},
        accept: false,
        clock,
        ...client,
        output: (datagram) => this.post('up', datagram),
      }),
    )
  }

  /** Sends bytes past the filter. */
  inject(direction: 'up' | 'down', bytes: Uint8Array): void {
    this.queue.push({ direction, bytes: Buffer.from(bytes) })
    this.deliver()
  }

  connect(options: Partial<ConnectOptions> = {}): Promise<Association> {
    const connecting = this.client.endpoint.connect(SERVER.address, SERVER.port, {
      credentials: pskClient,
      ...options,
    })
    // A later caller still gets the rejection.
    connecting.catch(() => {})
    return connecting
  }

  /** Waits for lookups that answer at once. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Sends data from the client and waits for the echo. */
  exchange(association: Association, text = 'ping'): void {
    this.client.endpoint.send(association, Buffer.from(text))
    const last = this.serverAssociation
    if (last !== undefined) this.server.endpoint.send(last, Buffer.from(`re:${text}`))
  }

  /** The one that the server received from last. */
  serverAssociation: Association | undefined

  watch(): this {
    const { endpoint, received } = this.server
    endpoint.onMessage = (association, message) => {
      this.serverAssociation = association
      received.push(message.toString('latin1'))
    }
    return this
  }

  private post(direction: 'up' | 'down', datagram: Uint8Array): void {
    const bytes = Buffer.from(datagram)
    this.datagrams.push({ direction, bytes })
    for (const sent of this.filter(bytes, direction)) {
      this.queue.push({ direction, bytes: Buffer.from(sent) })
    }
    this.deliver()
  }

  private deliver(): void {
    if (this.delivering) return
    this.delivering = true
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      const { direction, bytes } = next
      if (direction === 'up') {
        this.server.endpoint.receive(bytes, CLIENT.address, this.clientPort)
      } else this.client.endpoint.receive(bytes, SERVER.address, SERVER.port)
    }
    this.delivering = false
  }
}
