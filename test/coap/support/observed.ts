import {
  Code,
  type CoapRequestInit,
  type CoapResponse,
  type ObserveRelation,
} from '../../../src/coap'
import { Bench } from './bench'
import { ACK, NON, Opt, type RawMessage } from '../../support/raw-coap'

export const INIT: CoapRequestInit = { code: Code.GET, path: ['3', '0', '9'], accept: 0 }

/** Records the calls of a listener. */
export class Listener {
  readonly values: string[] = []
  readonly numbers: (number | undefined)[] = []
  readonly ends: string[] = []

  onNotification(response: CoapResponse): void {
    this.values.push(response.payload.toString())
    this.numbers.push(response.observe)
  }

  onEnd(reason: string, response?: CoapResponse): void {
    this.ends.push(response === undefined ? reason : `${reason} ${response.code.toString(16)}`)
  }
}

export interface Observed {
  readonly bench: Bench
  readonly listener: Listener
  readonly relation: ObserveRelation
  readonly token: string
  /** Delivers a notification. */
  notify(observe: number | undefined, payload: string, extra?: Partial<RawMessage>): void
}

/** An observation that the peer accepted with number `first`. */
export async function observed(first = 1, options = {}): Promise<Observed> {
  const bench = await Bench.start(options)
  const listener = new Listener()
  const promise = bench.endpoint.observe(bench.peer, INIT, listener)
  const { mid, token } = bench.sent()
  bench.deliver({
    type: ACK,
    code: Code.CONTENT,
    mid,
    token,
    options: [[Opt.OBSERVE, first]],
    payload: 'first',
  })
  const relation = await promise
  let next = 0x4000
  return {
    bench,
    listener,
    relation,
    token,
    notify: (observe, payload, extra = {}) =>
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: ++next,
        token,
        options: observe === undefined ? [] : [[Opt.OBSERVE, observe]],
        payload,
        ...extra,
      }),
  }
}
