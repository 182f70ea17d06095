import type { ErrorCode } from '../../base/codes'
import type { Scheduler, Timer } from '../../base/scheduler'
import { Code } from '../../coap/codes'
import type { BootstrapConfiguration } from './configuration'
import type { BootstrapRequest } from './events'
import { RequestRefused } from './refusals'

/** What an application decides for a pending request. */
export type BootstrapDecision =
  | 'refuse'
  /** What the stored configurations say. */
  | 'stored'
  | (Omit<BootstrapConfiguration, 'endpoint'> & { readonly endpoint?: string })

interface Waiting {
  readonly request: BootstrapRequest
  readonly timer: Timer
  readonly resolve: (decision: BootstrapDecision) => void
  readonly reject: (refused: RequestRefused) => void
}

/** Requests that wait for an application to decide. Bounded in number and time. */
export class Decisions {
  private readonly waiting = new Map<string, Waiting>()
  private readonly byEndpoint = new Map<string, string>()

  /** @param timeout milliseconds */
  constructor(
    private readonly clock: Scheduler,
    private readonly timeout: number,
    private readonly max: number,
  ) {}

  get pending(): readonly BootstrapRequest[] {
    return [...this.waiting.values()].map((one) => one.request)
  }

  get(id: string): BootstrapRequest | undefined {
    return this.waiting.get(id)?.request
  }

  /**
   * Resolves with the decision. A later request of the same endpoint takes the place of this one.
   * @throws RequestRefused `undecided`, `superseded`, `overload`
   */
  wait(request: BootstrapRequest): Promise<BootstrapDecision> {
    const earlier = this.byEndpoint.get(request.endpoint)
    if (earlier !== undefined) {
      this.take(earlier)?.reject(refused('superseded', 'the device asked again'))
    }
    return new Promise((resolve, reject) => {
      if (this.waiting.size >= this.max) {
        reject(refused('overload', 'too many requests wait for a decision'))
        return
      }
      const timer = this.clock.after(this.timeout, () => {
        this.take(request.id)?.reject(refused('undecided', `no decision within ${this.timeout} ms`))
      })
      this.waiting.set(request.id, { request, timer, resolve, reject })
      this.byEndpoint.set(request.endpoint, request.id)
    })
  }

  /** @returns whether it was still waiting */
  decide(id: string, decision: BootstrapDecision): boolean {
    const waiting = this.take(id)
    waiting?.resolve(decision)
    return waiting !== undefined
  }

  rejectAll(error: RequestRefused): void {
    for (const id of [...this.waiting.keys()]) this.take(id)?.reject(error)
  }

  private take(id: string): Waiting | undefined {
    const waiting = this.waiting.get(id)
    if (waiting === undefined) return undefined
    this.clock.cancel(waiting.timer)
    this.waiting.delete(id)
    this.byEndpoint.delete(waiting.request.endpoint)
    return waiting
  }
}

function refused(code: ErrorCode, reason: string): RequestRefused {
  return new RequestRefused(Code.SERVICE_UNAVAILABLE, code, reason)
}
