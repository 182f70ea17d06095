import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A key and certificate as files, for independent clients, and as text. */
export interface Issued {
  readonly keyFile: string
  readonly certificateFile: string
  readonly key: string
  readonly certificate: string
}

export interface IssueOptions {
  readonly issuer?: Issued
  /** Lines of an openssl extension section. */
  readonly extensions?: readonly string[]
  readonly days?: number
  /** openssl curve name, or `rsa` with 2,048 bits or, `rsa:1024`, as many as it says. Default prime256v1. */
  readonly curve?: string
  /** The hash that it is signed with. Default sha256. */
  readonly hash?: string
}

export const CA_EXTENSIONS = [
  'basicConstraints=critical,CA:TRUE',
  'keyUsage=critical,keyCertSign,cRLSign',
]
export const LEAF_EXTENSIONS = [
  'basicConstraints=critical,CA:FALSE',
  'keyUsage=critical,digitalSignature',
]

/** Certificates made by openssl in a temporary folder. */
export class TestPki {
  readonly folder = mkdtempSync(join(tmpdir(), 'dtls-pki-'))
  private serial = 0

  constructor(private readonly openssl: string) {}

  /** `subject` like `/CN=dev1`. */
  issue(subject: string, options: IssueOptions = {}): Issued {
    const { issuer, extensions = LEAF_EXTENSIONS, days = 30 } = options
    const { curve = 'prime256v1', hash = 'sha256' } = options
    const name = join(this.folder, `c${this.serial++}`)
    const keyFile = `${name}.key`
    const certificateFile = `${name}.pem`
    const request = `${name}.csr`
    const section = `${name}.ext`
    writeFileSync(section, extensions.join('\n'))
    const algorithm =
      curve.split(':')[0] === 'rsa'
        ? ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${curve.split(':')[1] ?? 2048}`]
        : ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`]
    this.run('genpkey', ...algorithm, '-out', keyFile)
    this.run('req', '-new', '-key', keyFile, '-subj', subject, '-out', request)
    const signer =
      issuer === undefined
        ? ['-key', keyFile]
        : ['-CA', issuer.certificateFile, '-CAkey', issuer.keyFile]
    const serial = ['-set_serial', String(1000 + this.serial), '-days', String(days)]
    const output = [`-${hash}`, '-extfile', section, '-out', certificateFile]
    this.run('x509', '-req', '-in', request, ...signer, ...serial, ...output)
    return {
      keyFile,
      certificateFile,
      key: readFileSync(keyFile, 'utf8'),
      certificate: readFileSync(certificateFile, 'utf8'),
    }
  }

  /** A file with these certificates, leaf first. */
  chainFile(...chain: readonly Issued[]): string {
    const file = join(this.folder, `chain${this.serial++}.pem`)
    writeFileSync(file, chain.map(({ certificate }) => certificate).join(''))
    return file
  }

  /** The public key of an issued one, as a PEM file. */
  publicKeyFile({ keyFile }: Issued): string {
    const file = `${keyFile}.pub`
    this.run('pkey', '-in', keyFile, '-pubout', '-out', file)
    return file
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private run(...args: readonly string[]): void {
    execFileSync(this.openssl, args, { stdio: 'pipe' })
  }
}
