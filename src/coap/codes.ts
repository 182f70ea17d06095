import type { CodeText } from '../base/codes'

/**
 * CoAP codes as numbers: class in the upper three bits, detail in the lower five (RFC 7252 §3).
 * `0x45` is 2.05.
 */
export const Code = {
  EMPTY: 0x00,
  GET: 0x01,
  POST: 0x02,
  PUT: 0x03,
  DELETE: 0x04,
  /** RFC 8132 */
  FETCH: 0x05,
  PATCH: 0x06,
  IPATCH: 0x07,
  CREATED: 0x41,
  DELETED: 0x42,
  VALID: 0x43,
  CHANGED: 0x44,
  CONTENT: 0x45,
  /** RFC 7959 */
  CONTINUE: 0x5f,
  BAD_REQUEST: 0x80,
  UNAUTHORIZED: 0x81,
  BAD_OPTION: 0x82,
  FORBIDDEN: 0x83,
  NOT_FOUND: 0x84,
  METHOD_NOT_ALLOWED: 0x85,
  NOT_ACCEPTABLE: 0x86,
  /** RFC 7959 */
  REQUEST_ENTITY_INCOMPLETE: 0x88,
  /** RFC 8132 */
  CONFLICT: 0x89,
  PRECONDITION_FAILED: 0x8c,
  REQUEST_ENTITY_TOO_LARGE: 0x8d,
  UNSUPPORTED_CONTENT_FORMAT: 0x8f,
  INTERNAL_SERVER_ERROR: 0xa0,
  NOT_IMPLEMENTED: 0xa1,
  BAD_GATEWAY: 0xa2,
  SERVICE_UNAVAILABLE: 0xa3,
  GATEWAY_TIMEOUT: 0xa4,
} as const

const NAMES: Record<number, string> = {
  [Code.GET]: 'GET',
  [Code.POST]: 'POST',
  [Code.PUT]: 'PUT',
  [Code.DELETE]: 'DELETE',
  [Code.FETCH]: 'FETCH',
  [Code.PATCH]: 'PATCH',
  [Code.IPATCH]: 'iPATCH',
  [Code.CREATED]: 'Created',
  [Code.DELETED]: 'Deleted',
  [Code.VALID]: 'Valid',
  [Code.CHANGED]: 'Changed',
  [Code.CONTENT]: 'Content',
  [Code.CONTINUE]: 'Continue',
  [Code.BAD_REQUEST]: 'Bad Request',
  [Code.UNAUTHORIZED]: 'Unauthorized',
  [Code.BAD_OPTION]: 'Bad Option',
  [Code.FORBIDDEN]: 'Forbidden',
  [Code.NOT_FOUND]: 'Not Found',
  [Code.METHOD_NOT_ALLOWED]: 'Method Not Allowed',
  [Code.NOT_ACCEPTABLE]: 'Not Acceptable',
  [Code.REQUEST_ENTITY_INCOMPLETE]: 'Request Entity Incomplete',
  [Code.CONFLICT]: 'Conflict',
  [Code.PRECONDITION_FAILED]: 'Precondition Failed',
  [Code.REQUEST_ENTITY_TOO_LARGE]: 'Request Entity Too Large',
  [Code.UNSUPPORTED_CONTENT_FORMAT]: 'Unsupported Content-Format',
  [Code.INTERNAL_SERVER_ERROR]: 'Internal Server Error',
  [Code.NOT_IMPLEMENTED]: 'Not Implemented',
  [Code.BAD_GATEWAY]: 'Bad Gateway',
  [Code.SERVICE_UNAVAILABLE]: 'Service Unavailable',
  [Code.GATEWAY_TIMEOUT]: 'Gateway Timeout',
}

/** `0x84` -> `'4.04'`. */
export function formatCode(code: number): CodeText {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, '0')}` as CodeText
}

/** `0x84` -> `'Not Found'`, `0x01` -> `'GET'`; `'4.31'` if the code is unknown. */
export function codeName(code: number): string {
  return NAMES[code] ?? formatCode(code)
}

/** Whether a code is a success response (class 2). */
export function isSuccess(code: number): boolean {
  return code >> 5 === 2
}

/** Whether a code is a request method (class 0, but not 0.00). */
export function isRequest(code: number): boolean {
  return code >> 5 === 0 && code !== 0
}
