import type { Clock } from '../../base/clock'
import { CodedError } from '../../base/coded-error'
import { Code, formatCode, isSuccess } from '../../coap/codes'
import type { CoapEndpoint } from '../../coap/endpoint'
import type { CoapRequestInit, CoapResponse } from '../../coap/types'
import { diagnosticOf } from '../../lwm2m/diagnostic'
import { decode, encode } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import type { ResourceDefinition } from '../../lwm2m/model/definition'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { CredentialStore } from '../credentials/credential-store'
import type { DeviceState } from './device-state'
import { readDiscovery } from './discovery'
import type { BootstrapProgress, BootstrapRequest, BootstrapResult, StepReport } from './events'
import { type GeneratedPsk, generatePsks } from './generated-psk'
import { stateAfter } from './known-devices'
import { type Plan, planBootstrap, type Step } from './plan'
import { provisionedServers } from './provisioned-servers'
import type { ResolvedConfiguration } from './resolved-configuration'
import { impliedVersion, type WriteFormat, writeFormat } from './write-format'

/** What a session works with. */
export interface SessionContext {
  readonly coap: CoapEndpoint
  readonly credentials: CredentialStore | undefined
  readonly resource: (path: Path) => ResourceDefinition | undefined
  readonly clock: Clock
  /** Milliseconds each request may take; the CoAP endpoint's default where undefined. */
  readonly responseTimeout: number | undefined
  readonly onProgress: (progress: BootstrapProgress) => void
}

/** The session ends, but not by what the device answered. */
class SessionEnd extends Error {
  constructor(readonly outcome: 'replaced' | 'stopped') {
    super(outcome)
  }
}

/**
 * Bootstraps one device (Core §6.1): Discover, reads, deletes, writes, Finish; each request after the
 * answer to the one before. An error answer is noted and the session goes on; no answer ends it.
 */
export class BootstrapSession {
  private readonly abort = new AbortController()
  private readonly steps: StepReport[] = []
  private readonly records: Record[] = []
  private readonly startedAt: number
  private readonly began: number
  private version: string | undefined
  private format: WriteFormat | undefined
  private plan: Plan | undefined
  private generated: ReadonlyMap<number, GeneratedPsk> = new Map()
  private readonly notes: string[] = []
  private discovered: DeviceState | undefined
  private outcome: BootstrapResult['outcome'] | undefined

  constructor(
    readonly request: BootstrapRequest,
    private readonly configuration: ResolvedConfiguration,
    private readonly context: SessionContext,
  ) {
    this.startedAt = context.clock.now()
    this.began = context.clock.monotonic()
  }

  /** Gives up: nothing more is sent, and {@link run} resolves. */
  cancel(outcome: 'replaced' | 'stopped'): void {
    this.abort.abort(new SessionEnd(outcome))
  }

  /** Resolves with how it ended; never rejects. */
  async run(): Promise<BootstrapResult> {
    try {
      const state = this.configuration.discover ? await this.discover() : undefined
      this.discovered = state
      this.version = state?.version ?? impliedVersion(this.request.preferredFormat)
      this.format = writeFormat(
        this.configuration.format,
        this.request.preferredFormat,
        this.version,
      )
      this.generated = await generatePsks(this.configuration, this.context.credentials)
      this.plan = planBootstrap(this.configuration, state, this.version, this.generated)
      this.notes.push(...this.plan.notes)
      let failed = false
      for (const step of this.plan.steps) {
        const response = await this.perform(step)
        if (step.operation !== 'finish') failed ||= !isDone(step, response.code)
        else if (!isSuccess(response.code)) return this.result('failed', this.refusal())
      }
      await this.confirmGenerated()
      return this.result(failed ? 'finished-with-errors' : 'finished', this.refusal())
    } catch (error) {
      const end: unknown = this.abort.signal.reason
      if (end instanceof SessionEnd) {
        return this.result(
          end.outcome,
          new CodedError('cancelled', `the session was ${end.outcome}`),
        )
      }
      const cause =
        error instanceof CodedError
          ? error
          : new CodedError('internal', 'the session failed', { cause: error })
      return this.result('aborted', cause)
    }
  }

  /** What the device has now, as far as it said; undefined where the session did not end well. */
  get state(): DeviceState | undefined {
    const { discovered, plan, outcome } = this
    if (discovered === undefined || plan === undefined || outcome !== 'finished') return undefined
    return stateAfter(discovered, plan, this.configuration.accounts)
  }

  private async discover(): Promise<DeviceState | undefined> {
    const response = await this.ask('discover', Path.ROOT, {
      code: Code.GET,
      accept: ContentFormat.LINK,
    })
    if (!isSuccess(response.code)) {
      this.notes.push(`the device does not say what it has (${formatCode(response.code)})`)
      return undefined
    }
    try {
      return readDiscovery(response.payload)
    } catch (error) {
      const why = error instanceof CodedError ? error.message : 'unreadable'
      this.notes.push(`what the device says it has cannot be read: ${why}`)
      return undefined
    }
  }

  private async perform(step: Step): Promise<CoapResponse> {
    const path = step.path.segments()
    switch (step.operation) {
      case 'read':
        return this.read(step.path)
      case 'delete':
        return this.ask('delete', step.path, { code: Code.DELETE, path })
      case 'write':
        return this.write(step.path, step.records)
      case 'finish':
        return this.ask('finish', step.path, { code: Code.POST, path: ['bs'] })
    }
  }

  private async read(path: Path): Promise<CoapResponse> {
    const response = await this.ask('read', path, {
      code: Code.GET,
      path: path.segments(),
      accept: this.writeFormat.format,
    })
    if (!isSuccess(response.code) || response.payload.length === 0) return response
    try {
      const { resource, clock } = this.context
      const context = { base: path, resource, now: clock.now() }
      this.records.push(...decode(response.contentFormat, response.payload, context))
    } catch (error) {
      const why = error instanceof CodedError ? error.message : 'unreadable'
      this.notes.push(`the answer to reading ${path} cannot be read: ${why}`)
    }
    return response
  }

  private async write(path: Path, records: readonly Record[]): Promise<CoapResponse> {
    const { format, fallback } = this.writeFormat
    const payload = encode(format, records, { base: path, resource: this.context.resource })
    const response = await this.ask('write', path, {
      code: Code.PUT,
      path: path.segments(),
      contentFormat: format,
      payload,
    })
    if (response.code !== Code.UNSUPPORTED_CONTENT_FORMAT || fallback === undefined) return response
    // The format was a guess, and a wrong one.
    this.format = { format: fallback, fallback: undefined }
    this.steps.pop()
    this.notes.push(`the device does not take Content-Format ${format}: going on with ${fallback}`)
    return this.write(path, records)
  }

  /** @throws CodedError no answer came */
  private async ask(
    operation: StepReport['operation'],
    path: Path,
    init: CoapRequestInit,
  ): Promise<CoapResponse> {
    this.abort.signal.throwIfAborted()
    const { coap, responseTimeout } = this.context
    let response: CoapResponse
    try {
      response = await coap.request(this.request.peer, {
        ...init,
        ...(responseTimeout === undefined ? {} : { responseTimeout }),
        signal: this.abort.signal,
      })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.report({ operation, path: path.toString(), code: undefined, error: why })
      throw error
    }
    this.report({
      operation,
      path: path.toString(),
      code: formatCode(response.code),
      error: isSuccess(response.code) ? undefined : diagnosticOf(response),
    })
    return response
  }

  private report(step: StepReport): void {
    this.steps.push(step)
    this.context.onProgress({
      id: this.request.id,
      endpoint: this.request.endpoint,
      step,
      done: this.steps.length,
      total:
        this.plan === undefined
          ? undefined
          : this.plan.steps.length + (this.configuration.discover ? 1 : 0),
    })
  }

  private get writeFormat(): WriteFormat {
    return this.format ?? { format: ContentFormat.TLV, fallback: undefined }
  }

  /** The device's first error answer that counts, for the result. */
  private refusal(): CodedError | undefined {
    const first = this.steps.find(
      ({ operation, code }) =>
        operation !== 'discover' &&
        code?.startsWith('2.') === false &&
        !(operation === 'delete' && code === '4.04'),
    )
    if (first === undefined) return undefined
    const detail = first.error === '' || first.error === undefined ? '' : `: ${first.error}`
    const code = first.code ?? 'internal'
    return new CodedError(code, `${first.operation} ${first.path}: ${code}${detail}`)
  }

  /** The device took Finish: it will come with its new keys, the former ones can go. */
  private async confirmGenerated(): Promise<void> {
    const servers = provisionedServers(this.configuration, this.plan, this.generated)
    for (const server of servers) {
      const psk = this.generated.get(server.shortServerId)
      const path = `/0/${server.securityInstance}`
      const written = this.steps.some((step) => step.path === path && step.code === '2.04')
      if (psk !== undefined && written) await this.context.credentials?.confirm(psk.id)
    }
  }

  private result(
    outcome: BootstrapResult['outcome'],
    error: CodedError | undefined,
  ): BootstrapResult {
    const { id, endpoint, peer } = this.request
    this.outcome = outcome
    return {
      id,
      endpoint,
      peer,
      outcome,
      version: this.version,
      format: this.format?.format,
      steps: this.steps,
      notes: this.notes,
      servers: provisionedServers(this.configuration, this.plan, this.generated),
      records: this.records,
      error,
      startedAt: this.startedAt,
      duration: this.context.clock.monotonic() - this.began,
    }
  }
}

/** Whether a step is done: what is to be deleted may not have been there (4.04). */
function isDone({ operation }: Step, code: number): boolean {
  return isSuccess(code) || (operation === 'delete' && code === Code.NOT_FOUND)
}
