import { later } from '../../../src/base/guard'

/** Items kept for a node that is being made anew; the oldest go first. */
const CAPACITY = 10_000

/**
 * Passes items to a consumer, or keeps them while there is none: a deploy closes a node some time
 * before it makes it anew. What the consumer got since the event loop began to wait may be kept, too:
 * Node-RED delivers a message with `setImmediate`, and drops it where its receiver was closed before.
 */
export class Feed<T> {
  private kept: T[] = []
  /** What the consumer got in this turn of the event loop. */
  private inFlight: T[] = []
  private lost = 0
  private consumer: ((item: T) => void) | undefined

  constructor(private readonly capacity = CAPACITY) {}

  push(item: T): void {
    if (this.consumer === undefined) this.keep(item)
    else this.pass(item, this.consumer)
  }

  /** Gives the kept items to a consumer, then all that come. Answers how many were lost. */
  open(consumer: (item: T) => void): number {
    const { lost } = this
    this.lost = 0
    this.consumer = consumer
    // One may make the consumer close the feed.
    while (this.kept.length > 0 && this.consumer === consumer) {
      this.pass(this.kept.shift() as T, consumer)
    }
    return lost
  }

  /**
   * Keeps from now on.
   * @param undelivered whether what is in flight will not arrive: it is kept, too
   */
  close(undelivered = false): void {
    this.consumer = undefined
    if (undelivered) this.kept = [...this.inFlight, ...this.kept]
    this.inFlight = []
  }

  /** Takes over what another feed has kept. */
  drain(other: Feed<T>): void {
    for (const item of other.kept.splice(0)) this.push(item)
    this.lost += other.lost
    other.lost = 0
  }

  private keep(item: T): void {
    this.kept.push(item)
    if (this.kept.length > this.capacity) {
      this.kept.shift()
      this.lost++
    }
  }

  /**
   * What the consumer sends of it is delivered by an immediate: the one that follows finds it arrived.
   * One for each item, as another may be delivered in between.
   */
  private pass(item: T, consumer: (item: T) => void): void {
    const { inFlight } = this
    inFlight.push(item)
    consumer(item)
    later(() => inFlight.shift())
  }
}
