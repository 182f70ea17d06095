/**
 * Base class of the members of a {@link LinkedList}, so that a member needs no separate node
 * object. Its fields are assigned in the constructor, because V8 is slow at field initializers of a
 * class with many subclasses.
 */
export class ListNode {
  /** Used only by the list. */
  declare nextNode: ListNode | undefined
  /** Used only by the list. */
  declare previousNode: ListNode | undefined

  constructor() {
    this.nextNode = undefined
    this.previousNode = undefined
  }

  /** Whether the node is in a list; it can be in one list at a time. */
  get linked(): boolean {
    return this.nextNode !== undefined
  }

  /** Removes the node from its list in constant time; does nothing if it is in none. */
  unlink(): void {
    const { nextNode, previousNode } = this
    if (nextNode === undefined || previousNode === undefined) return
    previousNode.nextNode = nextNode
    nextNode.previousNode = previousNode
    this.nextNode = undefined
    this.previousNode = undefined
  }
}

/**
 * An intrusive, doubly linked list: adding and removing are a few pointer writes without
 * allocation. It has no size counter.
 */
export class LinkedList<T extends ListNode> {
  /** Closes the ring, so that every member has two neighbours. */
  private readonly head = new ListNode()

  constructor() {
    this.head.nextNode = this.head
    this.head.previousNode = this.head
  }

  get isEmpty(): boolean {
    return this.head.nextNode === this.head
  }

  get first(): T | undefined {
    const node = this.head.nextNode
    return node === this.head ? undefined : (node as T)
  }

  get last(): T | undefined {
    const node = this.head.previousNode
    return node === this.head ? undefined : (node as T)
  }

  /** The member after another one of this list. */
  after(node: T): T | undefined {
    const next = node.nextNode
    return next === this.head ? undefined : (next as T | undefined)
  }

  /** Appends a node; a member of this or another list is moved. */
  append(node: T): void {
    if (node.nextNode !== undefined) node.unlink()
    const { head } = this
    const last = head.previousNode as ListNode
    node.previousNode = last
    node.nextNode = head
    last.nextNode = node
    head.previousNode = node
  }

  /** Iterates from first to last. The current member may be removed meanwhile, others may not. */
  *[Symbol.iterator](): IterableIterator<T> {
    let node = this.first
    while (node !== undefined) {
      const next = this.after(node)
      yield node
      node = next
    }
  }
}
