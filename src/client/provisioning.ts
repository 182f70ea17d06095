import type { Scheduler } from '../base/scheduler'
import { DecodeError } from '../lwm2m/formats/codec'
import { ServerResource } from '../lwm2m/objects/server'
import { Path } from '../lwm2m/path'
import type { Record } from '../lwm2m/record'
import {
  SECURITY,
  SERVER,
  SecurityMode,
  bootstrapAccount,
  serverAccounts,
  type ServerAccount,
} from './accounts'
import { retryDelay } from './backoff'
import { assign } from './behaviours/implement'
import {
  accountRecords,
  decodeAccounts,
  encodeAccounts,
  restoreAccounts,
} from './bootstrap/accounts-file'
import { BootstrapInterface } from './bootstrap/bootstrap-interface'
import { BootstrapSession } from './bootstrap/bootstrap-session'
import type { VirtualDevice } from './device'
import { ClientError } from './errors'
import { defaultFormats, type DeviceContext } from './operations/device-context'
import type { WakeUp } from './session/wake-up'
import { parseServerUri } from './session/server-uri'
import { accountCredentials } from './account-credentials'
import { openTransport, transportTarget } from './transports'
import type { Lwm2mClientEvents, Lwm2mClientOptions, RetryPolicy } from './types'

/** Called by the provisioning; implemented by the client. */
export interface ProvisioningListener {
  onWaiting(waiting: boolean): void
  onWarning(code: string, message: string, error?: Error): void
  /** Undefined if there is no listener. */
  trace(): ((...args: Lwm2mClientEvents['trace']) => void) | undefined
}

/**
 * Obtains the server accounts of the device: from options, from the accounts store, or by
 * bootstrap.
 */
export class Provisioning {
  private session: BootstrapSession | undefined
  /** The accounts of the options, before any bootstrap. */
  private readonly factory: readonly Record[]

  constructor(
    private readonly options: Lwm2mClientOptions,
    private readonly device: VirtualDevice,
    private readonly clock: Scheduler,
    private readonly retry: RetryPolicy,
    private readonly listener: ProvisioningListener,
  ) {
    this.factory = accountRecords(device.tree)
  }

  /** Loads the stored accounts, unless the options contain a server. */
  async load(): Promise<void> {
    const { accountsStore, endpoint, server } = this.options
    if (accountsStore === undefined || server !== undefined) return
    const bytes = await accountsStore.load(endpoint)
    if (bytes === undefined) return
    const { tree } = this.device
    const before = accountRecords(tree)
    try {
      restoreAccounts(tree, this.withOwnBootstrapServer(decodeAccounts(tree, bytes)))
      const wrong = this.inconsistency()
      if (wrong !== undefined) throw new ClientError('accounts-damaged', wrong)
    } catch (error) {
      restoreAccounts(tree, before)
      if (!(error instanceof DecodeError || error instanceof ClientError)) throw error
      this.listener.onWarning('accounts-damaged', `kept accounts: ${error.message}`, error)
    }
    this.adopt()
  }

  /** Removes what a bootstrap configured (factory reset, `/3/0/5`). */
  async reset(): Promise<void> {
    restoreAccounts(this.device.tree, this.factory)
    this.adopt()
    await this.save()
  }

  /**
   * Bootstraps until the device is configured, with at most `attempts` attempts.
   * @throws BindError; ClientError `bootstrap-failed` after the last retry, `not-running`
   */
  async bootstrap(
    signal: AbortSignal,
    pause: WakeUp,
    attempts: number,
  ): Promise<readonly ServerAccount[]> {
    const account = bootstrapAccount(this.device.tree)
    if (account === undefined) {
      throw new ClientError('bootstrap-failed', 'there is no bootstrap server')
    }
    if (account.holdOff > 0) await pause.wait(account.holdOff * 1000)
    for (let failures = 0; ;) {
      if (signal.aborted) throw new ClientError('not-running', 'the client stopped')
      this.listener.onWaiting(false)
      const before = accountRecords(this.device.tree)
      try {
        await this.visit(account, signal)
        const accounts = serverAccounts(this.device.tree)
        this.date(accounts)
        await this.save()
        return accounts
      } catch (error) {
        // Undo an incomplete configuration.
        restoreAccounts(this.device.tree, before)
        this.adopt()
        if (signal.aborted) throw error
        const why = error instanceof Error ? error : new Error(String(error))
        const delay = ++failures < attempts ? retryDelay(failures, this.retry) : undefined
        if (delay === undefined) throw new ClientError('bootstrap-failed', why.message)
        this.listener.onWarning('bootstrap-failed', why.message, why)
        this.listener.onWaiting(true)
        await pause.wait(delay)
      }
    }
  }

  /** Closes the socket of the last bootstrap. */
  async close(): Promise<void> {
    await this.session?.stop()
    this.session = undefined
  }

  private async visit(account: ServerAccount, signal: AbortSignal): Promise<void> {
    await this.close()
    const { options, clock } = this
    const uri = parseServerUri(account.uri)
    const context = this.context()
    const session = new BootstrapSession({
      clock,
      transport: openTransport(
        options,
        transportTarget(account, uri.secure, clock),
        options.local?.port,
      ),
      coap: options.coap,
      uri,
      endpoint: options.sendEndpoint === false ? undefined : options.endpoint,
      pack: options.bootstrapPack ?? context.version === '1.2',
      context,
      interface: new BootstrapInterface(context, () => this.inconsistency()),
      signal,
      onTrace: this.listener.trace(),
    })
    this.session = session
    await session.run()
    // A fixed local port is needed by the registration that follows.
    if (options.local?.port === undefined) session.linger()
    else await this.close()
  }

  private context(): DeviceContext {
    const { options, device, clock } = this
    const version = options.version ?? '1.1'
    return {
      clock,
      tree: device.tree,
      behaviours: device.behaviours,
      version,
      root: '',
      formats: options.formats ?? defaultFormats(version),
      warn: (code, message) => this.listener.onWarning(code, message),
    }
  }

  /** Why the accounts cannot be used (Core §6.1.7.6: Finish is then answered with 4.06). */
  private inconsistency(): string | undefined {
    const accounts = serverAccounts(this.device.tree)
    if (accounts.length === 0) {
      return 'no complete server account: /0 with URI and Short Server ID, /1 with the same id'
    }
    for (const account of accounts) {
      const { uri, mode, securityInstance } = account
      const where = `/0/${securityInstance}`
      let secure: boolean
      try {
        secure = parseServerUri(uri).secure
      } catch {
        return `${where}: ${JSON.stringify(uri)} is not a coap or coaps URI`
      }
      if (secure ? mode === SecurityMode.NOSEC : mode !== SecurityMode.NOSEC) {
        return `${where}: security mode ${mode} is not supported with ${uri}`
      }
      if (!secure) continue
      try {
        accountCredentials(account)
      } catch (error) {
        if (error instanceof ClientError) return `${where}: ${error.message}`
        throw error
      }
    }
    return undefined
  }

  /** `/1/x/12`: when the account was bootstrapped. */
  private date(accounts: readonly ServerAccount[]): void {
    for (const { serverInstance } of accounts) {
      if (serverInstance === undefined) continue
      const path = new Path([SERVER, serverInstance, ServerResource.LAST_BOOTSTRAPPED])
      assign(this.device.tree, path, new Date(Math.floor(this.clock.now() / 1000) * 1000))
    }
  }

  /** The bootstrap server of the options replaces the stored one. */
  private withOwnBootstrapServer(kept: readonly Record[]): Record[] {
    const isBootstrap = (records: readonly Record[], instance: number | undefined): boolean =>
      records.some(
        ({ path, value }) => path.instance === instance && path.resource === 1 && value === true,
      )
    const security = (records: readonly Record[]): readonly Record[] =>
      records.filter(({ path }) => path.object === SECURITY)
    const own = security(this.factory).filter(({ path }) =>
      isBootstrap(security(this.factory), path.instance),
    )
    if (own.length === 0) return [...kept]
    const others = kept.filter(
      ({ path }) => path.object !== SECURITY || !isBootstrap(security(kept), path.instance),
    )
    const taken = new Set(security(others).map(({ path }) => path.instance))
    let free = 0
    while (taken.has(free)) free++
    const moved = own.map((record) => {
      const [, , ...rest] = record.path.ids
      return { ...record, path: new Path([SECURITY, free, ...rest]) }
    })
    return [...moved, ...others]
  }

  private async save(): Promise<void> {
    const { accountsStore, endpoint } = this.options
    await accountsStore?.save(endpoint, encodeAccounts(this.device.tree))
  }

  private adopt(): void {
    const { tree } = this.device
    for (const id of [SECURITY, SERVER]) {
      for (const instance of tree.object(id)?.sorted() ?? []) {
        this.device.adopt(new Path([id, instance.id]))
      }
    }
  }
}
