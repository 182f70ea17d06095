import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { ValueError } from '../../lwm2m/value'
import { MAX_IDENTITY, MAX_KEY } from '../credentials/credential-input'
import { bytesOfText } from '../credentials/key-text'
import { certificateOf, publicKeyInfo } from '../credentials/public-material'
import { Properties } from './properties'
import type { ResolvedAccount } from './resolved-configuration'

const NONE = new Uint8Array(0)
/** Instance ids and short server ids end before the reserved 65535 (Core §7.1, E.1). */
const LAST_ID = 65534
/** Longest Server URI (object 0, resource 0), bytes. */
const MAX_URI = 255
/** Largest number of seconds taken: what fits a 32-bit unsigned integer. */
const MAX_SECONDS = 0xffff_ffff
const SECURITY_MODES = ['nosec', 'psk', 'rpk', 'x509'] as const
/** Transports of resource /1/x/7 (1.2): UDP, TCP, SMS, non-IP, MQTT, HTTP. */
const BINDING = /^(?!.*(.).*\1)[UTSNMH]+$/

const FIELDS = [
  ...['uri', 'shortServerId', 'security', 'createCredential', 'lifetime', 'binding', 'queueMode'],
  ...['identity', 'identityFormat', 'key', 'keyFormat', 'publicKey', 'privateKey'],
  ...['serverPublicKey', 'certificate', 'serverCertificate', 'minPeriod', 'maxPeriod'],
  ...['notificationStoring', 'securityInstance', 'serverInstance', 'securityResources'],
  ...['serverResources', 'oscore'],
]

/** Properties that only some security modes have. */
const MODE_FIELDS: { readonly [field: string]: readonly string[] } = {
  identity: ['psk'],
  identityFormat: ['psk'],
  key: ['psk'],
  keyFormat: ['psk'],
  createCredential: ['psk'],
  publicKey: ['rpk'],
  serverPublicKey: ['rpk'],
  certificate: ['x509'],
  serverCertificate: ['x509'],
  privateKey: ['rpk', 'x509'],
}

/** Resources that an account's own properties set, so that `…Resources` must not. */
const OWN_SECURITY = [0, 1, 2, 3, 4, 5, 10]
const OWN_SERVER = [0, 1, 2, 3, 6, 7]
/** Resource /0/x/17, OSCORE Security Mode. */
const OSCORE_LINK = 17

/** Makes records of what is written in a configuration. @throws CodedError */
export type RecordReader = (value: unknown, base: Path) => Record[]

/**
 * Checks and reads one server account; placeholders are filled in already.
 * @param place `servers[0].`
 * @throws BootstrapConfigurationError
 */
export function resolveAccount(
  input: unknown,
  configuration: string,
  place: string,
  endpoint: string,
  readRecords: RecordReader,
): ResolvedAccount {
  const account = new Properties(input, configuration, place, FIELDS)
  const security = account.choice('security', SECURITY_MODES, 'nosec')
  for (const [field, modes] of Object.entries(MODE_FIELDS)) {
    const said = account.has(field) && account.raw(field) !== false
    if (said && !modes.includes(security)) {
      throw account.fail(field, `does not belong to security ${security}`)
    }
  }
  const records = (name: string, base: string, own: readonly number[]): Record[] => {
    if (!account.has(name)) return []
    const found = account.attempt(name, () => readRecords(account.object(name), Path.parse(base)))
    const clash = found.find((record) => own.includes(record.path.resource ?? -1))
    if (clash !== undefined) {
      throw account.fail(
        name,
        `must not have ${clash.path.resource}, which the account itself sets`,
      )
    }
    return found
  }
  const oscore = account.has('oscore')
  return {
    shortServerId: account.integer('shortServerId', 1, LAST_ID),
    uri: readUri(account, security),
    security,
    ...readMaterial(account, security, endpoint),
    lifetime: account.optionalInteger('lifetime', 1, MAX_SECONDS) ?? 86_400,
    binding: readBinding(account),
    queueMode: account.flag('queueMode', false),
    minPeriod: account.optionalInteger('minPeriod', 0, MAX_SECONDS),
    maxPeriod: account.optionalInteger('maxPeriod', 0, MAX_SECONDS),
    notificationStoring: account.flag('notificationStoring', true),
    securityInstance: account.optionalInteger('securityInstance', 0, LAST_ID),
    serverInstance: account.optionalInteger('serverInstance', 0, LAST_ID),
    securityRecords: records(
      'securityResources',
      '/0/0',
      oscore ? [...OWN_SECURITY, OSCORE_LINK] : OWN_SECURITY,
    ),
    serverRecords: records('serverResources', '/1/0', OWN_SERVER),
    oscoreRecords: oscore ? records('oscore', '/21/0', []) : undefined,
  }
}

function readUri(account: Properties, security: ResolvedAccount['security']): string {
  const uri = account.text('uri')
  if (Buffer.byteLength(uri) > MAX_URI) throw account.fail('uri', `has more than ${MAX_URI} bytes`)
  if (!URL.canParse(uri)) throw account.fail('uri', 'is not a URI such as coap://192.0.2.1:5683')
  const { protocol, hostname, username, password, hash } = new URL(uri)
  if (!/^coaps?(\+tcp)?:$/.test(protocol) || hostname === '') {
    throw account.fail('uri', 'must begin with coap:// or coaps:// and name a host')
  }
  if (username !== '' || password !== '' || hash !== '') {
    throw account.fail('uri', 'must have no user, password or fragment (RFC 7252 §6.1)')
  }
  const secure = protocol.startsWith('coaps')
  if (secure !== (security !== 'nosec')) {
    throw account.fail('uri', `must begin with ${secure ? 'coap' : 'coaps'} for ${security}`)
  }
  return uri
}

function readBinding(account: Properties): string {
  if (!account.has('binding')) return 'U'
  const binding = account.text('binding')
  if (binding.includes('Q')) throw account.fail('binding', 'must be without Q: use queueMode')
  if (!BINDING.test(binding)) {
    throw account.fail('binding', 'must be of the letters U, T, S, N, M, H, each once')
  }
  return binding
}

type Material = Pick<
  ResolvedAccount,
  'publicKeyOrIdentity' | 'serverPublicKey' | 'secretKey' | 'createCredential'
>

function readMaterial(
  account: Properties,
  security: ResolvedAccount['security'],
  endpoint: string,
): Material {
  const nothing: Material = {
    publicKeyOrIdentity: NONE,
    serverPublicKey: NONE,
    secretKey: NONE,
    createCredential: false,
  }
  switch (security) {
    case 'nosec':
      return nothing
    case 'psk': {
      if (account.flag('createCredential', false)) {
        const given = ['identity', 'key'].find((name) => account.has(name))
        if (given !== undefined) throw account.fail(given, 'excludes createCredential')
        return { ...nothing, createCredential: true }
      }
      const identity = account.has('identity')
        ? account.bytes('identity', 1, MAX_IDENTITY, 'text')
        : Buffer.from(endpoint)
      if (identity.length > MAX_IDENTITY) {
        throw account.fail('identity', `has more than ${MAX_IDENTITY} bytes`)
      }
      const secretKey = account.bytes('key', 1, MAX_KEY, 'hex')
      return { ...nothing, publicKeyOrIdentity: identity, secretKey }
    }
    case 'rpk': {
      const publicKey = account.material('publicKey', publicKeyInfo)
      const privateKey = account.material('privateKey', privateKeyOf)
      if (!publicKeyInfoOf(privateKey).equals(publicKey)) {
        throw account.fail('privateKey', 'does not belong to publicKey')
      }
      return {
        ...nothing,
        publicKeyOrIdentity: publicKey,
        secretKey: pkcs8(privateKey),
        serverPublicKey: account.material('serverPublicKey', publicKeyInfo),
      }
    }
    case 'x509': {
      const certificate = account.material('certificate', certificateOf)
      const privateKey = account.material('privateKey', privateKeyOf)
      if (!certificate.checkPrivateKey(privateKey)) {
        throw account.fail('privateKey', 'does not belong to certificate')
      }
      return {
        ...nothing,
        publicKeyOrIdentity: certificate.raw,
        secretKey: pkcs8(privateKey),
        serverPublicKey: account.material('serverCertificate', certificateOf).raw,
      }
    }
  }
}

/** A private key from PEM, or from DER PKCS #8 (RFC 5958) as bytes or base64. @throws ValueError */
function privateKeyOf(input: string | Uint8Array): KeyObject {
  const pem = typeof input === 'string' && input.includes('-----BEGIN')
  try {
    return createPrivateKey(
      pem
        ? input
        : {
            key: typeof input === 'string' ? bytesOfText(input, 'base64') : Buffer.from(input),
            format: 'der',
            type: 'pkcs8',
          },
    )
  } catch {
    // Not the library's error: it may quote the input.
    throw new ValueError('it is not an unencrypted private key in PEM or PKCS #8')
  }
}

function pkcs8(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' })
}

function publicKeyInfoOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
}
