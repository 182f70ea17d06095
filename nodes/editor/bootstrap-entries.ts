/** What the Bootstrap tab of the server dialog says about its entries before a deploy. */
import { t } from './texts'
import type { Validator } from './validator'
import { FROM_ENVIRONMENT } from './validators'

/** An entry as the dialog keeps it; numbers may be text. */
export interface BootstrapEntry {
  readonly endpoint?: string
  readonly uri?: string
  readonly shortServerId?: string | number
  readonly security?: string
  readonly publicKey?: string
  readonly certificate?: string
  readonly serverPublicKey?: string
  readonly serverCertificate?: string
  readonly lifetime?: string | number
  readonly binding?: string
  readonly resources?: string
}

const LAST_SERVER_ID = 65_534
const LAST_SECOND = 0xffff_ffff

/**
 * What is wrong with an entry, as far as the editor can know: keys do not come back to it, and are
 * checked when the server starts. Undefined where nothing is.
 */
export function bootstrapProblem(entry: BootstrapEntry): string | undefined {
  const { endpoint = '', resources = '', binding = '' } = entry
  if (endpoint.trim() === '') return t('bootstrap.endpoint-wanted')
  return (
    uriProblem(entry) ??
    numberProblem(entry.shortServerId, LAST_SERVER_ID, 'bootstrap.server-id-wanted') ??
    materialProblem(entry) ??
    numberProblem(entry.lifetime ?? '', LAST_SECOND, 'bootstrap.lifetime-wanted') ??
    (/^$|^(?!.*(.).*\1)[UTSNMH]+$/.test(binding) || FROM_ENVIRONMENT.test(binding)
      ? undefined
      : t('bootstrap.binding-wanted')) ??
    (isObject(resources) ? undefined : t('bootstrap.resources-wanted'))
  )
}

/** Marks a server whose entries cannot be used. */
export const bootstrapEntries: Validator = function (value, _options) {
  if (!Array.isArray(value)) return true
  const seen = new Set<string>()
  for (const entry of value as readonly BootstrapEntry[]) {
    const endpoint = entry.endpoint ?? ''
    const problem = seen.has(endpoint) ? t('bootstrap.twice') : bootstrapProblem(entry)
    if (problem !== undefined) return `${endpoint === '' ? '?' : endpoint}: ${problem}`
    seen.add(endpoint)
  }
  return true
}

function uriProblem({ uri = '', security }: BootstrapEntry): string | undefined {
  if (FROM_ENVIRONMENT.test(uri)) return undefined
  const scheme = security === undefined || security === 'nosec' ? 'coap' : 'coaps'
  const usable = new RegExp(`^${scheme}://[^\\s/?#@]+`).test(uri)
  return usable ? undefined : t('bootstrap.uri-wanted', { example: `${scheme}://192.0.2.1` })
}

/** A whole number from 1; missing where `''` is the value. */
function numberProblem(
  value: string | number | undefined,
  max: number,
  text: string,
): string | undefined {
  const said = String(value ?? '?').trim()
  if (said === '' || FROM_ENVIRONMENT.test(said)) return undefined
  const number = Number(said)
  return Number.isInteger(number) && number >= 1 && number <= max ? undefined : t(text)
}

function materialProblem(entry: BootstrapEntry): string | undefined {
  switch (entry.security) {
    case 'rpk':
      return (
        pemProblem(entry.publicKey ?? '', 'PUBLIC KEY', true) ??
        pemProblem(entry.serverPublicKey ?? '', 'PUBLIC KEY', false)
      )
    case 'x509':
      return (
        pemProblem(entry.certificate ?? '', 'CERTIFICATE', true) ??
        pemProblem(entry.serverCertificate ?? '', 'CERTIFICATE', false)
      )
    default:
      return undefined
  }
}

function pemProblem(text: string, kind: string, required: boolean): string | undefined {
  if (text === '' && !required) return undefined
  return text.includes(`-----BEGIN ${kind}-----`) ? undefined : t('value.pem-wanted', { kind })
}

/** Nothing, or a JSON object. */
function isObject(text: string): boolean {
  if (text.trim() === '') return true
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
