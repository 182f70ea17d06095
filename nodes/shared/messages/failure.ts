import { CodedError } from '../../../src/base/coded-error'
import type { ErrorCode } from '../../../src/base/codes'
import type { NodeAPI } from '../runtime/red'
import { sharedText } from '../runtime/red'
import type { StatusContent } from '../status/status-line'

/** Every error as one with a code: what a Catch node finds as `msg.error.code`. */
export function toCodedError(error: unknown): CodedError {
  if (error instanceof CodedError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new CodedError('internal', message, { cause: error })
}

/** Codes that a locale has a short text for (`failure.<key>`), beside the CoAP codes. */
const KNOWN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'timeout',
  'response-timeout',
  'handshake-timeout',
  'reset',
  'cancelled',
  'blockwise',
  'peer-gone',
  'unknown-endpoint',
  'asleep',
  'expired',
  'queue-full',
  'unsupported',
  'invalid-argument',
  'invalid-path',
  'invalid-value',
  'invalid-setting',
  'not-running',
  'decode',
  'encode',
  'no-server',
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'store-locked',
  'store-damaged',
])

/** `'4.04 not found'`, `'no answer'`, … for a status. */
export function failureText(RED: NodeAPI, { code }: CodedError): string {
  if (/^[45]\.\d\d$/.test(code)) {
    const key = `failure.${code.replace('.', '')}`
    const text = sharedText(RED, key)
    return text === '' || text.endsWith(key) ? code : `${code} ${text}`
  }
  return KNOWN.has(code) ? sharedText(RED, `failure.${code}`) : code
}

/** The red ring of a failure. */
export function failureStatus(RED: NodeAPI, error: CodedError): StatusContent {
  return { fill: 'red', shape: 'ring', text: failureText(RED, error) }
}
