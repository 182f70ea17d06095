import type { WarningCode } from '../../base/codes'
import { type Clock, systemClock } from '../../base/clock'
import { TypedEmitter } from '../../base/events'
import { detach } from '../../base/guard'
import { Scheduler } from '../../base/scheduler'
import { Serial } from '../../base/serial'
import type { DtlsCredentials } from '../../dtls/credentials'
import { type Store, StoreError } from '../../storage/store'
import { matchesPattern } from '../endpoint-pattern'
import type { RegistrationAuthority } from '../registration/registration-authority'
import { type CertificatePolicy, CredentialAuthority } from './authority'
import type { Credential, CredentialInfo, CredentialSource, CredentialUse } from './credential'
import {
  type AuthorizationOptions,
  type AuthorizationRequest,
  AuthorizationRequests,
} from './authorization-requests'
import { AskingLookups } from './asking-lookups'
import { byEndpointAndAge, duplicate, fixedError } from './conflicts'
import { CredentialError } from './credential-error'
import { FileWatch, readCredentialFile } from './credential-file'
import { type CredentialInput, parseCredential } from './credential-input'
import { CREDENTIAL_PREFIX, restoreCredential, storeChanges } from './credential-record'
import { CredentialTable } from './credential-table'
import { PeerLookups, type ServerIdentity } from './peer-lookups'
import { Revocation } from './revocation'
import { sourceChange } from './source-change'

/** Generated credentials of one endpoint that may wait to be confirmed. */
const UNCONFIRMED = 2

export interface CredentialStoreOptions {
  /**
   * What a certificate under the trust anchors is good for where no credential speaks of its
   * endpoint: for the endpoint that it names (`named`, the default) or nothing (`listed`).
   */
  readonly certificates?: CertificatePolicy
  readonly clock?: Clock
  /**
   * Ask the application about identities and endpoints that no credential knows (event `request`, method
   * `decide`). Default: unknown identities are refused, unknown endpoints without security accepted.
   */
  readonly authorization?: AuthorizationOptions
}

export interface CredentialEvents {
  /** What came into force and what went. */
  changed: [added: readonly CredentialInfo[], removed: readonly CredentialInfo[]]
  /**
   * Whoever it matches is to be dropped now, together with its resumable session.
   * @internal
   */
  revoked: [revocation: Revocation]
  /** A device that no credential knows asks to be let in: {@link CredentialStore.decide}. */
  request: [request: AuthorizationRequest]
  /** An entry or a file was refused, or could not be kept; `message` names it. */
  warning: [warning: { readonly code: WarningCode; readonly message: string }]
}

/**
 * All credentials of one server, from three sources: the list of the dialog, a file that is read again
 * when it changes, and what flows and the bootstrap server add at run time, which is kept in the store.
 * Keys go in and never come out, but to the DTLS look-ups.
 */
export class CredentialStore extends TypedEmitter<CredentialEvents> {
  private readonly table = new CredentialTable()
  private readonly clock: Scheduler
  private readonly policy: CertificatePolicy
  private readonly changes = new Serial()
  private store: Store | undefined
  private watch: FileWatch | undefined
  private readonly requests: AuthorizationRequests | undefined

  constructor(options: CredentialStoreOptions = {}) {
    super()
    this.clock = new Scheduler(options.clock ?? systemClock, (error) => this.warn(error))
    this.requests =
      options.authorization &&
      new AuthorizationRequests(this.clock, options.authorization, (request) => {
        if (!this.hasListeners('request')) return false
        this.emit('request', request)
        return true
      })
    this.policy = options.certificates ?? 'named'
  }

  /** Devices that wait for {@link decide}. */
  get pending(): readonly AuthorizationRequest[] {
    return this.requests?.pending ?? []
  }

  /**
   * Decides about a device that asked to be let in. One that makes a handshake needs a credential of its
   * identity: {@link add} it before. An endpoint without security is accepted for this registration.
   * @returns whether the request was still waiting
   */
  decide(id: string, accept: boolean): boolean {
    return this.requests?.settle(id, accept ? 'accepted' : 'refused') ?? false
  }

  /** How many are in force. */
  get size(): number {
    return this.table.size
  }

  /**
   * Loads what was added at run time from a store, which is open already, and keeps there what will
   * be. Without it, run-time credentials end with the process.
   * @throws StoreError
   */
  async open(store: Store): Promise<void> {
    await this.changes.run(async () => {
      const restored: Credential[] = []
      for await (const [key, value] of store.list(CREDENTIAL_PREFIX)) {
        try {
          restored.push(restoreCredential(key.slice(CREDENTIAL_PREFIX.length), value))
        } catch (error) {
          if (error instanceof StoreError) throw error
          this.warn(error)
        }
      }
      this.store = store
      this.apply(this.table.from('runtime').concat(restored), 'runtime').forEach((problem) =>
        this.warn(problem),
      )
    })
  }

  /** Stops looking at the file. The store is its owner's to close. */
  async close(): Promise<void> {
    this.watch?.stop()
    this.watch = undefined
    this.requests?.close()
    await this.changes.run(async () => {
      this.store = undefined
    })
  }

  /**
   * Replaces the entries of the dialog. Those that are not valid or duplicate another one are left
   * out, so that one mistake does not keep all devices out.
   * @returns what is wrong with those left out; also emitted as `warning`
   */
  async setList(inputs: readonly CredentialInput[]): Promise<CredentialError[]> {
    const problems: CredentialError[] = []
    const credentials: Credential[] = []
    for (const [i, input] of inputs.entries()) {
      try {
        credentials.push(parseCredential(input, `credential ${i + 1} of the list`, 'list'))
      } catch (error) {
        if (!(error instanceof CredentialError)) throw error
        problems.push(error)
      }
    }
    problems.push(...(await this.changes.run(async () => this.apply(credentials, 'list'))))
    for (const problem of problems) this.warn(problem)
    return problems
  }

  /**
   * Reads a credentials file now and whenever it changes. Now, entries that are wrong are left out and
   * reported. A changed file is taken only when all of it is right: one that is half written must not
   * cut devices off. A file that goes away changes nothing either.
   * @param path `undefined`: none any more, what came from a file is removed
   * @returns what is wrong now; also emitted as `warning`
   */
  async useFile(path: string | undefined): Promise<CredentialError[]> {
    this.watch?.stop()
    this.watch = undefined
    if (path === undefined) {
      await this.changes.run(async () => this.apply([], 'file'))
      return []
    }
    const watch = new FileWatch(path, this.clock, () => this.rereadFile(path))
    this.watch = watch
    await watch.start()
    let problems: CredentialError[]
    try {
      const content = await readCredentialFile(path)
      const conflicts = await this.changes.run(async () => this.apply(content.credentials, 'file'))
      problems = [...content.problems, ...conflicts]
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error
      problems = [error]
    }
    for (const problem of problems) this.warn(problem)
    return problems
  }

  /**
   * Adds a credential at run time; an endpoint may have several.
   * @returns once it is kept
   * @throws CredentialError `invalid-credential`, `duplicate-identity`
   * @throws StoreError
   */
  async add(input: CredentialInput): Promise<CredentialInfo> {
    return this.changes.run(() => this.put(this.parseRuntime(input), []))
  }

  /**
   * Puts a credential in the place of all that were added for its endpoint and use at run time.
   * @throws CredentialError `invalid-credential`; `duplicate-identity`; `fixed-credential` where the
   * list or the file has one for the endpoint
   * @throws StoreError
   */
  async replace(input: CredentialInput): Promise<CredentialInfo> {
    return this.changes.run(async () => {
      const credential = this.parseRuntime(input)
      const present = this.table.of(credential.use, credential.endpoint)
      const fixed = present.find((one) => one.source !== 'runtime')
      if (fixed !== undefined) throw fixedError(fixed, 'replaced')
      return this.put(credential, present)
    })
  }

  /**
   * Removes run-time credentials of an endpoint: of one use or of both, of one identity or of all.
   * @returns how many; 0 when there was none
   * @throws CredentialError `fixed-credential` where only the list or the file has one
   * @throws StoreError
   */
  async remove(which: {
    readonly endpoint: string
    readonly use?: CredentialUse
    /** As {@link CredentialInfo.identity} shows it. */
    readonly identity?: string
  }): Promise<number> {
    return this.changes.run(async () => {
      const uses: CredentialUse[] = which.use === undefined ? ['server', 'bootstrap'] : [which.use]
      const found = uses
        .flatMap((use) => this.table.of(use, which.endpoint))
        .filter((one) => which.identity === undefined || one.info.identity === which.identity)
      const [fixed] = found.filter((one) => one.source !== 'runtime')
      const removed = found.filter((one) => one.source === 'runtime')
      if (removed.length === 0 && fixed !== undefined) throw fixedError(fixed, 'removed')
      await this.write([], removed)
      this.exchange([], removed)
      return removed.length
    })
  }

  /** What is in force, by endpoint and then by age, without secrets. */
  list(
    filter: {
      /** An endpoint name or pattern. */
      readonly pattern?: string
      readonly use?: CredentialUse
      readonly offset?: number
      readonly limit?: number
    } = {},
  ): CredentialInfo[] {
    const { pattern = '*', use, offset = 0, limit = Infinity } = filter
    const found = [...this.table.values()].filter(
      (one) =>
        (use === undefined || one.use === use) &&
        (one.endpoint === pattern || matchesPattern(pattern, one.endpoint)),
    )
    found.sort(byEndpointAndAge)
    return found.slice(offset, offset + limit).map((one) => one.info)
  }

  /**
   * Adds a pre-shared key that the bootstrap server is about to write to a device. The key that the
   * device is known to hold stays valid beside it until this one is {@link confirm confirmed}, because
   * nobody can know when the device takes it over. Of those never confirmed only the latest two stay.
   * @returns once it is kept, so that no device ever has a key that a crash made unknown here
   * @throws CredentialError, StoreError
   */
  async addGenerated(
    endpoint: string,
    identity: Uint8Array,
    key: Uint8Array,
  ): Promise<CredentialInfo> {
    return this.changes.run(async () => {
      const input: CredentialInput = { endpoint, mode: 'psk', identity, key }
      const credential = this.parseRuntime(input, true)
      const waiting = this.generatedFor(endpoint).filter((one) => !one.confirmed)
      return this.put(credential, waiting.slice(0, Math.max(0, waiting.length - UNCONFIRMED + 1)))
    })
  }

  /**
   * The device is known to hold this generated credential: removes the other generated ones of its
   * endpoint. Done by the bootstrap server after Finish, and here when a device registers with one.
   * @throws StoreError
   */
  async confirm(id: string): Promise<void> {
    await this.changes.run(async () => {
      const credential = this.table.get(id)
      if (credential === undefined || !credential.generated) return
      const confirmed = credential.asConfirmed()
      const others = this.generatedFor(credential.endpoint).filter((one) => one !== credential)
      await this.write([confirmed], others)
      this.table.delete(credential)
      this.table.add(confirmed)
      this.exchange([], others)
    })
  }

  /**
   * Who may register (or bootstrap) as which endpoint.
   * @internal
   */
  authority(use: CredentialUse): RegistrationAuthority {
    const onProven = (credential: Credential): void => {
      if (!credential.generated || credential.confirmed) return
      detach(this.confirm(credential.id), (error) => this.warn(error))
    }
    return new CredentialAuthority(use, this.table, this.policy, onProven, this.requests)
  }

  /**
   * The credentials of a DTLS transport that serves these uses.
   * @param own its own key and trust anchors; without a key there is PSK only
   * @internal
   */
  lookups(uses: readonly CredentialUse[], own?: ServerIdentity): PeerLookups {
    return new PeerLookups(this.table, uses, this.policy, this.clock, own)
  }

  /**
   * {@link lookups} that ask the application about who is not known, where that was chosen.
   * @internal
   */
  dtlsCredentials(uses: readonly CredentialUse[], own?: ServerIdentity): DtlsCredentials {
    const known = this.lookups(uses, own)
    return this.requests === undefined ? known : new AskingLookups(known, this.requests)
  }

  private async rereadFile(path: string): Promise<void> {
    try {
      const { credentials, problems } = await readCredentialFile(path)
      await this.changes.run(async () => {
        const change = sourceChange(this.table, 'file', credentials)
        const all = [...problems, ...change.problems]
        if (all.length === 0) this.exchange(change.added, change.removed)
        else {
          const more = all.length > 1 ? ` (and ${all.length - 1} more)` : ''
          this.emit('warning', {
            code: 'credential-file',
            message: `the changed file was rejected: ${all[0]?.message ?? ''}${more}`,
          })
        }
      })
    } catch (error) {
      this.warn(error)
    }
  }

  private parseRuntime(input: unknown, generated = false): Credential {
    const addedAt = this.clock.now()
    return parseCredential(input, 'credential', 'runtime', { generated, addedAt })
  }

  private generatedFor(endpoint: string): Credential[] {
    return this.table
      .of('server', endpoint)
      .filter((one) => one.generated)
      .sort(byEndpointAndAge)
  }

  /** Keeps one credential and gives others up for it, first in the store, then in memory. */
  private async put(
    credential: Credential,
    replaced: readonly Credential[],
  ): Promise<CredentialInfo> {
    const holder = this.table.inSlot(credential.slot)
    if (holder !== undefined && !replaced.includes(holder)) throw duplicate(credential, holder)
    await this.write([credential], replaced)
    this.exchange([credential], replaced)
    return credential.info
  }

  private async write(added: readonly Credential[], removed: readonly Credential[]): Promise<void> {
    await this.store?.batch(storeChanges(added, removed))
  }

  /** Replaces all credentials of a source in memory. @returns those that were refused */
  private apply(
    wanted: readonly Credential[],
    source: CredentialSource,
  ): readonly CredentialError[] {
    const { added, removed, problems } = sourceChange(this.table, source, wanted)
    this.exchange(added, removed)
    return problems
  }

  private exchange(added: readonly Credential[], removed: readonly Credential[]): void {
    if (added.length === 0 && removed.length === 0) return
    for (const one of removed) this.table.delete(one)
    for (const one of added) this.table.add(one)
    if (removed.length > 0) this.emit('revoked', new Revocation(removed))
    if (this.hasListeners('changed')) {
      this.emit(
        'changed',
        added.map((one) => one.info),
        removed.map((one) => one.info),
      )
    }
  }

  private warn(error: unknown): void {
    const code = error instanceof CredentialError ? error.code : 'credential-store'
    const message = error instanceof Error ? error.message : String(error)
    this.emit('warning', { code, message })
  }
}
