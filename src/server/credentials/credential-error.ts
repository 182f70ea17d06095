import { CodedError } from '../../base/coded-error'

/**
 * A credential was refused. Codes: `invalid-credential`, `duplicate-identity` (another entry has the
 * same identity, key or certificate), `fixed-credential` (it comes from the dialog or the file and
 * cannot be changed at run time), `credential-file` (the file cannot be read as a whole).
 *
 * The message names the entry and never contains a key.
 */
export class CredentialError extends CodedError {
  constructor(
    code: 'invalid-credential' | 'duplicate-identity' | 'fixed-credential' | 'credential-file',
    /** Which entry: `row 7 of devices.csv (endpoint "dev1")`. */
    readonly entry: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(code, `${entry}: ${why}`, options)
  }
}
