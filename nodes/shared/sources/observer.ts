import { isDeepStrictEqual } from 'node:util'
import { CodedError } from '../../../src/base/coded-error'
import { detach, type Guard, nextTurn } from '../../../src/base/guard'
import { Serial } from '../../../src/base/serial'
import { Lwm2mPath as Path, type Lwm2mServer } from '../../../src'
import { countStatus, serverStatus } from '../status/device-status'
import { readPaths } from '../actions/read-paths'
import type { Engine } from '../server/engine'
import { failureStatus, toCodedError } from '../messages/failure'
import type { LargeIntegers } from '../messages/flow-values'
import { type PayloadKeys, singleValueText, valueMessage } from '../messages/messages'
import { definitionsOf } from '../messages/names'
import { topicOf } from '../messages/topic'
import { type FirstOutcome, NodeSubscriptions, type Report } from './node-subscriptions'
import {
  restoreSubscriptions,
  type NodeSubscription,
  type SubscriptionDefaults,
} from './subscription'
import { FlowOutput } from '../runtime/flow-output'
import { guardOf, onClose } from '../runtime/entries'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { HostState } from '../server/server-host'
import { findHost } from '../server/server-node'
import type { StatusContent, StatusLine } from '../status/status-line'

export interface ObserverOptions {
  readonly defaults: SubscriptionDefaults
  readonly keys: PayloadKeys
  readonly integers: LargeIntegers
  /** Keeps the subscriptions with the state of the server, so that those made by messages survive. */
  readonly kept: boolean
  /** Passes a value on. */
  emit(message: NodeMessage): void
  /** Where the state is shown; left out where the node has more to show. */
  readonly status?: StatusLine
}

/**
 * What one `lwm2m-observe` node wants to know: its subscriptions, made true whenever the server runs. Values
 * become messages; a refusal becomes an error that Catch nodes see, and the subscription stays.
 */
export class Observer {
  private readonly subscriptions: NodeSubscriptions
  private readonly output: FlowOutput<Report> | undefined
  private server: Lwm2mServer | undefined
  private state: HostState = { kind: 'stopped' }
  /** The last value, while one device is observed. */
  private latest: StatusContent | undefined
  private readonly changes = new Serial()
  /** What was ended before the kept subscriptions were there. */
  private readonly early: ((subscription: NodeSubscription) => boolean)[] = []
  private closed = false
  private readonly guard: Guard

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    serverId: string,
    private readonly options: ObserverOptions,
  ) {
    const { defaults, kept, status } = options
    this.guard = guardOf(node)
    const host = findHost(RED, serverId)
    if (host === undefined) {
      const text = sharedText(RED, 'failure.no-server')
      status?.show({ fill: 'red', shape: 'ring', text })
    }
    const key = `${node.id}/${kept ? 'kept' : 'static'}`
    this.subscriptions =
      host?.handover.take(key, NodeSubscriptions) ?? new NodeSubscriptions(defaults)
    this.subscriptions.configure(defaults)
    this.subscriptions.onCount = () => this.showCount()
    const { reports } = this.subscriptions
    this.output =
      host &&
      new FlowOutput(
        node,
        host.lifecycle,
        reports,
        (report) => this.onReport(report),
        (count) => node.warn(`${count} values were lost during the deploy`),
      )
    const leave = host?.use({ onState: (state) => this.onState(state) }, node)
    onClose(node, (removed) => {
      this.closed = true
      const { state, subscriptions } = this
      leave?.()
      status?.close()
      this.output?.close()
      subscriptions.onCount = () => {}
      if (!removed && host !== undefined) {
        host.handover.park(key, subscriptions)
        return
      }
      subscriptions.detach('close')
      if (!kept || state.kind !== 'running') return
      // What cannot be forgotten now is known to nobody after the next deploy.
      return state.engine.notes.keep(node.id, undefined).catch(() => undefined)
    })
  }

  /** The subscriptions there are. */
  list(): NodeSubscription[] {
    return this.subscriptions.all
  }

  /** Adds a subscription; one of the same target and paths is replaced. @throws what `observe` throws */
  add(subscription: NodeSubscription, first?: FirstOutcome): void {
    this.subscriptions.add(subscription, first)
    if (first !== undefined && this.server !== undefined) {
      this.guard.detach('reading a first value', this.readFirst(this.server, subscription, first))
    }
    this.keep()
    this.showCount()
  }

  /** Wants this and nothing else; where it is observed already, that goes on. */
  only(subscription: NodeSubscription): void {
    const { subscriptions } = this
    subscriptions.remove((one) => !isDeepStrictEqual(one, subscription))
    if (!subscriptions.has(subscription)) this.add(subscription)
  }

  /**
   * A subscription that joins an observation of others hears at once what came last. After a restart nothing
   * has come yet, and may not for hours: then the device is asked.
   */
  private async readFirst(
    server: Lwm2mServer,
    subscription: NodeSubscription,
    first: FirstOutcome,
  ): Promise<void> {
    await nextTurn()
    if (!this.subscriptions.awaits(subscription, first)) return
    const { format } = subscription
    const options = format === undefined ? {} : { format }
    const outcome = await readPaths(server, subscription.target, subscription.paths, options).catch(
      toCodedError,
    )
    if (!this.subscriptions.withdraw(subscription, first)) return
    if (!(outcome instanceof CodedError)) return first.onValue(outcome)
    this.remove((one) => one === subscription)
    first.onError(outcome)
  }

  /** Ends a subscription whose first outcome is still awaited; false where that came. */
  withdraw(subscription: NodeSubscription, first: FirstOutcome): boolean {
    if (!this.subscriptions.withdraw(subscription, first)) return false
    this.remove((one) => one === subscription)
    return true
  }

  /** Ends the subscriptions that `matches` picks. Answers how many. */
  remove(matches: (subscription: NodeSubscription) => boolean): number {
    if (!this.subscriptions.restored) this.early.push(matches)
    const removed = this.subscriptions.remove(matches)
    this.keep()
    this.showCount()
    return removed
  }

  /** Brings back, once, what was wanted before the process was started anew. */
  private async restore({ notes }: Engine): Promise<void> {
    const { subscriptions } = this
    if (subscriptions.restored) return
    subscriptions.restored = true
    for (const subscription of restoreSubscriptions(await notes.recall(this.node.id))) {
      const gone = this.early.some((matches) => matches(subscription))
      if (!gone && !subscriptions.has(subscription)) this.add(subscription)
    }
  }

  /** In order, so that what is kept last is what is wanted last. */
  private keep(): void {
    const { state } = this
    if (!this.options.kept || state.kind !== 'running') return
    const { engine } = state
    const kept = this.changes.run(async () => {
      if (this.closed) return
      await this.restore(engine)
      await engine.notes.keep(this.node.id, this.list())
    })
    detach(kept, (error) => this.node.warn(toCodedError(error).message))
  }

  private onState(state: HostState): void {
    const { subscriptions } = this
    const wasRunning = this.state.kind === 'running'
    this.state = state
    if (state.kind === 'running') {
      this.server = state.engine.server
      subscriptions.attach(this.server)
      this.output?.start()
      this.keep()
    } else if (wasRunning) {
      this.server = undefined
      subscriptions.detach('release')
    }
    this.showCount()
  }

  private onReport(report: Report): void {
    if ('error' in report) return this.fail(report.subscription, report.endpoint, report.error)
    const { subscription, server, result, registration } = report
    const { model } = server
    const { status, keys, integers } = this.options
    const context = { model, registration, keys, integers }
    const paths = subscription.paths.map(Path.from)
    this.options.emit(valueMessage({ ...subscription.message }, result, paths, context))
    if (status === undefined || this.subscriptions.devices > 1) return
    const text = singleValueText(result.records, definitionsOf(result, model, registration))
    if (text === undefined) return
    this.latest = { fill: 'green', shape: 'dot', text, since: Date.now() }
    status.show(this.latest)
  }

  private fail(subscription: NodeSubscription, endpoint: string, thrown: unknown): void {
    const error = toCodedError(thrown)
    if (this.subscriptions.devices <= 1) this.options.status?.show(failureStatus(this.RED, error))
    const path = subscription.paths.length === 1 ? subscription.paths[0] : [...subscription.paths]
    this.node.error(error, {
      ...subscription.message,
      endpoint,
      path,
      topic: topicOf(endpoint, subscription.paths[0]),
    })
  }

  private showCount(): void {
    const content = serverStatus(this.RED, this.state)
    if (content !== undefined) this.options.status?.show(content)
    else if (this.state.kind === 'running') {
      const { devices } = this.subscriptions
      const latest = devices === 1 ? this.latest : undefined
      this.options.status?.show(latest ?? countStatus(this.RED, devices))
    }
  }
}
