import type { Credential } from './credential'
import { CredentialError } from './credential-error'

/** For sorting: by endpoint, then the oldest first. */
export function byEndpointAndAge(a: Credential, b: Credential): number {
  if (a.endpoint !== b.endpoint) return a.endpoint < b.endpoint ? -1 : 1
  return (a.origin.addedAt ?? 0) - (b.origin.addedAt ?? 0)
}

/** A peer could not tell these two apart. */
export function duplicate(credential: Credential, holder: Credential): CredentialError {
  const { mode } = credential.proof
  const what = mode === 'psk' ? 'identity' : mode === 'rpk' ? 'public key' : 'certificate or name'
  return new CredentialError(
    'duplicate-identity',
    credential.origin.label,
    `its ${what} is already that of ${holder.origin.label}`,
  )
}

/** Only what was added at run time can be changed at run time. */
export function fixedError(credential: Credential, done: string): CredentialError {
  return new CredentialError(
    'fixed-credential',
    credential.origin.label,
    `it is set by the ${credential.source === 'list' ? 'list of the dialog' : 'credentials file'} and cannot be ${done} at run time`,
  )
}
