import { isPattern, matchesPattern } from '../endpoint-pattern'
import type { CredentialProof } from './credential'

/** Whether a certificate with these names is meant by an X.509 credential that goes by name. */
export function provesName(proof: CredentialProof, names: readonly string[]): boolean {
  if (proof.mode !== 'x509' || !('name' in proof)) return false
  const { name } = proof
  return isPattern(name) ? names.some((one) => matchesPattern(name, one)) : names.includes(name)
}
