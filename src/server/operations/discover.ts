import { Code } from '../../coap/codes'
import { ContentFormat, DecodeError } from '../../lwm2m/formats/codec'
import { parseLinks, type Link } from '../../lwm2m/link-format'
import { Level, Path } from '../../lwm2m/path'
import type { DiscoveredLink, Registration } from '../types'
import { rootSegments, uriPath } from './device-path'
import type { Operation } from './operation'
import { invalidArgument, requirePath, requireVersion } from './preconditions'
import { requireSuccess } from './response'

/** Attributes whose value is a number (Core §5.1.2), written so in the link. */
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/
/** Attributes that look like numbers and are none: `ver="1.1"`. */
const TEXTUAL = new Set(['ver', 'lwm2m', 'rt', 'if', 'ct', 'uri', 'title'])

function attributeValue(name: string, value: string | true): string | number | true {
  if (value === true || TEXTUAL.has(name) || !NUMBER.test(value)) return value
  return Number(value)
}

/** Link format, and what devices say in its place: text, and a number that stands for none. */
const LINK_FORMATS: ReadonlySet<number> = new Set([ContentFormat.LINK, ContentFormat.TEXT, 65535])

/** A link below the alternate root as a path; `undefined` for one that is no LwM2M path. */
function toDiscovered(link: Link, device: Registration): DiscoveredLink | undefined {
  const segments = link.target.split('/').filter((segment) => segment !== '')
  const root = rootSegments(device)
  const below = root.every((segment, i) => segments[i] === segment)
  let path: Path
  try {
    path = Path.parse('/' + segments.slice(below ? root.length : 0).join('/'))
  } catch {
    return undefined
  }
  const attributes: { [name: string]: string | number | true } = {}
  for (const [name, value] of link.attributes) attributes[name] = attributeValue(name, value)
  return { path, attributes }
}

/** Discover (Core §6.3.2): GET with Accept 40; `depth` since 1.2. */
export const discoverOperation: Operation<{
  readonly path: Path | string
  readonly depth?: number
}> = {
  build(input, device) {
    const path = requirePath(input.path, device, 'Discover', [
      Level.OBJECT,
      Level.INSTANCE,
      Level.RESOURCE,
    ])
    const { depth } = input
    if (depth !== undefined) {
      requireVersion(device, '1.2', 'Discover with depth')
      if (!(Number.isInteger(depth) && depth >= 0 && depth <= 3)) {
        throw invalidArgument(`depth is 0, 1, 2 or 3, not ${String(depth)}`)
      }
    }
    return {
      operation: 'discover',
      path: path.toString(),
      init: {
        code: Code.GET,
        path: uriPath(path, device),
        accept: ContentFormat.LINK,
        ...(depth === undefined ? {} : { query: [`depth=${depth}`] }),
      },
    }
  },

  interpret(request, response, device, context) {
    requireSuccess(response, `Discover ${request.path}`, device)
    const { contentFormat, payload } = response
    if (contentFormat !== undefined && !LINK_FORMATS.has(contentFormat)) {
      throw new DecodeError(
        contentFormat,
        `Discover is answered in link format (40), not in ${contentFormat}`,
        payload,
      )
    }
    if (contentFormat !== undefined && contentFormat !== ContentFormat.LINK) {
      context.warn({
        code: 'value',
        message: `Discover answered in Content-Format ${contentFormat}, read as link format (40)`,
        endpoint: device.endpoint,
        path: Path.parse(request.path),
      })
    }
    let parsed: readonly Link[]
    try {
      parsed = payload.length === 0 ? [] : parseLinks(payload)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new DecodeError(ContentFormat.LINK, `the answer to Discover: ${why}`, payload, {
        cause,
      })
    }
    const links: DiscoveredLink[] = []
    for (const link of parsed) {
      const discovered = toDiscovered(link, device)
      if (discovered !== undefined) links.push(discovered)
      else {
        context.warn({
          code: 'value',
          message: `Discover answered a link that is not an LwM2M path: <${link.target}>`,
          endpoint: device.endpoint,
          path: Path.parse(request.path),
        })
      }
    }
    return {
      endpoint: device.endpoint,
      path: Path.parse(request.path),
      code: response.code,
      format: contentFormat,
      records: [],
      links,
    }
  },
}
