/**
 * What a {@link LinkedList} links. Extend it: a member then costs no object of its own. Its fields are
 * assigned in the constructor, because V8 is slow at field initializers of a class that many extend.
 */
export class ListNode {
  /** For the list only. */
  declare nextNode: ListNode | undefined
  /** For the list only. */
  declare previousNode: ListNode | undefined

  constructor() {
    this.nextNode = undefined
    this.previousNode = undefined
  }

  /** Whether it is in a list; it can be in one at a time. */
  get linked(): boolean {
    return this.nextNode !== undefined
  }

  /** Takes it out of its list in constant time; harmless when it is in none. */
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
 * An intrusive, doubly linked list: adding and removing are a few pointer writes and allocate
 * nothing. It keeps no count.
 */
export class LinkedList<T extends ListNode> {
  /** Closes the ring, so that no member has an end to consider. */
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

  /** The member behind another one of this list. */
  after(node: T): T | undefined {
    const next = node.nextNode
    return next === this.head ? undefined : (next as T | undefined)
  }

  /** Adds at the end; a member of this or another list is moved. */
  append(node: T): void {
    if (node.nextNode !== undefined) node.unlink()
    const { head } = this
    const last = head.previousNode as ListNode
    node.previousNode = last
    node.nextNode = head
    last.nextNode = node
    head.previousNode = node
  }

  /** From first to last. The member just given may be removed meanwhile, others not. */
  *[Symbol.iterator](): IterableIterator<T> {
    let node = this.first
    while (node !== undefined) {
      const next = this.after(node)
      yield node
      node = next
    }
  }
}
