import type { Clock } from '../../base/clock'
import { HandshakeFailure } from '../errors'

/** Time in ms during which an address is not reported again. */
const INTERVAL = 3_600_000
/** Maximum number of addresses in that time: they are not verified, so a flood could use any. */
const MOST_ADDRESSES = 100

const FRAGMENTED = new HandshakeFailure(
  'fragmented-hello',
  'its ClientHello comes in fragments, which are dropped: putting them together would need memory ' +
    'for an unproven address. Raise the MTU of the device (mbedTLS: mbedtls_ssl_set_mtu), or let it ' +
    'offer fewer cipher suites, groups and extensions, so that its ClientHello fits one datagram',
  undefined,
)

/** Reports devices whose ClientHello is fragmented, at a limited rate. */
export class FragmentedHellos {
  private told = new Set<string>()
  private since = -Infinity

  constructor(private readonly clock: Clock) {}

  /** The report for a fragmented hello from this address; undefined if it was reported already. */
  report(wireAddress: string): HandshakeFailure | undefined {
    const now = this.clock.monotonic()
    if (now - this.since >= INTERVAL) {
      this.told = new Set()
      this.since = now
    }
    if (this.told.size >= MOST_ADDRESSES || this.told.has(wireAddress)) return undefined
    this.told.add(wireAddress)
    return FRAGMENTED
  }
}
