import { X509Certificate } from 'node:crypto'
import { loadServerKey } from '../../dtls/certificates/server-key'
import { Path } from '../../lwm2m/path'
import { SECURITY, SERVER, SecurityMode, findServerInstance } from '../accounts'
import { ClientError } from '../errors'
import { parseServerUri } from '../session/server-uri'
import { addInstance, setResource, type DefaultVersion } from '../tree/build'
import type { ObjectTree } from '../tree/object-tree'
import type { ClientSecurity, InstanceDescription, Lwm2mClientOptions } from '../types'

const DEFAULT_LIFETIME = 300

/**
 * Creates the accounts of the options as instances of the Security and Server objects: the
 * bootstrap server's first, then the server's.
 * @throws ClientError `invalid-argument`
 */
export function seedAccounts(
  tree: ObjectTree,
  options: Lwm2mClientOptions,
  defaultVersion: DefaultVersion,
): void {
  const { server, bootstrap, shortServerId = 1 } = options
  if (server === undefined && bootstrap === undefined) {
    throw new ClientError('invalid-argument', 'a server or a bootstrap server is needed')
  }
  if (!Number.isInteger(shortServerId) || shortServerId < 1 || shortServerId > 65534) {
    throw new ClientError('invalid-argument', 'a Short Server ID is 1 to 65534')
  }
  const security = tree.addObject(SECURITY, '', defaultVersion(SECURITY))
  tree.addObject(SERVER, '', defaultVersion(SERVER))
  const add = (account: InstanceDescription): void => {
    addInstance(tree, security, security.freeInstanceId(), account, false)
  }
  if (bootstrap !== undefined) {
    add({ ...credential(bootstrap, options.bootstrapSecurity), 1: true, 11: 0 })
  }
  if (server !== undefined) {
    add({ ...credential(server, options.security), 1: false, 10: shortServerId })
    seedServer(tree, options, shortServerId)
  }
}

/** Creates the Server instance; values of a description are kept. */
function seedServer(tree: ObjectTree, options: Lwm2mClientOptions, shortServerId: number): void {
  const object = tree.addObject(SERVER)
  const lifetime = options.lifetime ?? DEFAULT_LIFETIME
  if (!Number.isInteger(lifetime) || lifetime < 1) {
    throw new ClientError('invalid-argument', 'a lifetime is 1 second or more')
  }
  const values: InstanceDescription = {
    0: shortServerId,
    1: lifetime,
    6: true,
    7: options.binding ?? 'U',
  }
  const known = findServerInstance(tree, shortServerId)
  if (known === undefined) {
    addInstance(tree, object, object.freeInstanceId(), values, false)
    return
  }
  for (const [id, value] of Object.entries(values)) {
    const path = new Path([SERVER, known.id, Number(id)])
    if (!known.resources.has(Number(id))) setResource(tree, path, known, object, value)
  }
}

/** @throws ClientError `invalid-argument` */
function credential(uri: string, security: ClientSecurity | undefined): InstanceDescription {
  const { secure } = parseServerUri(uri)
  if (!secure) return { 0: uri, 2: SecurityMode.NOSEC, 3: empty(), 4: empty(), 5: empty() }
  if (security === undefined) {
    throw new ClientError('invalid-argument', `${uri} needs a key or a certificate`)
  }
  if (security.rpk !== undefined) {
    const { privateKey, serverPublicKey } = security.rpk
    const { publicKey, secretKey } = ownKey(privateKey)
    return { 0: uri, 2: SecurityMode.RPK, 3: publicKey, 4: serverPublicKey, 5: secretKey }
  }
  if (security.x509 !== undefined) {
    const { privateKey, certificate, serverCertificate, certificateUsage = 3 } = security.x509
    const { secretKey } = ownKey(privateKey)
    const account = { 0: uri, 2: SecurityMode.X509, 3: certificateOf(certificate), 5: secretKey }
    return { ...account, 4: certificateOf(serverCertificate), 15: certificateUsage }
  }
  const { identity, key } = security.psk
  const bytes = typeof identity === 'string' ? Buffer.from(identity, 'utf8') : identity
  if (bytes.length < 1 || bytes.length > 128) {
    throw new ClientError('invalid-argument', 'a PSK identity has 1 to 128 bytes')
  }
  if (key.length < 1 || key.length > 64) {
    throw new ClientError('invalid-argument', 'a PSK key has 1 to 64 bytes')
  }
  return { 0: uri, 2: SecurityMode.PSK, 3: bytes, 4: empty(), 5: key }
}

/** @throws ClientError `invalid-argument` */
function ownKey(source: string | Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array } {
  try {
    const { privateKey, publicKey } = loadServerKey({ privateKey: source })
    return { publicKey, secretKey: privateKey.export({ format: 'der', type: 'pkcs8' }) }
  } catch (error) {
    const message = 'the private key is not a P-256 key'
    throw new ClientError('invalid-argument', message, { cause: error })
  }
}

/** Converts a certificate to DER. @throws ClientError `invalid-argument` */
function certificateOf(source: string | Uint8Array): Uint8Array {
  try {
    return new X509Certificate(source).raw
  } catch (error) {
    throw new ClientError('invalid-argument', 'a certificate cannot be read', { cause: error })
  }
}

function empty(): Uint8Array {
  return new Uint8Array(0)
}
