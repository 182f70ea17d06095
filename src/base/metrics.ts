/**
 * Counters with names and labels, updated as events happen, so reading them needs no scan of the
 * state.
 */

/** Label values of one counter, in the order of the names. */
export type LabelValues<L extends readonly string[]> = { readonly [K in keyof L]: string }

/** One counter; it only increases. */
export class Counter {
  private count = 0

  get value(): number {
    return this.count
  }

  add(by = 1): void {
    this.count += by
  }
}

/** Replaces all label values beyond the maximum number of label sets. */
const OTHER = 'other'

/** The counters of one name, one per set of label values; bounded. */
export class CounterFamily<L extends readonly string[] = readonly string[]> {
  private readonly counters = new Map<string, readonly [labels: readonly string[], Counter]>()

  /**
   * @param name by the conventions of Prometheus: `lwm2m_values_total`
   * @param help a sentence that describes it
   * @param max maximum number of label sets; further ones are counted as `other`
   */
  constructor(
    readonly name: string,
    readonly help: string,
    readonly labels: L,
    private readonly max = 100,
  ) {}

  /** The counter of these label values. Frequent users should keep a reference. */
  with(...values: LabelValues<L>): Counter {
    const key = values.join('\n')
    const found = this.counters.get(key)
    if (found !== undefined) return found[1]
    const isOther = values.every((value) => value === OTHER)
    if (this.counters.size >= this.max && !isOther) {
      return this.with(...(values.map(() => OTHER) as unknown as LabelValues<L>))
    }
    const counter = new Counter()
    this.counters.set(key, [values, counter])
    return counter
  }

  /** The counters with their label values. */
  *[Symbol.iterator](): IterableIterator<readonly [labels: readonly string[], value: number]> {
    for (const [labels, counter] of this.counters.values()) yield [labels, counter.value]
  }
}

/** All counters of one owner; names are unique. */
export class Metrics {
  private readonly families = new Map<string, CounterFamily>()

  /** @throws RangeError if the name is already in use */
  counter<const L extends readonly string[]>(
    name: string,
    help: string,
    labels: L,
    max?: number,
  ): CounterFamily<L> {
    if (this.families.has(name)) throw new RangeError(`there is a metric ${name}`)
    const family = new CounterFamily(name, help, labels, max)
    this.families.set(name, family as unknown as CounterFamily)
    return family
  }

  [Symbol.iterator](): IterableIterator<CounterFamily> {
    return this.families.values()
  }
}
