import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import {
  guardOf,
  MOST_UNDER_WAY,
  onClose,
  onInput,
  schedulerOf,
} from '../../../../nodes/shared/runtime/entries'
import type { Node, NodeMessage } from '../../../../nodes/shared/runtime/red'
import { FakeClock } from '../../../support/fake-clock'

/** What the entries use of a node: its events and its warnings. */
class BareNode extends EventEmitter {
  readonly warnings: string[] = []

  warn(text: string): void {
    this.warnings.push(text)
  }

  get asNode(): Node {
    return this as unknown as Node
  }

  /** Sends a message in; the array gets what `done` is called with. */
  input(payload: unknown): unknown[] {
    const answers: unknown[] = []
    const done = (error?: unknown): void => void answers.push(error)
    this.emit('input', { payload }, () => {}, done)
    return answers
  }

  /** Closes it; the array gets an item for each call of `done`. */
  close(removed: boolean): unknown[] {
    const answers: unknown[] = []
    this.emit('close', removed, () => answers.push('done'))
    return answers
  }
}

const asError = (thrown: unknown): Error => thrown as Error

describe('entries of a node', () => {
  let node: BareNode

  beforeEach(() => {
    node = new BareNode()
  })

  describe('onInput', () => {
    it('calls done once when the handler has ended', async () => {
      let end = (): void => {}
      onInput(node.asNode, () => new Promise((resolve) => (end = resolve)), asError)
      const answers = node.input(1)
      await turn()
      assert.deepEqual(answers, [])
      end()
      await turn()
      assert.deepEqual(answers, [undefined])
    })

    it('calls done once with what the handler throws or rejects with', async () => {
      const failure = new Error('no')
      const thrower = (message: NodeMessage): Promise<void> => {
        if (message.payload === 'throw') throw failure
        return Promise.reject(failure)
      }
      onInput(node.asNode, thrower, asError)
      const answers = [node.input('throw'), node.input('reject')]
      await turn()
      assert.deepEqual(answers, [[failure], [failure]])
      assert.deepEqual(node.warnings, [])
    })

    it('warns when done itself throws, and takes the next message', async () => {
      onInput(node.asNode, () => Promise.resolve(), asError)
      node.emit(
        'input',
        {},
        () => {},
        () => {
          throw new Error('a node behind it')
        },
      )
      await turn()
      assert.deepEqual(node.warnings, ['input: a node behind it'])
      const answers = node.input(1)
      await turn()
      assert.deepEqual(answers, [undefined])
    })

    it('refuses messages beyond the most that may wait, until one is answered', async () => {
      const ends: (() => void)[] = []
      onInput(node.asNode, () => new Promise((resolve) => ends.push(resolve)), asError)
      for (let i = 0; i < MOST_UNDER_WAY; i++) node.input(i)
      const [refused] = [node.input('one more')]
      await turn()
      assert.equal((refused[0] as { code?: string }).code, 'queue-full')
      assert.equal(ends.length, MOST_UNDER_WAY)
      ends[0]?.()
      await turn()
      const answers = node.input('again')
      await turn()
      assert.deepEqual(answers, [])
      assert.equal(ends.length, MOST_UNDER_WAY + 1)
    })

    it('does not count messages that wait in the queue of a device', async () => {
      let handled = 0
      const handle = (_message: NodeMessage, _send: unknown, handOver: () => void) => {
        handled++
        handOver()
        handOver()
        return new Promise<void>(() => {})
      }
      onInput(node.asNode, handle, asError)
      for (let i = 0; i <= MOST_UNDER_WAY; i++) node.input(i)
      await turn()
      assert.equal(handled, MOST_UNDER_WAY + 1)
    })
  })

  describe('onClose', () => {
    it('calls done once, after what is waited for', async () => {
      let end = (): void => {}
      const removals: boolean[] = []
      onClose(node.asNode, (removed) => {
        removals.push(removed)
        return removed ? new Promise((resolve) => (end = resolve)) : undefined
      })
      assert.deepEqual(node.close(false), ['done'])
      const answers = node.close(true)
      await turn()
      assert.deepEqual(answers, [])
      end()
      await turn()
      assert.deepEqual(answers, ['done'])
      assert.deepEqual(removals, [false, true])
    })

    it('calls done and warns where closing throws or rejects', async () => {
      onClose(node.asNode, (removed) => {
        if (removed) throw new Error('thrown')
        return Promise.reject(new Error('rejected'))
      })
      const answers = [node.close(true), node.close(false)]
      await turn()
      assert.deepEqual(answers, [['done'], ['done']])
      assert.deepEqual(node.warnings, ['close: thrown', 'close: rejected'])
    })
  })

  it('warns of what is thrown in a timer of the node, and of rejected promises', async () => {
    const clock = new FakeClock()
    const scheduler = schedulerOf(node, clock)
    scheduler.after(10, () => {
      throw new Error('late')
    })
    scheduler.after(20, () => Promise.reject(new Error('later')))
    clock.advance(30)
    guardOf(node).detach('reading a first value', Promise.reject(new Error('gone')))
    await turn()
    assert.deepEqual(node.warnings, ['timer: late', 'timer: later', 'reading a first value: gone'])
  })
})
