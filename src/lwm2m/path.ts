import { CodedError } from '../base/coded-error'

/** The text is not an LwM2M path. */
export class PathError extends CodedError {
  constructor(text: string, why: string) {
    super('invalid-path', `${JSON.stringify(text.slice(0, 100))} is not an LwM2M path: ${why}`)
  }
}

/** Object, instance, resource and resource instance ids are 16-bit; 65535 is reserved (MAX_ID). */
export const MAX_ID = 65535

/** Maximum length of a path in characters: four ids and a prefix. */
const MAX_TEXT = 256

/** The level of a path (Core §7.2): 0 is the root. */
export const Level = { ROOT: 0, OBJECT: 1, INSTANCE: 2, RESOURCE: 3, RESOURCE_INSTANCE: 4 } as const

/**
 * The ids of a text like `/3/0/9`, of which every message has dozens; undefined for anything else,
 * even if it is a valid path.
 */
function plainIds(text: string): number[] | undefined {
  const ids: number[] = []
  let id = -1
  for (let at = text.charCodeAt(0) === 0x2f ? 1 : 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit >= 0 && digit <= 9) {
      // No leading zeros, except for 0 itself.
      if (id === 0) return undefined
      id = id < 0 ? digit : id * 10 + digit
      if (id >= MAX_ID) return undefined
    } else if (digit === -1 && id >= 0 && ids.length < 3) {
      ids.push(id)
      id = -1
    } else return undefined
  }
  if (id < 0) return undefined
  ids.push(id)
  return ids
}

/**
 * An immutable LwM2M path: `/`, `/3`, `/3/0`, `/3/0/9`, `/3/0/6/1`, optionally with the prefix of
 * an end device behind a gateway: `/dev1/3/0/9` (Gateway object 25). The alternate root of a
 * registration is not part of it.
 */
export class Path {
  static readonly ROOT = new Path([])

  /** @param ids zero to four ids @param prefix gateway prefix without slashes */
  constructor(
    readonly ids: readonly number[],
    readonly prefix: string = '',
  ) {}

  /**
   * Parses `/3/0/9`; the leading slash is optional, a trailing one is accepted. A first segment
   * that is not a number is a gateway prefix.
   * @throws PathError
   */
  static parse(text: string): Path {
    const ids = plainIds(text)
    return ids === undefined ? Path.parseSlowly(text) : new Path(ids)
  }

  private static parseSlowly(text: string): Path {
    if (text.length > MAX_TEXT) throw new PathError(text.slice(0, 40), 'it is too long')
    const trimmed = text.trim()
    const body = trimmed.replace(/^\//, '').replace(/\/$/, '')
    if (body === '') return Path.ROOT
    const segments = body.split('/')
    let prefix = ''
    if (!/^\d/.test(segments[0] as string)) {
      prefix = segments.shift() as string
      if (!/^[\w.~-]+$/.test(prefix)) throw new PathError(text, 'ids are numbers like /3/0/9')
    }
    if (segments.length > 4)
      throw new PathError(text, 'at most four ids: object/instance/resource/resource instance')
    const ids = segments.map((segment) => {
      const id = /^(0|[1-9]\d{0,4})$/.test(segment) ? Number(segment) : NaN
      if (!(id < MAX_ID))
        throw new PathError(text, `${JSON.stringify(segment)} is not an id (0 to 65534)`)
      return id
    })
    return new Path(ids, prefix)
  }

  /** Accepts a path or its text. @throws PathError */
  static from(path: Path | string): Path {
    return typeof path === 'string' ? Path.parse(path) : path
  }

  /** 0 root … 4 resource instance; see {@link Level}. */
  get level(): number {
    return this.ids.length
  }

  get object(): number | undefined {
    return this.ids[0]
  }

  get instance(): number | undefined {
    return this.ids[1]
  }

  get resource(): number | undefined {
    return this.ids[2]
  }

  get resourceInstance(): number | undefined {
    return this.ids[3]
  }

  child(id: number): Path {
    return new Path([...this.ids, id], this.prefix)
  }

  /** The first `level` ids. */
  at(level: number): Path {
    return level >= this.level ? this : new Path(this.ids.slice(0, level), this.prefix)
  }

  /** Whether `other` is this path or below it. The root without prefix contains every path. */
  contains(other: Path): boolean {
    const { ids } = this
    if (this.prefix !== other.prefix && !(this.prefix === '' && ids.length === 0)) return false
    if (ids.length > other.ids.length) return false
    for (let i = 0; i < ids.length; i++) if (ids[i] !== other.ids[i]) return false
    return true
  }

  equals(other: Path): boolean {
    return this.prefix === other.prefix && this.level === other.level && this.contains(other)
  }

  /** One entry per Uri-Path segment. */
  segments(): string[] {
    const segments = this.ids.map(String)
    return this.prefix === '' ? segments : [this.prefix, ...segments]
  }

  toString(): string {
    const { ids } = this
    let text = this.prefix === '' ? '' : '/' + this.prefix
    for (let i = 0; i < ids.length; i++) text += '/' + String(ids[i])
    return text === '' ? '/' : text
  }

  toJSON(): string {
    return this.toString()
  }
}
