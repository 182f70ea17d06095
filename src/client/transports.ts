import type { Transport } from '../transport/transport'
import { UdpTransport } from '../transport/udp'
import { CIPHER_SUITES } from '../dtls/ciphers/suites'
import { DtlsClientTransport } from '../transport/dtls-client'
import { ClientError } from './errors'
import { accountCredentials } from './account-credentials'
import type { ServerAccount } from './accounts'
import type { Clock } from '../base/clock'
import type { Lwm2mClientOptions, TransportTarget } from './types'

/** Enough for one device, which does not need the receive buffer of a server. */
const RECEIVE_BUFFER = 1 << 18

/** Target and credentials of an account's transport. @throws ClientError `invalid-argument` */
export function transportTarget(
  account: ServerAccount,
  secure: boolean,
  clock: Clock,
): TransportTarget {
  const credentials = secure ? accountCredentials(account) : undefined
  return { secure, psk: account.psk, credentials, clock }
}

/**
 * Creates the transport to one server.
 * @param port local port; undefined: an ephemeral one
 * @throws ClientError `invalid-argument` without the key that `coaps` needs
 */
export function openTransport(
  options: Lwm2mClientOptions,
  target: TransportTarget,
  port: number | undefined,
): Transport {
  if (options.transport !== undefined) return options.transport(target)
  if (!target.secure) {
    return new UdpTransport({
      host: options.local?.host,
      port: port ?? 0,
      receiveBuffer: RECEIVE_BUFFER,
    })
  }
  if (target.credentials === undefined) {
    throw new ClientError('invalid-argument', 'coaps needs a key or a certificate')
  }
  const { keyExchange, connectionId, maxFragmentLength } = options.dtls ?? {}
  const limited = keyExchange !== undefined && target.credentials.psk !== undefined
  return new DtlsClientTransport({
    credentials: target.credentials,
    suites: limited ? suitesOf(keyExchange) : undefined,
    connectionId,
    maxFragmentLength,
    host: options.local?.host,
    port,
    clock: target.clock,
    receiveBuffer: RECEIVE_BUFFER,
  })
}

function suitesOf(keyExchange: 'psk' | 'ecdhe-psk'): number[] {
  return CIPHER_SUITES.filter((suite) => suite.keyExchange === keyExchange).map(
    ({ number }) => number,
  )
}
