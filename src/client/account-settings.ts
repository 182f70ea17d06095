import type { Scheduler } from '../base/scheduler'
import { formatObjectList } from '../lwm2m/object-links'
import { ServerResource } from '../lwm2m/objects/server'
import type { Transport } from '../transport/transport'
import {
  bootstrapAccount,
  HIDDEN_OBJECTS,
  serverNumber,
  serverResource,
  type ServerAccount,
} from './accounts'
import { DEFAULT_RETRY } from './backoff'
import { defaultFormats } from './operations/device-context'
import type { RegistrationFacts } from './session/registration'
import { RegistrationOrder } from './session/registration-order'
import type { ServerUri } from './session/server-uri'
import type { SessionOptions } from './session/session-contract'
import type { ObjectTree } from './tree/object-tree'
import type { Lwm2mClientOptions, Lwm2mVersion, RetryPolicy } from './types'

const DEFAULT_LIFETIME = 86_400
const DEFAULT_AWAKE_WINDOW = 93_000
/** Number of attempts if a Server object has retry resources without `/1/x/17`. */
const DEFAULT_RETRY_COUNT = 5

/** The settings of one server account: those of its Server instance, then those of the options. */
export class AccountSettings {
  constructor(
    private readonly options: Lwm2mClientOptions,
    private readonly tree: ObjectTree,
  ) {}

  /** Settings of the session with an account's server. */
  session(
    account: ServerAccount,
    uri: ServerUri,
    transport: Transport,
    clock: Scheduler,
    order: RegistrationOrder,
  ): SessionOptions {
    const { sleep = {}, version = '1.1', coap } = this.options
    return {
      uri,
      shortServerId: account.shortServerId,
      clock,
      transport,
      coap,
      version,
      queueMode: this.queueMode(account),
      awakeWindow: sleep.window ?? DEFAULT_AWAKE_WINDOW,
      dropIncoming: sleep.dropIncoming ?? true,
      wakeEvery: sleep.wakeEvery,
      initialDelay: (serverNumber(this.tree, account, ServerResource.INITIAL_DELAY) ?? 0) * 1000,
      facts: () => this.facts(account),
      retry: () => this.retry(account),
      turn: () => order.turn(account.shortServerId),
    }
  }

  /** The order in which accounts are registered (`/1/x/13`, `/1/x/15`). */
  order(accounts: readonly ServerAccount[]): RegistrationOrder {
    return new RegistrationOrder(
      accounts.map((account) => ({
        shortServerId: account.shortServerId,
        priority: serverNumber(this.tree, account, ServerResource.PRIORITY),
        blocks: serverResource(this.tree, account, ServerResource.FAILURE_BLOCK) === true,
      })),
    )
  }

  /** Whether the device bootstraps again when it cannot register (`/1/x/16`, true by default). */
  bootstrapsOnFailure(account: ServerAccount): boolean {
    return (
      serverResource(this.tree, account, ServerResource.BOOTSTRAP_ON_FAILURE) !== false &&
      bootstrapAccount(this.tree) !== undefined
    )
  }

  /** Content-Formats of a version, most preferred first. */
  formats(version: Lwm2mVersion): readonly number[] {
    return this.options.formats ?? defaultFormats(version)
  }

  /**
   * The retry policy of the options, overridden by the resources of the account (`/1/x/17` to
   * `/1/x/20`).
   * @param account undefined for the bootstrap server
   */
  retry(account: ServerAccount | undefined): RetryPolicy {
    const base = { ...DEFAULT_RETRY, ...this.options.retry }
    if (account === undefined) return base
    // With endless retries it would never bootstrap.
    if (base.count === Infinity && this.bootstrapsOnFailure(account)) {
      return this.ownRetry(account, { ...base, count: DEFAULT_RETRY_COUNT })
    }
    return this.ownRetry(account, base)
  }

  private ownRetry(account: ServerAccount, base: RetryPolicy): RetryPolicy {
    const own = (resource: number): number | undefined => {
      const value = serverNumber(this.tree, account, resource)
      return value !== undefined && value >= 1 ? value : undefined
    }
    const timer = own(ServerResource.RETRY_TIMER)
    return {
      count:
        own(ServerResource.RETRY_COUNT) ?? (timer === undefined ? base.count : DEFAULT_RETRY_COUNT),
      timer: timer ?? base.timer,
      maxTimer: timer === undefined ? base.maxTimer : Infinity,
      sequenceDelay: own(ServerResource.SEQUENCE_DELAY) ?? base.sequenceDelay,
      sequenceCount: own(ServerResource.SEQUENCE_COUNT) ?? base.sequenceCount,
    }
  }

  /** A binding of 1.0 contains queue mode itself (`UQ`), and a bootstrapped one may too. */
  private queueMode(account: ServerAccount): boolean {
    const binding = serverResource(this.tree, account, ServerResource.BINDING)
    return this.options.queueMode ?? (typeof binding === 'string' && binding.includes('Q'))
  }

  private facts(account: ServerAccount): RegistrationFacts {
    const { endpoint, sendEndpoint = true, sms, attributes = {} } = this.options
    const binding = serverResource(this.tree, account, ServerResource.BINDING)
    const plain = typeof binding === 'string' ? binding.replaceAll('Q', '') : ''
    return {
      endpoint: sendEndpoint ? endpoint : undefined,
      shortServerId: account.shortServerId,
      server: account.uri,
      lifetime: serverNumber(this.tree, account, ServerResource.LIFETIME) ?? DEFAULT_LIFETIME,
      binding: plain === '' ? 'U' : plain,
      queueMode: this.queueMode(account),
      sms,
      attributes,
      objects: (version) => this.objectList(version),
    }
  }

  /**
   * The object list without the objects hidden from servers and without end devices (object 25
   * lists those).
   */
  private objectList(version: Lwm2mVersion): string {
    const objects = [...this.tree.objects()].filter(
      ({ id, prefix }) => prefix === '' && !HIDDEN_OBJECTS.has(id),
    )
    return formatObjectList({
      root: this.options.alternateRoot,
      contentFormats: this.formats(version).slice(0, 1),
      objects: objects.map((object) => ({
        id: object.id,
        version: object.announced(version),
        instances: object.sorted().map(({ id }) => id),
      })),
    })
  }
}
