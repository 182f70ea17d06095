import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../../base/clock'
import { addressPrefixes } from '../../base/ip-address'
import { HOUR, KeyedRateLimiter, MINUTE, RateLimiter } from '../../base/rate-limiter'
import { Code } from '../../coap/codes'
import type { Peer } from '../../transport/transport'
import type { BudgetOptions } from '../options'
import type { BudgetLevels, BudgetUse, ServerWarning } from '../types'
import type { ObjectList, ObjectLists } from './object-lists'
import { NO_ATTRIBUTES } from './parameters'
import { RegistrationRefused } from './registration-refused'

/** All budgets with their limits. */
export interface BudgetLimits {
  /** Bytes of the object lists of all devices; a list that many send counts once. */
  readonly objectLists: number
  /** Bytes of the attributes of all devices: query parameters that the specification does not know. */
  readonly attributes: number
  readonly registrations: number
  /** Registers without security from one IPv4 address or IPv6 /64 in a minute. */
  readonly registersPerMinute: number
  /** Registrations without security that never expire (`lt=0`). */
  readonly unlimitedLifetimes: number
}

const MAX_REGISTRATIONS = 500_000
/** Parts of the heap's limit. */
const LISTS_PART = 1 / 8
const ATTRIBUTES_PART = 1 / 32
const REGISTRATIONS_PART = 1 / 4
/** Of the parsed lists, which are a cache. */
const PARSED_PART = 1 / 64
/** What a registration takes without its list and attributes, with room to spare, bytes. */
const REGISTRATION_BYTES = 2048
/** What an attribute takes beside its characters, bytes. */
const ATTRIBUTE_BYTES = 150
/** Parts of the registrations. */
const PER_MINUTE_PART = 1 / 10
const UNLIMITED_PART = 1 / 10
/** Enough for a few devices, however small the rest is. */
const LEAST_PER_MINUTE = 1000
const LEAST_UNLIMITED = 100
/** Senders whose Registers of the last minute are counted. */
const MOST_SENDERS = 100_000
/** Seconds after which a device that was turned away may ask again. */
const RETRY_AFTER = 60

/** The young generation of a heap of up to 512 MB, where Node.js 20 has it, bytes. */
const YOUNG_GENERATION = 48 * 2 ** 20

/**
 * What the heap of this process may grow to, bytes. From Node.js 24 on the limit that V8 reports
 * contains a young generation that grows with the size of the machine, where nothing stays: the old one counts.
 *
 * @param flags the options of the process, where `--max-old-space-size` may stand (MiB)
 */
export function heapLimit(
  flags = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '),
  reported = getHeapStatistics().heap_size_limit,
): number {
  const oldSpace = /--max[-_]old[-_]space[-_]size=(\d+)(?!.*--max[-_]old[-_]space[-_]size)/.exec(
    flags,
  )
  if (oldSpace === null) return reported
  return Math.min(reported, Number(oldSpace[1]) * 2 ** 20 + YOUNG_GENERATION)
}

/** The limits that were given, others by what the heap of this process may grow to. */
export function budgetLimits(given: BudgetOptions = {}, heap = heapLimit()): BudgetLimits {
  const registrations =
    given.registrations ??
    Math.min(MAX_REGISTRATIONS, Math.floor((heap * REGISTRATIONS_PART) / REGISTRATION_BYTES))
  return {
    registrations,
    objectLists: given.objectLists ?? Math.floor(heap * LISTS_PART),
    attributes: given.attributes ?? Math.floor(heap * ATTRIBUTES_PART),
    registersPerMinute:
      given.registersPerMinute ??
      Math.max(LEAST_PER_MINUTE, Math.floor(registrations * PER_MINUTE_PART)),
    unlimitedLifetimes:
      given.unlimitedLifetimes ??
      Math.max(LEAST_UNLIMITED, Math.floor(registrations * UNLIMITED_PART)),
  }
}

/** Bytes that parsed lists may take; they can be made again. */
export function parsedListBytes(heap = heapLimit()): number {
  return Math.floor(heap * PARSED_PART)
}

/** What of a registration counts; of an Update, what it changes. */
export interface Budgeted {
  readonly list?: ObjectList | undefined
  readonly attributes?: { readonly [name: string]: string } | undefined
  /** Seconds; 0 for one that never expires. */
  readonly lifetime?: number | undefined
  readonly peer: Peer
}

/** One budget: what is used of it, and when it was last said that it is used up. */
export class Budget {
  used = 0
  private readonly warnings: RateLimiter

  constructor(
    readonly name: keyof BudgetLimits,
    private readonly what: string,
    readonly limit: number,
    clock: Clock,
  ) {
    const rate = { name: `warnings of the budget ${name}`, limit: 1, interval: HOUR }
    this.warnings = new RateLimiter(clock, rate)
  }

  fits(more: number): boolean {
    return this.used + more <= this.limit
  }

  get description(): string {
    return `the limit of ${this.limit} ${this.what} is reached`
  }

  /** The warning that is due, if one is: one an hour. */
  report(endpoint: string | undefined): ServerWarning | undefined {
    if (!this.warnings.take()) return undefined
    const refused = this.warnings.takeRefused()
    const others = refused === 0 ? '' : ` (${refused} others before)`
    return {
      code: this.name === 'registrations' ? 'registrations-full' : 'budget-exceeded',
      message: `${endpoint ?? 'a device'} was refused: ${this.description}${others}`,
    }
  }
}

/** A registration does not fit: answered 5.03, with Max-Age. */
export class BudgetExceeded extends RegistrationRefused {
  constructor(readonly budget: Budget) {
    super(
      Code.SERVICE_UNAVAILABLE,
      'the server has no room for this registration',
      undefined,
      RETRY_AFTER,
    )
  }
}

/**
 * What registrations may take of the memory of this process, whoever sends them. What does not fit is
 * answered 5.03 with Max-Age.
 */
export class RegistrationBudgets {
  private readonly objectLists: Budget
  private readonly attributes: Budget
  private readonly registrations: Budget
  private readonly unlimitedLifetimes: Budget
  private readonly registersPerMinute: Budget
  private readonly senders: KeyedRateLimiter

  constructor(
    limits: BudgetLimits,
    private readonly lists: ObjectLists,
    clock: Clock,
  ) {
    const budget = (name: keyof BudgetLimits, what: string): Budget =>
      new Budget(name, what, limits[name], clock)
    this.objectLists = budget('objectLists', 'bytes of object lists')
    this.attributes = budget('attributes', 'bytes of attributes')
    this.registrations = budget('registrations', 'registrations')
    this.unlimitedLifetimes = budget(
      'unlimitedLifetimes',
      'registrations without security and without end of their lifetime',
    )
    this.registersPerMinute = budget(
      'registersPerMinute',
      'registrations without security from one address in a minute',
    )
    this.senders = new KeyedRateLimiter(clock, {
      name: 'registersPerMinute',
      limit: limits.registersPerMinute,
      interval: MINUTE,
      keys: MOST_SENDERS,
    })
  }

  /** What is used of each budget that has a level. */
  get use(): BudgetLevels {
    const { attributes, registrations, unlimitedLifetimes } = this
    const level = ({ used, limit }: Budget): BudgetUse => ({ used, limit })
    return {
      objectLists: { used: this.lists.bytes, limit: this.objectLists.limit },
      attributes: level(attributes),
      registrations: level(registrations),
      unlimitedLifetimes: level(unlimitedLifetimes),
    }
  }

  /**
   * Counts a Register.
   * @throws BudgetExceeded where its sender has had enough of this minute
   */
  countRegister(peer: Peer): void {
    if (peer.secure) return
    const [sender = ''] = addressPrefixes(peer.address)
    if (!this.senders.take(sender)) throw new BudgetExceeded(this.registersPerMinute)
  }

  /**
   * Takes what a registration needs, until {@link remove} is told of it.
   * @param previous of the same endpoint, which will be removed for it
   * @throws BudgetExceeded where it does not fit
   */
  add(registration: Budgeted, previous?: Budgeted): void {
    this.check(this.registrations, 1, previous === undefined ? 0 : 1)
    this.take(registration, previous)
    this.registrations.used++
  }

  remove(registration: Budgeted): void {
    this.give(registration)
    this.registrations.used--
  }

  /**
   * Takes what an Update changes, until {@link give} is told of the same.
   * @param instead what will be given back for it
   * @throws BudgetExceeded where it does not fit
   */
  take(wanted: Budgeted, instead?: Budgeted): void {
    const unlimited = unlimitedOf(wanted)
    this.check(this.unlimitedLifetimes, unlimited, instead && unlimitedOf(instead))
    const attributes = attributesOf(wanted)
    this.check(this.attributes, attributes, instead && attributesOf(instead))
    if (wanted.list !== undefined && !this.lists.retain(wanted.list)) {
      throw new BudgetExceeded(this.objectLists)
    }
    this.unlimitedLifetimes.used += unlimited
    this.attributes.used += attributes
  }

  give(held: Budgeted): void {
    if (held.list !== undefined) this.lists.release(held.list)
    this.unlimitedLifetimes.used -= unlimitedOf(held)
    this.attributes.used -= attributesOf(held)
  }

  /** The warning that is due for a refusal, if one is: one an hour for each budget. */
  report({ budget }: BudgetExceeded, endpoint: string | undefined): ServerWarning | undefined {
    return budget.report(endpoint)
  }

  private check(budget: Budget, wanted: number, instead = 0): void {
    // Who needs no more than it has is never turned away.
    if (wanted > instead && !budget.fits(wanted - instead)) throw new BudgetExceeded(budget)
  }
}

function unlimitedOf({ lifetime, peer }: Budgeted): number {
  return lifetime === 0 && !peer.secure ? 1 : 0
}

function attributesOf({ attributes }: Budgeted): number {
  if (attributes === undefined || attributes === NO_ATTRIBUTES) return 0
  return Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + ATTRIBUTE_BYTES + name.length + value.length,
    0,
  )
}
