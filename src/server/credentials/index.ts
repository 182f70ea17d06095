export type {
  AuthorizationDecision,
  AuthorizationOptions,
  AuthorizationRequest,
} from './authorization-requests'
export type { CertificatePolicy } from './authority'
export type { CredentialInfo, CredentialSource, CredentialUse } from './credential'
export { CredentialError } from './credential-error'
export { CREDENTIAL_FIELDS, type CredentialInput, MAX_IDENTITY, MAX_KEY } from './credential-input'
export {
  type CredentialEvents,
  CredentialStore,
  type CredentialStoreOptions,
} from './credential-store'
export type { TextEncoding } from './key-text'
