import { type Clock, systemClock } from '../../../src/base/clock'
import { describeError, type ErrorSink, Guard, isThenable } from '../../../src/base/guard'
import { Scheduler } from '../../../src/base/scheduler'
import { CodedError } from '../../../src/base/coded-error'
import type { Node, NodeMessage, Send } from './red'

/** Messages that may wait in one node; see {@link onInput}. */
export const MOST_UNDER_WAY = 10_000

/**
 * Does what a message asks for.
 * @param handOver to be called when the message waits where a bound of its own holds (the queue of its
 *   device): it does not count any more
 */
export type InputHandler = (message: NodeMessage, send: Send, handOver: () => void) => Promise<void>

/** What is thrown in a node where Node-RED does not look is a warning of the node. */
export function guardOf(node: Pick<Node, 'warn'>): Guard {
  return new Guard(warningOf(node))
}

/** The timers of a node; what is thrown in one is a warning of the node. */
export function schedulerOf(node: Pick<Node, 'warn'>, clock: Clock = systemClock): Scheduler {
  return new Scheduler(clock, warningOf(node))
}

function warningOf(node: Pick<Node, 'warn'>): ErrorSink {
  return (error, where) => node.warn(`${where}: ${describeError(error)}`)
}

/**
 * Runs a handler for a node's `input` event: `done` is called exactly once, whatever it throws. Messages
 * that come while {@link MOST_UNDER_WAY} wait are refused, so that they cannot fill the memory.
 */
export function onInput(
  node: Node,
  handle: InputHandler,
  onError: (error: unknown) => Error,
): void {
  const guard = guardOf(node)
  let underWay = 0
  node.on('input', (message, send, done) => {
    guard.run('input', async () => {
      if (underWay >= MOST_UNDER_WAY) return done(onError(tooMany()))
      underWay++
      let counted = true
      const handOver = (): void => {
        if (counted) underWay--
        counted = false
      }
      let failure: Error | undefined
      try {
        await handle(message, send, handOver)
      } catch (error) {
        failure = onError(error)
      }
      handOver()
      if (failure === undefined) done()
      else done(failure)
    })
  })
}

/** Runs a handler for a node's `close` event; Node-RED waits for the promise that it answers. */
export function onClose(node: Node, close: (removed: boolean) => void | Promise<void>): void {
  const guard = guardOf(node)
  node.on('close', (removed: boolean, done: () => void) => {
    try {
      const closed: unknown = close(removed)
      if (!isThenable(closed)) return done()
      guard.detach(
        'close',
        closed.then(
          () => done(),
          (error: unknown) => {
            done()
            throw error
          },
        ),
      )
    } catch (error) {
      guard.report(error, 'close')
      done()
    }
  })
}

function tooMany(): CodedError {
  return new CodedError('queue-full', `${MOST_UNDER_WAY} messages have not been answered yet`)
}
