import { type Clock, systemClock } from '../../src/base/clock'
import { lastResort } from '../../src/base/guard'
import { Scheduler } from '../../src/base/scheduler'
import { type CoapTrace, type Lwm2mServer, codeName, formatCode, formatName } from '../../src'
import { isRequest } from '../../src/coap'
import type { TrafficEntry, TrafficPage } from './contract'
import { payloadText } from './payload-text'
import { SecretPayloads } from './secret-payloads'

/** Messages kept. */
const CAPACITY = 2_000
const MAX_PAGE = 200
/** Recording ends when nobody asked for so long: tracing costs every message a little. */
const LAPSE = 30_000

/** The CoAP messages of one server, recorded while somebody looks. */
export class TrafficLog {
  private readonly ring: {
    readonly trace: CoapTrace
    readonly endpoint: string | undefined
    readonly seq: number
  }[] = []
  private seq = 0
  private askedAt = 0
  private readonly clock: Scheduler
  private stopListening: (() => void) | undefined

  constructor(
    private readonly engine: Lwm2mServer,
    clock: Clock = systemClock,
  ) {
    this.clock = new Scheduler(clock, lastResort)
  }

  /** Messages after `cursor`, of one endpoint or of all; recording starts with the first call. */
  page(cursor: number, endpoint: string | undefined): TrafficPage {
    this.askedAt = this.clock.monotonic()
    this.record()
    const first = this.ring[0]?.seq ?? this.seq + 1
    const entries: TrafficEntry[] = []
    let last = this.seq
    for (const item of this.ring) {
      if (item.seq <= cursor || (endpoint !== undefined && item.endpoint !== endpoint)) continue
      if (entries.length === MAX_PAGE) {
        last = (entries[MAX_PAGE - 1] as TrafficEntry).seq
        break
      }
      entries.push(toEntry(item.trace, item.endpoint, item.seq))
    }
    return { cursor: last, entries, lost: Math.max(0, cursor > 0 ? first - 1 - cursor : 0) }
  }

  close(): void {
    this.stopListening?.()
    this.stopListening = undefined
    this.ring.length = 0
  }

  private record(): void {
    if (this.stopListening !== undefined) return
    const secrets = new SecretPayloads()
    this.stopListening = this.engine.on('trace', (trace, endpoint) => {
      this.ring.push({ trace: secrets.conceal(trace), endpoint, seq: ++this.seq })
      if (this.ring.length > CAPACITY) this.ring.shift()
    })
    this.watchForLapse()
  }

  private watchForLapse(): void {
    this.clock.after(LAPSE, () => {
      if (this.stopListening === undefined) return
      if (this.clock.monotonic() - this.askedAt > LAPSE) this.close()
      else this.watchForLapse()
    })
  }
}

function toEntry(trace: CoapTrace, endpoint: string | undefined, seq: number): TrafficEntry {
  const { direction, time, type, code, path, query, contentFormat, observe, size, repeated } = trace
  const block = trace.block1 ?? trace.block2
  const payload = payloadText(trace)
  return {
    seq,
    time,
    direction,
    peer: `${trace.peer.address}:${trace.peer.port}`,
    type,
    code:
      code === 0 ? '' : isRequest(code) ? codeName(code) : `${formatCode(code)} ${codeName(code)}`,
    size,
    repeated,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(path === undefined ? {} : { path }),
    ...(query === undefined ? {} : { query }),
    ...(contentFormat === undefined ? {} : { format: formatName(contentFormat) }),
    ...(observe === undefined ? {} : { observe }),
    ...(block === undefined ? {} : { block }),
    ...(payload === undefined ? {} : { payload }),
  }
}
