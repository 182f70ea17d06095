import type { Clock } from '../base/clock'
import { CoapEndpoint } from '../coap/endpoint'
import type { CoapEndpointOptions } from '../coap/types'
import type { DtlsSessionStore } from '../dtls/sessions/session'
import { DtlsTransport } from '../transport/dtls'
import {
  describeIdentity,
  type BoundAddress,
  type Peer,
  type PeerIdentity,
  type Scheme,
  schemeOf,
  type Transport,
} from '../transport/transport'
import { UdpTransport } from '../transport/udp'
import type { CredentialUse } from './credentials/credential'
import type { CredentialStore } from './credentials/credential-store'
import type { CoapsOptions, ListenOptions } from './options'
import type { ServerWarning } from './types'

/** The addresses a service is bound to. */
export interface ServerAddresses {
  readonly coap: BoundAddress | undefined
  readonly coaps: BoundAddress | undefined
}

export interface EndpointsOptions {
  readonly coap: ListenOptions | undefined
  readonly coaps: CoapsOptions | undefined
  /** Default ports. */
  readonly ports: { readonly coap: number; readonly coaps: number }
  readonly transmission: CoapEndpointOptions | undefined
  readonly clock: Clock
  readonly credentials: CredentialStore | undefined
  /** What the DTLS port serves. */
  readonly uses: readonly CredentialUse[]
  readonly sessions: DtlsSessionStore | undefined
  warn(warning: ServerWarning): void
}

/** A bound socket, and the CoapEndpoint that speaks over it. */
export interface Listener {
  readonly endpoint: CoapEndpoint
  /** Its own DTLS, for its counters. */
  readonly dtls: DtlsTransport | undefined
}

/** The listeners of one service, one for each URI scheme that it serves. */
export class Endpoints {
  private readonly listeners = new Map<Scheme, Listener>()
  private readonly bound = new Map<Scheme, BoundAddress>()

  constructor(private readonly options: EndpointsOptions) {
    const { coap, coaps, ports } = options
    if (coap !== undefined) this.add(new UdpTransport({ port: ports.coap, ...definedOf(coap) }))
    if (coaps?.transport !== undefined) this.add(coaps.transport)
    else if (coaps !== undefined) {
      const dtls = this.makeDtls(coaps)
      this.add(dtls, dtls)
    }
  }

  /** What serves a scheme, if anything does. */
  get(scheme: Scheme): Listener | undefined {
    return this.listeners.get(scheme)
  }

  get addresses(): ServerAddresses {
    return { coap: this.bound.get('coap'), coaps: this.bound.get('coaps') }
  }

  get all(): readonly CoapEndpoint[] {
    return Array.from(this.listeners.values(), ({ endpoint }) => endpoint)
  }

  /** The CoapEndpoint that a peer speaks to; `undefined` for a kept peer of what is not served any more. */
  of(peer: Peer): CoapEndpoint | undefined {
    return this.listeners.get(schemeOf(peer))?.endpoint
  }

  /** Binds all. When one cannot be bound, the others are freed again. @throws BindError */
  async start(): Promise<ServerAddresses> {
    try {
      for (const [scheme, { endpoint }] of this.listeners) {
        this.bound.set(scheme, await endpoint.start())
      }
      return this.addresses
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    this.bound.clear()
    await Promise.all(this.all.map((endpoint) => endpoint.stop()))
  }

  private add(transport: Transport, dtls?: DtlsTransport): void {
    this.listeners.set(transport.scheme, { endpoint: this.endpoint(transport), dtls })
  }

  private endpoint(transport: Transport): CoapEndpoint {
    const { transmission, clock } = this.options
    const endpoint = new CoapEndpoint(transport, { ...transmission, clock })
    endpoint.onWarning = (warning) => this.options.warn(warning)
    return endpoint
  }

  private makeDtls(coaps: CoapsOptions): DtlsTransport {
    const { ports, clock, credentials, uses, sessions, warn } = this.options
    const { serverKey, trustAnchors, startHandshakes: _, ...settings } = coaps
    const transport = new DtlsTransport({
      port: ports.coaps,
      ...definedOf(settings),
      clock,
      sessions,
      // Without credentials nobody gets in, and the counters say why.
      credentials: credentials?.dtlsCredentials(uses, { serverKey, trustAnchors }) ?? {},
    })
    transport.onHandshakeFailed = ({ code, reason, identity: claimed, address, port }) => {
      const identity = claimed && describeIdentity(claimed)
      const who = identity === undefined ? '' : ` (${identity})`
      warn({
        code,
        message: `DTLS handshake with ${address} port ${port}${who} failed: ${reason}`,
        endpoint: this.endpointOf(claimed),
        sender: { address, port, identity },
      })
    }
    credentials?.on('revoked', (revocation) => {
      transport.closeWhere(
        (identity) => revocation.matches(identity, uses),
        'its credential was removed or changed',
      )
    })
    return transport
  }

  /** Whom a handshake that failed was about: the endpoint whose PSK identity was claimed. */
  private endpointOf(claimed: PeerIdentity | undefined): string | undefined {
    const { credentials, uses } = this.options
    if (claimed?.kind !== 'psk' || credentials === undefined) return undefined
    const names = uses.map((use) => credentials.authority(use).endpointOf(claimed))
    return names.find((name) => name !== undefined)
  }
}

/** Without `undefined` properties, which would hide defaults. */
function definedOf<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
