import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { BoundAddress } from '../../../src'

/** More addresses of one machine than these are not named. */
const MAX_ADDRESSES = 8

type Interfaces = { readonly [name: string]: readonly NetworkInterfaceInfo[] | undefined }

/** `coap://192.0.2.1:5683`, `coap://[2001:db8::1]:5683`; a zone as RFC 6874 writes it. */
export function coapUri(scheme: string, { address, port }: BoundAddress): string {
  const host = address.includes(':') ? `[${address.replace('%', '%25')}]` : address
  return `${scheme}://${host}:${port}`
}

/**
 * Where devices reach a listener. One on all addresses is named by those of the machine: IPv4 first;
 * link-local ones are left out, and the loopback unless there is no other.
 */
export function reachableUris(
  scheme: string,
  bound: BoundAddress,
  interfaces: Interfaces = networkInterfaces(),
): string[] {
  const { address, port } = bound
  if (address !== '::' && address !== '0.0.0.0') return [coapUri(scheme, bound)]
  const all = Object.values(interfaces)
    .flatMap((infos) => infos ?? [])
    .filter(
      (info) => (address === '::' || info.family === 'IPv4') && !info.address.startsWith('fe80:'),
    )
    .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
  const outer = all.filter(({ internal }) => !internal)
  const named = outer.length > 0 ? outer : all
  if (named.length === 0) return [coapUri(scheme, bound)]
  return named
    .slice(0, MAX_ADDRESSES)
    .map((info) => coapUri(scheme, { address: info.address, port }))
}
