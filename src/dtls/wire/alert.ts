import { Alert } from './constants'

export interface AlertMessage {
  readonly level: number
  readonly description: number
}

/** RFC 5246 §7.2; undefined if it is not exactly an alert. */
export function parseAlert(body: Uint8Array): AlertMessage | undefined {
  const [level, description] = body
  if (body.length !== 2 || level === undefined || description === undefined) return undefined
  return { level, description }
}

export function buildAlert(level: number, description: number): Buffer {
  return Buffer.from([level, description])
}

/** For messages: `handshake_failure` or `alert 115`. */
export function describeAlert(description: number): string {
  for (const [name, value] of Object.entries(Alert)) {
    if (value === description) return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  }
  return `alert ${description}`
}
