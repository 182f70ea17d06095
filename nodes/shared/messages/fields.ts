import { CodedError } from '../../../src/base/coded-error'
import type { Node, NodeAPI, NodeMessage } from '../runtime/red'
import type { Settings } from '../runtime/settings'

/** A message or dialog does not say what it must; `code` is `invalid-argument`. */
export class ArgumentError extends CodedError {
  constructor(message: string) {
    super('invalid-argument', message)
  }
}

/** A property whose value comes from the dialog, the message, the environment, … (typedInput). */
export class TypedField {
  private readonly value: string
  private readonly type: string

  /** Reads the properties `name` and `nameType`. */
  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    settings: Settings,
    name: string,
    defaultType = 'str',
  ) {
    this.value = settings.text(name, defaultType === 'msg' ? 'payload' : '')
    this.type = settings.text(`${name}Type`) || defaultType
  }

  /** The dialog says nothing: the message decides. */
  get empty(): boolean {
    return this.type === 'str' && this.value.trim() === ''
  }

  /** The text of the dialog, where it does not depend on a message. */
  get fixed(): string | undefined {
    if (this.empty) return undefined
    if (this.type === 'str') return this.value.trim()
    if (this.type !== 'env') return undefined
    const value: unknown = this.RED.util.evaluateNodeProperty(this.value, 'env', this.node, {})
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  /** @throws ArgumentError what cannot be evaluated (JSONata, JSON) */
  resolve(message: NodeMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void =>
        reject(new ArgumentError(error instanceof Error ? error.message : String(error)))
      try {
        this.RED.util.evaluateNodeProperty(
          this.value,
          this.type,
          this.node,
          message,
          (error, value: unknown) => {
            if (error === null || error === undefined) resolve(value)
            else fail(error)
          },
        )
      } catch (error) {
        fail(error)
      }
    })
  }
}

/**
 * The endpoint that a message is meant for: the dialog's, else `msg.endpoint`. A name that was not typed
 * in the dialog is never changed: with a blank more it would be another device's.
 * @throws ArgumentError
 */
export async function resolveEndpoint(field: TypedField, message: NodeMessage): Promise<string> {
  const value = field.fixed ?? (field.empty ? message['endpoint'] : await field.resolve(message))
  if (typeof value === 'string' && value !== '') return value
  if (value !== undefined && value !== null && typeof value !== 'string') {
    throw new ArgumentError(`an endpoint must be text, not ${shown(value)}`)
  }
  throw new ArgumentError('no endpoint: set it in the dialog or in msg.endpoint')
}

/** A path, or several: the dialog's, else `msg.path`. @throws ArgumentError */
export async function resolvePaths(field: TypedField, message: NodeMessage): Promise<string[]> {
  const paths = splitPaths(field.empty ? message['path'] : await field.resolve(message))
  if (paths.length > 0) return paths
  throw new ArgumentError('no path: set it in the dialog or in msg.path, such as /3/0/9')
}

/** One path and no more. @throws ArgumentError */
export async function resolvePath(field: TypedField, message: NodeMessage): Promise<string> {
  const [path, ...more] = await resolvePaths(field, message)
  if (path !== undefined && more.length === 0) return path
  throw new ArgumentError('this operation takes one path')
}

/** A value of a message in an error text. */
function shown(value: unknown): string {
  const text = typeof value === 'object' ? 'an object' : String(value)
  return text.slice(0, 40)
}

/**
 * `'/3/0/9, /3/0/1'` or an array of paths as an array; empty where nothing is given.
 * @throws ArgumentError for what is no text
 */
export function splitPaths(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(splitPaths)
  if (value === undefined || value === null) return []
  if (typeof value !== 'string') {
    throw new ArgumentError(
      `a path is text such as /3/0/9, or an array of such, not ${shown(value)}`,
    )
  }
  return value.split(/[\s,]+/).filter((path) => path !== '')
}
