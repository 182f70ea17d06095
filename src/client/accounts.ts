import { Path } from '../lwm2m/path'
import type { Value } from '../lwm2m/value'
import type { ObjectInstance, ObjectTree } from './tree/object-tree'

/** Objects that configure the client and are hidden from registered servers (Core §7.2, §E.1). */
export const SECURITY = 0
export const SERVER = 1
export const ACCESS_CONTROL = 2
export const OSCORE = 21
export const COSE = 23
export const HIDDEN_OBJECTS: ReadonlySet<number> = new Set([SECURITY, OSCORE, COSE])

/** Security modes (`/0/x/2`). */
export const SecurityMode = { PSK: 0, RPK: 1, X509: 2, NOSEC: 3, EST: 4 } as const

/**
 * A server account: a Security instance with its Server instance; the bootstrap server's has no
 * Server instance.
 */
export interface ServerAccount {
  /** Instance id in `/0`. */
  readonly securityInstance: number
  /** Instance id in `/1`; undefined for the bootstrap server. */
  readonly serverInstance: number | undefined
  /** 1 to 65534; 0 for the bootstrap server. */
  readonly shortServerId: number
  readonly uri: string
  readonly mode: number
  readonly psk: { readonly identity: Uint8Array; readonly key: Uint8Array } | undefined
  /** Raw public key or certificate of the client (`/0/x/3`), not validated. */
  readonly publicKey: Uint8Array | undefined
  /** Raw public key or certificate of the server (`/0/x/4`), not validated. */
  readonly serverPublicKey: Uint8Array | undefined
  /** `/0/x/5`, not validated. */
  readonly secretKey: Uint8Array | undefined
  /**
   * What `serverPublicKey` contains of a certificate: 0 itself, 1 to 3 its SHA-256, -384, -512
   * (`/0/x/13`).
   */
  readonly matchingType: number | undefined
  /** The name in the server's certificate, if it is not the host of the URI (`/0/x/14`). */
  readonly serverName: string | undefined
  /** `/0/x/15` */
  readonly certificateUsage: number | undefined
  /** Seconds to wait before bootstrapping (`/0/x/11`). */
  readonly holdOff: number
}

function scalar(instance: ObjectInstance, resource: number): Value | undefined {
  return instance.resources.get(resource)?.scalar
}

function number(instance: ObjectInstance, resource: number): number | undefined {
  const value = scalar(instance, resource)
  return typeof value === 'number' ? value : undefined
}

function text(instance: ObjectInstance, resource: number): string | undefined {
  const value = scalar(instance, resource)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function bytes(instance: ObjectInstance, resource: number): Uint8Array | undefined {
  const value = scalar(instance, resource)
  return value instanceof Uint8Array && value.length > 0 ? value : undefined
}

/** The instance of `/1` with a Short Server ID. */
export function findServerInstance(
  tree: ObjectTree,
  shortServerId: number,
): ObjectInstance | undefined {
  return tree
    .object(SERVER)
    ?.sorted()
    .find((instance) => number(instance, 0) === shortServerId)
}

function readAccount(tree: ObjectTree, security: ObjectInstance): ServerAccount | undefined {
  const uri = scalar(security, 0)
  if (typeof uri !== 'string' || uri === '') return undefined
  const bootstrap = scalar(security, 1) === true
  const shortServerId = bootstrap ? 0 : (number(security, 10) ?? 0)
  const [identity, key] = [bytes(security, 3), bytes(security, 5)]
  return {
    securityInstance: security.id,
    serverInstance: bootstrap ? undefined : findServerInstance(tree, shortServerId)?.id,
    shortServerId,
    uri,
    mode: number(security, 2) ?? SecurityMode.NOSEC,
    psk: identity !== undefined && key !== undefined ? { identity, key } : undefined,
    publicKey: identity,
    serverPublicKey: bytes(security, 4),
    secretKey: key,
    matchingType: number(security, 13),
    serverName: text(security, 14),
    certificateUsage: number(security, 15),
    holdOff: Math.max(0, number(security, 11) ?? 0),
  }
}

/** Complete server accounts: with a URI, a Short Server ID and a Server instance. */
export function serverAccounts(tree: ObjectTree): ServerAccount[] {
  const accounts: ServerAccount[] = []
  for (const instance of tree.object(SECURITY)?.sorted() ?? []) {
    const account = readAccount(tree, instance)
    if (account?.serverInstance === undefined) continue
    if (accounts.some((other) => other.shortServerId === account.shortServerId)) continue
    accounts.push(account)
  }
  return accounts
}

/** The account of the bootstrap server: the instance of `/0` whose resource 1 is true. */
export function bootstrapAccount(tree: ObjectTree): ServerAccount | undefined {
  const instance = tree
    .object(SECURITY)
    ?.sorted()
    .find((security) => scalar(security, 1) === true)
  return instance === undefined ? undefined : readAccount(tree, instance)
}

/** A resource of the account's Server instance, e.g. 1 for its lifetime. */
export function serverResource(
  tree: ObjectTree,
  account: ServerAccount,
  resource: number,
): Value | undefined {
  if (account.serverInstance === undefined) return undefined
  return tree.value(new Path([SERVER, account.serverInstance, resource]))
}

/** Like {@link serverResource}, for numbers. */
export function serverNumber(
  tree: ObjectTree,
  account: ServerAccount,
  resource: number,
): number | undefined {
  const value = serverResource(tree, account, resource)
  return typeof value === 'number' ? value : undefined
}
