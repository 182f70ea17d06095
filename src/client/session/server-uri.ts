import { ClientError } from '../errors'

/** The address of a server, from its URI (RFC 7252 §6.1, §6.2). */
export interface ServerUri {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** The original text. */
  readonly text: string
}

/** Parses `coap://host:port` or `coaps://[v6]:port`. @throws ClientError `invalid-argument` */
export function parseServerUri(text: string): ServerUri {
  const match = /^(coaps?):\/\/(\[[^\]/]+\]|[^:/?#@\s]+)(?::(\d{1,5}))?\/?$/i.exec(text.trim())
  const port = match?.[3] === undefined ? undefined : Number(match[3])
  if (match === null || port === 0 || (port ?? 0) > 65535) {
    throw new ClientError(
      'invalid-argument',
      `${JSON.stringify(text)} is not a server URI such as coap://host:5683 or coaps://host:5684`,
    )
  }
  const secure = match[1]?.toLowerCase() === 'coaps'
  // The zone of a link-local address is written with an encoded percent sign (RFC 6874 §2).
  const host = (match[2] as string).replace(/^\[|\]$/g, '').replace('%25', '%')
  return { secure, host, port: port ?? (secure ? 5684 : 5683), text: text.trim() }
}
