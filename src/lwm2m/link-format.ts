/** CoRE Link Format (RFC 6690), the Content-Format 40 of Register and Discover. */
import { CodedError } from '../base/coded-error'

/** The text is not a link list. */
export class LinkFormatError extends CodedError {
  constructor(message: string) {
    super('link-format', message)
  }
}

export interface Link {
  /** The text between `<` and `>`: an absolute path. */
  readonly target: string
  /** In their order; `true` for an attribute without value. Without quotes and escapes. */
  readonly attributes: ReadonlyMap<string, string | true>
}

/** Limits for untrusted lists. */
export interface LinkLimits {
  /** Default 1 MiB. */
  readonly maxBytes?: number
  /** Default 10,000. */
  readonly maxLinks?: number
  /** Per link; default 64. */
  readonly maxAttributes?: number
}

const SPACE = /[ \t\r\n]*/y
/** path-absolute of RFC 3986: no empty first segment; a trailing slash is accepted. */
const TARGET = /<(\/(?:[\w.~!$&'()*+,;=:@%-]+(?:\/[\w.~!$&'()*+,;=:@%-]+)*\/?)?)>/y
const NAME = /[A-Za-z0-9!#$&+.^_`|~-]+\*?/y
const QUOTED = /"((?:[^"\\\p{Cc}]|\t|\\\P{Cc})*)"/uy
/** Several numbers; a single one is a ptoken. */
const NUMBERS = /\d+(?: +\d+)+/y
/** ptoken */
const TOKEN = /[!#$%&'()*+./0-9:<=>?@A-Z[\]^_`a-z{|}~-]+/y

const utf8 = new TextDecoder('utf-8', { fatal: true })

class LinkReader {
  private at = 0

  constructor(
    private readonly text: string,
    private readonly limits: Required<LinkLimits>,
  ) {}

  links(): Link[] {
    const links: Link[] = []
    this.match(SPACE)
    if (this.at === this.text.length) return links
    do {
      if (links.length >= this.limits.maxLinks) {
        throw new LinkFormatError(`more than ${this.limits.maxLinks} links`)
      }
      links.push(this.link())
    } while (this.takes(','))
    if (this.at < this.text.length) this.fail('expected "," or ";"')
    return links
  }

  private link(): Link {
    const target = this.match(TARGET)?.[1]
    if (target === undefined) return this.fail('expected a target such as </3/0>')
    const attributes = new Map<string, string | true>()
    while (this.takes(';')) {
      if (attributes.size >= this.limits.maxAttributes) {
        throw new LinkFormatError(`more than ${this.limits.maxAttributes} attributes of one link`)
      }
      const name = this.match(NAME)?.[0]
      if (name === undefined) return this.fail('expected the name of an attribute')
      const value = this.value(name)
      // RFC 6690 §2: of a repeated attribute the first one applies.
      if (!attributes.has(name)) attributes.set(name, value)
    }
    return { target, attributes }
  }

  private value(name: string): string | true {
    if (this.text[this.at] !== '=') return true
    this.at++
    if (this.text[this.at] === '"') {
      const quoted = this.match(QUOTED)?.[1]
      if (quoted === undefined) return this.fail('the quoted value does not end')
      return quoted.includes('\\') ? quoted.replace(/\\(.)/gu, '$1') : quoted
    }
    // Some devices omit the quotes of a list of formats: `ct=60 110 112`.
    const value = (name === 'ct' ? this.match(NUMBERS) : undefined) ?? this.match(TOKEN)
    return value?.[0] ?? this.fail('expected a value')
  }

  /**
   * Whether a separator follows, with optional space around it (as in examples of the
   * specification).
   */
  private takes(separator: string): boolean {
    this.match(SPACE)
    if (this.text[this.at] !== separator) return false
    this.at++
    this.match(SPACE)
    return true
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return undefined
    this.at = pattern.lastIndex
    return found
  }

  private fail(wanted: string): never {
    const near = JSON.stringify(this.text.slice(this.at, this.at + 20))
    throw new LinkFormatError(`${wanted} at ${this.at}, not ${near}`)
  }
}

/**
 * Parses a link list. Empty targets and values, missing ends, and trailing separators are rejected;
 * space around separators is accepted. An empty list is valid.
 * @throws LinkFormatError
 */
export function parseLinks(payload: Uint8Array | string, limits: LinkLimits = {}): Link[] {
  const { maxBytes = 1 << 20, maxLinks = 10_000, maxAttributes = 64 } = limits
  if (payload.length > maxBytes) {
    throw new LinkFormatError(`${payload.length} bytes of links exceed the limit of ${maxBytes}`)
  }
  let text: string
  try {
    text = typeof payload === 'string' ? payload : utf8.decode(payload)
  } catch {
    throw new LinkFormatError('the bytes are not valid UTF-8')
  }
  return new LinkReader(text, { maxBytes, maxLinks, maxAttributes }).links()
}

/** Attributes that RFC 6690 §2 requires to be quoted, and LwM2M's `uri`. */
const QUOTED_NAMES: ReadonlySet<string> = new Set([
  'rt',
  'if',
  'title',
  'anchor',
  'uri',
  'rel',
  'rev',
])
const BARE = /^[A-Za-z0-9.+-]+$/

function formatAttribute(name: string, value: string | number | true): string {
  if (value === true) return `;${name}`
  const text = String(value)
  if (!QUOTED_NAMES.has(name) && BARE.test(text)) return `;${name}=${text}`
  return `;${name}="${text.replace(/["\\]/g, '\\$&')}"`
}

/** A link to be formatted: attributes as a map or an object. */
export interface LinkInput {
  readonly target: string
  readonly attributes?:
    | ReadonlyMap<string, string | number | true>
    | { readonly [name: string]: string | number | true | undefined }
}

/** Formats a link list: numbers and simple words without quotes, everything else quoted. */
export function formatLinks(links: Iterable<LinkInput>): string {
  const written: string[] = []
  for (const { target, attributes } of links) {
    const entries = attributes instanceof Map ? attributes : Object.entries({ ...attributes })
    let text = `<${target}>`
    for (const [name, value] of entries as Iterable<[string, string | number | true | undefined]>) {
      if (value !== undefined) text += formatAttribute(name, value)
    }
    written.push(text)
  }
  return written.join(',')
}
