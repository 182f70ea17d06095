import { Code } from '../../../../src/coap/codes'
import type { CoapEndpoint } from '../../../../src/coap/endpoint'
import { NO_IDENTITY, type Peer } from '../../../../src/transport/transport'

/** An object list of 62 kB that no other device sends. */
function longList(device: number): Buffer {
  const links = Array.from({ length: 5200 }, (_, i) => `</${10_000 + i}/${device % 10}>`)
  const text = `</${device}>,${links.join(',')}`.slice(0, 62_000)
  return Buffer.from(text.slice(0, text.lastIndexOf(',')))
}

/**
 * Registers devices without security, each with a list of its own, for ever (`lt=0`).
 * @returns how often each code was answered
 */
export async function registerLongLists(
  client: CoapEndpoint,
  port: number,
  devices: number,
): Promise<Map<number, number>> {
  const peer: Peer = {
    id: `udp:127.0.0.1:${port}`,
    address: '127.0.0.1',
    port,
    secure: false,
    identity: NO_IDENTITY,
  }
  const codes = new Map<number, number>()
  for (let device = 0; device < devices; device++) {
    const { code, maxAge } = await client.request(peer, {
      code: Code.POST,
      path: ['rd'],
      query: [`ep=device-${device}`, 'lwm2m=1.1', 'lt=0'],
      contentFormat: 40,
      payload: longList(device),
    })
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (code === Code.SERVICE_UNAVAILABLE && maxAge !== 60) throw new Error(`Max-Age ${maxAge}`)
  }
  return codes
}
