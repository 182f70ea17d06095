import type { Scheduler, Timer } from '../../base/scheduler'
import type { Peer } from '../../transport/transport'

/** How an application decides about devices that no credential knows. */
export interface AuthorizationOptions {
  /** How long a device waits for the decision, ms; default 10,000. Without one it is refused. */
  readonly timeout?: number
  /** Requests that may wait at a time; more are refused. Default 100. */
  readonly maxPending?: number
}

/** A device that no credential knows asks to be let in. What it claims is not proven. */
export interface AuthorizationRequest {
  /** For `decide`. */
  readonly id: string
  /** `handshake`: the identity is unknown; `register`: the endpoint, without security, is. */
  readonly kind: 'handshake' | 'register'
  readonly security: 'none' | 'psk' | 'rpk' | 'x509'
  /** Of a Register. */
  readonly endpoint?: string
  /** PSK identity, or the name in a certificate. */
  readonly identity?: string
  /** PEM of a raw public key. */
  readonly publicKey?: string
  /** PEM of a certificate. */
  readonly certificate?: string
  readonly address: string
  readonly port: number
  /** ms since the epoch. */
  readonly time: number
}

/** What became of a request. */
export type AuthorizationDecision = 'accepted' | 'refused' | 'undecided'

interface Pending {
  readonly request: AuthorizationRequest
  readonly key: string
  readonly timer: Timer
  readonly decision: Promise<AuthorizationDecision>
  readonly decide: (decision: AuthorizationDecision) => void
}

const TIMEOUT = 10_000
const MAX_PENDING = 100

/** Requests that wait for an application to decide; bounded in number and time. */
export class AuthorizationRequests {
  private readonly byId = new Map<string, Pending>()
  private readonly byKey = new Map<string, Pending>()
  private readonly timeout: number
  private readonly max: number
  private count = 0

  /** @param announce tells the application; false when nobody listens */
  constructor(
    private readonly clock: Scheduler,
    options: AuthorizationOptions,
    private readonly announce: (request: AuthorizationRequest) => boolean,
  ) {
    this.timeout = options.timeout ?? TIMEOUT
    this.max = options.maxPending ?? MAX_PENDING
  }

  get pending(): readonly AuthorizationRequest[] {
    return [...this.byId.values()].map(({ request }) => request)
  }

  /**
   * Asks, or joins who asks the same already.
   * @param key the same for what one decision is good for
   */
  ask(
    key: string,
    from: Pick<Peer, 'address' | 'port'>,
    about: Omit<AuthorizationRequest, 'id' | 'address' | 'port' | 'time'>,
  ): Promise<AuthorizationDecision> {
    const known = this.byKey.get(key)
    if (known !== undefined) return known.decision
    if (this.byId.size >= this.max) return Promise.resolve('undecided')
    const { address, port } = from
    const id = (++this.count).toString(36)
    const request: AuthorizationRequest = { ...about, id, address, port, time: this.clock.now() }
    let decide: Pending['decide'] = () => {}
    const decision = new Promise<AuthorizationDecision>((resolve) => (decide = resolve))
    const timer = this.clock.after(this.timeout, () => this.settle(id, 'undecided'))
    const pending = { request, key, timer, decision, decide }
    this.byId.set(id, pending)
    this.byKey.set(key, pending)
    if (!this.announce(request)) this.settle(id, 'undecided')
    return decision
  }

  /** Answers whether the request was still waiting. */
  settle(id: string, decision: AuthorizationDecision): boolean {
    const pending = this.byId.get(id)
    if (pending === undefined) return false
    this.clock.cancel(pending.timer)
    this.byId.delete(id)
    this.byKey.delete(pending.key)
    pending.decide(decision)
    return true
  }

  /** Leaves all that wait undecided. */
  close(): void {
    for (const id of [...this.byId.keys()]) this.settle(id, 'undecided')
  }
}
