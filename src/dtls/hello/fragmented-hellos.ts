import type { Clock } from '../../base/clock'
import { HandshakeFailure } from '../errors'

/** How long nothing more is said about an address, ms. */
const INTERVAL = 3_600_000
/** Of so many addresses in that time: they are not proven, so a flood could name any. */
const MOST_ADDRESSES = 100

const FRAGMENTED = new HandshakeFailure(
  'fragmented-hello',
  'its ClientHello comes in fragments, which are dropped: putting them together would need memory ' +
    'for an unproven address. Raise the MTU of the device (mbedTLS: mbedtls_ssl_set_mtu), or let it ' +
    'offer fewer cipher suites, groups and extensions, so that its ClientHello fits one datagram',
  undefined,
)

/** Decides when the operator is told of a device whose ClientHello comes in fragments. */
export class FragmentedHellos {
  private told = new Set<string>()
  private since = -Infinity

  constructor(private readonly clock: Clock) {}

  /** What to report of a fragmented hello from this address; undefined when that was said already. */
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
