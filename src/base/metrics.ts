/** Counters with names and labels, kept as things happen: to look at them costs what there are of them. */

/** Values of the labels of one counter, in the order of the names. */
export type LabelValues<L extends readonly string[]> = { readonly [K in keyof L]: string }

/** One counter: it only grows. */
export class Counter {
  private count = 0

  get value(): number {
    return this.count
  }

  add(by = 1): void {
    this.count += by
  }
}

/** What stands for all label values that came after the last that was taken. */
const OTHER = 'other'

/** The counters of one name, one for each set of label values; bounded. */
export class CounterFamily<L extends readonly string[] = readonly string[]> {
  private readonly counters = new Map<string, readonly [labels: readonly string[], Counter]>()

  /**
   * @param name by the conventions of Prometheus: `lwm2m_values_total`
   * @param help a sentence for people
   * @param max how many sets of label values are told apart; what comes later is counted as `other`
   */
  constructor(
    readonly name: string,
    readonly help: string,
    readonly labels: L,
    private readonly max = 100,
  ) {}

  /** The counter of these label values. Who counts often keeps it. */
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

  /** What was counted, by the label values. */
  *[Symbol.iterator](): IterableIterator<readonly [labels: readonly string[], value: number]> {
    for (const [labels, counter] of this.counters.values()) yield [labels, counter.value]
  }
}

/** All counters of one owner, each name once. */
export class Metrics {
  private readonly families = new Map<string, CounterFamily>()

  /** @throws RangeError for a name that is there */
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
