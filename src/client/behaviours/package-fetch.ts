import { Code, codeName, formatCode } from '../../coap/codes'
import { CoapEndpoint } from '../../coap/endpoint'
import type { CoapEndpointOptions } from '../../coap/types'
import type { Clock } from '../../base/clock'
import type { Transport } from '../../transport/transport'
import { ClientError, ServerRejected } from '../errors'
import { parseServerUri, type ServerUri } from '../session/server-uri'

/** The location of a package, from its URI (RFC 7252 §6.4). */
export interface PackageUri {
  readonly server: ServerUri
  readonly path: readonly string[]
  readonly query: readonly string[]
}

/** @throws ClientError `unsupported-protocol`, `invalid-argument` */
export function parsePackageUri(text: string): PackageUri {
  const match = /^(coaps?:\/\/[^/?#\s]+)([^?#\s]*)(?:\?([^#\s]*))?$/i.exec(text)
  if (match === null) {
    const other = /^[a-z][a-z0-9+.-]*:/i.test(text) && !/^coaps?:/i.test(text)
    throw new ClientError(
      other ? 'unsupported-protocol' : 'invalid-argument',
      `a package is fetched from coap:// or coaps://, not from ${JSON.stringify(text.slice(0, 80))}`,
    )
  }
  const parts = (value: string | undefined, by: string): string[] =>
    value === undefined || value === '' ? [] : value.split(by).map(decode)
  return {
    server: parseServerUri(match[1] as string),
    path: parts(match[2]?.replace(/^\//, ''), '/'),
    query: parts(match[3], '&'),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ClientError('invalid-argument', `${JSON.stringify(text)} is not part of a URI`)
  }
}

/**
 * Downloads a package block by block (RFC 7959) over a separate transport.
 * @throws ServerRejected and the errors of CoAP and of the transport
 */
export async function fetchPackage(
  uri: PackageUri,
  transport: Transport,
  coap: CoapEndpointOptions | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const endpoint = new CoapEndpoint(transport, { ...coap, clock })
  await endpoint.start()
  try {
    const peer = await endpoint.transport.connect(uri.server.host, uri.server.port)
    const response = await endpoint.request(peer, {
      code: Code.GET,
      path: uri.path,
      query: uri.query,
      signal,
    })
    if (response.code !== Code.CONTENT) {
      const code = formatCode(response.code)
      throw new ServerRejected(response.code, code, `package: ${code} ${codeName(response.code)}`)
    }
    return response.payload
  } finally {
    await endpoint.stop()
  }
}
