import { parseFormatName } from '../../lwm2m/formats'
import type { ObjectModel, ResourceDefinition } from '../../lwm2m/model/definition'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { Level, Path } from '../../lwm2m/path'
import { nameLookup } from '../../lwm2m/model/names'
import { payloadToRecords } from '../../lwm2m/payload'
import { BootstrapConfigurationError } from './configuration'
import { isPlainObject, substitute, unknownPlaceholder } from './placeholders'
import { plainCopy } from './plain-copy'
import { Properties } from './properties'
import { type RecordReader, resolveAccount } from './resolve-account'
import type { ResolvedConfiguration, ResolvedWrite } from './resolved-configuration'
import { isTreeFormat } from '../../lwm2m/formats'

const FIELDS = [
  ...['endpoint', 'servers', 'resources', 'delete', 'read', 'discover', 'format', 'pack'],
]
/** Servers of one device: more is a mistake. */
const MAX_SERVERS = 32
/** Objects that Bootstrap-Read may name (Core §6.1.7.3). */
const READABLE = [1, 2]
const ACCOUNTS = [Path.parse('/0'), Path.parse('/1')]

/**
 * Checks a configuration as a whole and fills it in for one device. Everything that can be wrong with
 * it is found here, before anything is sent.
 * @throws BootstrapConfigurationError `invalid-configuration`, naming the property
 */
export function resolveConfiguration(
  input: unknown,
  endpoint: string,
  model: ObjectModel,
): ResolvedConfiguration {
  const name = nameOf(input, endpoint)
  const top = new Properties(copyOf(input, name), name, '', FIELDS)
  const readRecords: RecordReader = (value, base) =>
    payloadToRecords(
      substitute(value, endpoint),
      base,
      (path) => definitionOf(model, path),
      nameLookup(model),
    )
  const reader = new Reader(top, name, endpoint, readRecords)
  const accounts = reader.accounts()
  const writes = reader.writes()
  if (
    accounts.some((account) => account.oscoreRecords !== undefined) &&
    writes.some(({ path }) => path.object === ObjectId.OSCORE)
  ) {
    throw top.fail('resources', 'must not have /21 beside the oscore of a server')
  }
  return {
    endpoint,
    accounts,
    writes,
    deletes: reader.deletes(),
    reads: reader.reads(),
    discover: top.flag('discover', true),
    format: reader.format(),
    pack: top.flag('pack', true),
  }
}

function copyOf(input: unknown, name: string): unknown {
  try {
    return plainCopy(input)
  } catch (error) {
    throw new BootstrapConfigurationError(
      'invalid-configuration',
      name,
      error instanceof RangeError ? error.message : 'it cannot be read',
    )
  }
}

function nameOf(input: unknown, endpoint: string): string {
  const own = isPlainObject(input) ? input['endpoint'] : undefined
  return typeof own === 'string' ? own : endpoint
}

function definitionOf(model: ObjectModel, path: Path): ResourceDefinition | undefined {
  const { object, resource } = path
  if (object === undefined || resource === undefined) return undefined
  return model.object(object)?.resources.get(resource)
}

class Reader {
  constructor(
    private readonly top: Properties,
    private readonly name: string,
    private readonly endpoint: string,
    private readonly readRecords: RecordReader,
  ) {}

  accounts(): ResolvedConfiguration['accounts'] {
    const servers = this.top.list('servers')
    if (servers.length > MAX_SERVERS) {
      throw this.top.fail('servers', `has more than ${MAX_SERVERS} entries`)
    }
    if (servers.length === 0 && !this.top.has('delete')) {
      throw this.top.fail('servers', 'is empty, and what accounts the device has would be deleted')
    }
    const accounts = servers.map((server, i) => {
      this.checkPlaceholders(server, `servers[${i}]`)
      const filled = isPlainObject(server) ? this.fillIn(server) : server
      return resolveAccount(filled, this.name, `servers[${i}].`, this.endpoint, this.readRecords)
    })
    for (const what of ['shortServerId', 'securityInstance', 'serverInstance'] as const) {
      const seen = new Set<number>()
      for (const [i, { [what]: id }] of accounts.entries()) {
        if (id === undefined) continue
        if (seen.has(id)) throw this.top.fail(`servers[${i}].${what}`, `${id} occurs twice`)
        seen.add(id)
      }
    }
    return accounts
  }

  writes(): ResolvedWrite[] {
    if (!this.top.has('resources')) return []
    const writes = Object.entries(this.top.object('resources')).map(([text, value]) => {
      const place = `resources[${JSON.stringify(text.slice(0, 40))}]`
      const path = this.path(text, place)
      if (path.level < Level.INSTANCE || path.level > Level.RESOURCE) {
        throw this.top.fail(place, 'must be the path of an instance or a resource')
      }
      if (path.object === ObjectId.SECURITY || path.object === ObjectId.SERVER) {
        throw this.top.fail(
          place,
          'is of a server account: use securityResources or serverResources of the server',
        )
      }
      const records = this.top.attempt(place, () => this.readRecords(value, path))
      return { path, records }
    })
    for (const [i, { path }] of writes.entries()) {
      const inside = writes.find((other, j) => i !== j && path.contains(other.path))
      if (inside !== undefined) {
        throw this.top.fail(`resources["${inside.path}"]`, `is within ${path}, which is there too`)
      }
    }
    return writes
  }

  deletes(): readonly Path[] {
    if (!this.top.has('delete')) return ACCOUNTS
    return this.top.list('delete').map((text, i) => {
      const place = `delete[${i}]`
      const path = this.path(text, place)
      if (path.level > Level.INSTANCE) {
        throw this.top.fail(place, 'must be /, an object or an instance')
      }
      if (path.object === ObjectId.DEVICE) {
        throw this.top.fail(place, 'is the Device object, which is never deleted (Core §6.1.7.6)')
      }
      return path
    })
  }

  reads(): Path[] {
    if (!this.top.has('read')) return []
    return this.top.list('read').map((text, i) => {
      const place = `read[${i}]`
      const path = this.path(text, place)
      const within = path.object !== undefined && READABLE.includes(path.object)
      if (!within || path.level > Level.INSTANCE) {
        throw this.top.fail(place, 'must be /1 or /2 or an instance of them (Core §6.1.7.3)')
      }
      return path
    })
  }

  format(): number | undefined {
    if (!this.top.has('format')) return undefined
    const value = this.top.raw('format')
    const format = typeof value === 'string' ? parseFormatName(value) : value
    if (typeof format !== 'number' || !isTreeFormat(format)) {
      throw this.top.fail(
        'format',
        'must be tlv, senml-cbor, senml-json, lwm2m-cbor or json, or their number',
      )
    }
    return format
  }

  private path(text: unknown, place: string): Path {
    if (typeof text !== 'string') throw this.top.fail(place, 'must be a path like /2/0')
    const path = this.top.attempt(place, () => Path.parse(text))
    if (path.prefix !== '') {
      throw this.top.fail(place, 'must be a path like /2/0, without a gateway prefix')
    }
    return path
  }

  private checkPlaceholders(server: unknown, place: string): void {
    if (!isPlainObject(server)) return
    for (const name of ['uri', 'identity']) {
      const text = server[name]
      const placeholder = typeof text === 'string' ? unknownPlaceholder(text) : undefined
      if (placeholder !== undefined) {
        throw new BootstrapConfigurationError(
          'invalid-configuration',
          this.name,
          `${place}.${name} has the unknown placeholder ${placeholder}; there is {endpoint}`,
        )
      }
    }
  }

  /** Keys and certificates are no templates. */
  private fillIn(server: { [name: string]: unknown }): { [name: string]: unknown } {
    const filled = { ...server }
    for (const name of ['uri', 'identity']) filled[name] = substitute(server[name], this.endpoint)
    return filled
  }
}

/** An endpoint name as a pattern could match it: to check a configuration before any device comes. */
export function sampleEndpoint(pattern: string): string {
  return pattern.replaceAll('*', 'x').replaceAll('?', 'x')
}
