import type { WarningCode } from '../../base/codes'
import { TypedEmitter } from '../../base/events'
import { Serial } from '../../base/serial'
import type { ObjectModel } from '../../lwm2m/model/definition'
import { cborOfVersion, RecordType } from '../../storage/record-type'
import { type Store, StoreError } from '../../storage/store'
import { matchesPattern, PatternMap } from '../endpoint-pattern'
import { type BootstrapConfiguration, BootstrapConfigurationError } from './configuration'
import { describeConfiguration, type ConfigurationInfo } from './configuration-info'
import { endpointProblem } from '../endpoint-name'
import { isPlainObject } from './placeholders'
import { plainCopy } from './plain-copy'
import { resolveConfiguration, sampleEndpoint } from './resolve-configuration'

/** Where run-time configurations are kept in the store. */
const PREFIX = 'bootstrap:'

const CONFIGURATION_RECORD = new RecordType<unknown>({
  what: 'a bootstrap configuration',
  version: 1,
  unversioned: cborOfVersion(1),
  // It is checked as what a flow sets is.
  isWhole: (body): body is unknown => isPlainObject(body),
})

interface Entry {
  readonly configuration: BootstrapConfiguration
  readonly source: 'list' | 'runtime'
}

/**
 * What each device gets: the dialog's configurations and those that flows set at run time, which are
 * kept in the store. An exact endpoint name goes before patterns, a longer pattern before a shorter.
 */
export class BootstrapConfigurations extends TypedEmitter<{
  /** A stored configuration cannot be used; `message` says why. */
  warning: [warning: { readonly code: WarningCode; readonly message: string }]
}> {
  private readonly entries = new PatternMap<Entry>()
  private readonly changes = new Serial()
  private store: Store | undefined

  /** @param model says the types of further resources; asked anew for each check */
  constructor(private readonly model: () => ObjectModel) {
    super()
  }

  /**
   * Loads what was set at run time from a store, which is open already, and keeps there what will be.
   * @throws StoreError
   */
  async open(store: Store): Promise<void> {
    await this.changes.run(async () => {
      for await (const [key, value] of store.list(PREFIX)) {
        try {
          const configuration = this.check(
            CONFIGURATION_RECORD.decode(value),
            key.slice(PREFIX.length),
          )
          if (this.own(configuration.endpoint)?.source === 'list') continue
          this.entries.set(configuration.endpoint, { configuration, source: 'runtime' })
        } catch (error) {
          if (error instanceof StoreError) throw error
          const known = error instanceof BootstrapConfigurationError
          const message = known ? error.message : `${key.slice(PREFIX.length)}: it cannot be read`
          this.emit('warning', { code: 'invalid-configuration', message: `stored ${message}` })
        }
      }
      this.store = store
    })
  }

  /** The store is its owner's to close. */
  async close(): Promise<void> {
    await this.changes.run(async () => {
      this.store = undefined
    })
  }

  /**
   * Replaces the configurations of the dialog; those that are wrong are left out.
   * @returns what is wrong with those left out
   */
  setList(configurations: readonly unknown[]): BootstrapConfigurationError[] {
    const problems: BootstrapConfigurationError[] = []
    const seen = new Set<string>()
    for (const [pattern, { source }] of this.entries.entries()) {
      if (source === 'list') this.entries.delete(pattern)
    }
    for (const [i, input] of configurations.entries()) {
      try {
        const configuration = this.check(input, `entry ${i + 1}`)
        const { endpoint } = configuration
        if (seen.has(endpoint)) {
          throw new BootstrapConfigurationError(
            'invalid-configuration',
            endpoint,
            'it occurs twice in the list',
          )
        }
        seen.add(endpoint)
        this.entries.set(endpoint, { configuration, source: 'list' })
      } catch (error) {
        if (!(error instanceof BootstrapConfigurationError)) throw error
        problems.push(error)
      }
    }
    return problems
  }

  /**
   * Sets the configuration of an endpoint or pattern, in the place of the one it had.
   * @returns once it is kept
   * @throws BootstrapConfigurationError `invalid-configuration`, naming the property;
   * `fixed-configuration` where the dialog has one for the same endpoint or pattern
   * @throws StoreError
   */
  async set(input: BootstrapConfiguration): Promise<ConfigurationInfo> {
    return this.changes.run(async () => {
      const configuration = this.check(input, '')
      this.refuseFixed(configuration.endpoint)
      await this.store?.put(
        PREFIX + configuration.endpoint,
        CONFIGURATION_RECORD.encode(configuration),
      )
      const entry: Entry = { configuration, source: 'runtime' }
      this.entries.set(configuration.endpoint, entry)
      return describeConfiguration(configuration, 'runtime')
    })
  }

  /**
   * Removes the configuration set for exactly this endpoint or pattern.
   * @returns whether there was one
   * @throws BootstrapConfigurationError `fixed-configuration`
   * @throws StoreError
   */
  async remove(endpoint: string): Promise<boolean> {
    return this.changes.run(async () => {
      this.refuseFixed(endpoint)
      await this.store?.delete(PREFIX + endpoint)
      return this.entries.delete(endpoint)
    })
  }

  /** All of them by endpoint, without secrets. */
  list(pattern = '*'): ConfigurationInfo[] {
    return this.entries
      .entries()
      .filter(([endpoint]) => endpoint === pattern || matchesPattern(pattern, endpoint))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, { configuration, source }]) => describeConfiguration(configuration, source))
  }

  /** The one that counts for a device, with secrets: for the bootstrap server only. */
  find(endpoint: string): BootstrapConfiguration | undefined {
    return this.entries.get(endpoint)?.configuration
  }

  private own(endpoint: string): Entry | undefined {
    return this.entries.entries().find(([pattern]) => pattern === endpoint)?.[1]
  }

  private refuseFixed(endpoint: string): void {
    if (this.own(endpoint)?.source !== 'list') return
    throw new BootstrapConfigurationError(
      'fixed-configuration',
      endpoint,
      'it is set in the dialog and cannot be changed at run time',
    )
  }

  private check(input: unknown, fallbackName: string): BootstrapConfiguration {
    const endpoint = isPlainObject(input) ? input['endpoint'] : undefined
    if (typeof endpoint !== 'string' || endpoint === '') {
      throw new BootstrapConfigurationError(
        'invalid-configuration',
        fallbackName,
        'endpoint is missing',
      )
    }
    const wrong = endpointProblem(endpoint)
    if (wrong !== undefined) {
      throw new BootstrapConfigurationError(
        'invalid-configuration',
        endpoint.slice(0, 40),
        `endpoint ${wrong}`,
      )
    }
    resolveConfiguration(input, sampleEndpoint(endpoint), this.model())
    // What was checked is what will be used, whatever becomes of the flow's message.
    return plainCopy(input) as BootstrapConfiguration
  }
}
