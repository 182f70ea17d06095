import type { Clock } from '../base/clock'
import type { CoapEndpoint } from '../coap/endpoint'
import type { RequestHandler } from '../coap/types'
import type { ObjectModel } from '../lwm2m/model/definition'
import { BootstrapConfigurations } from './bootstrap/configurations'
import { BootstrapServer } from './bootstrap/bootstrap-server'
import { Endpoints, type ServerAddresses } from './endpoints'
import type { BootstrapOptions, Lwm2mServerOptions } from './options'
import { SessionJournal } from './persistence/session-journal'
import type { ServerWarning } from './types'

/** What the bootstrap service needs of the server. */
export interface BootstrapServiceHost {
  readonly clock: Clock
  model(): ObjectModel
  warn(warning: ServerWarning): void
}

/** The bootstrap server with the ports of its own. */
export class BootstrapService {
  readonly server: BootstrapServer
  readonly endpoints: Endpoints

  constructor(
    private readonly settings: BootstrapOptions,
    private readonly options: Lwm2mServerOptions,
    host: BootstrapServiceHost,
  ) {
    const { shared = false, coap = shared ? false : {}, coaps = false, ...limits } = settings
    const { store, credentials, transmission } = options
    const configurations = new BootstrapConfigurations(() => host.model())
    configurations.on('warning', (warning) => host.warn(warning))
    this.server = new BootstrapServer({
      ...limits,
      configurations,
      model: () => host.model(),
      credentials,
      clock: host.clock,
    })
    this.server.on('warning', (warning) => host.warn(warning))
    this.endpoints = new Endpoints({
      coap: coap === false ? undefined : coap,
      coaps: coaps === false ? undefined : coaps,
      ports: { coap: 5783, coaps: 5784 },
      transmission,
      clock: host.clock,
      credentials,
      uses: ['bootstrap'],
      sessions: store && new SessionJournal(store, 'bootstrap'),
      warn: (warning) => host.warn(warning),
    })
    for (const endpoint of this.endpoints.all) this.server.attach(endpoint)
  }

  /** Answers `/bs` and `/bspack` on an endpoint of the server too, where they share it. */
  share(endpoint: CoapEndpoint): void {
    if (this.settings.shared !== true) return
    const others: RequestHandler = endpoint.onRequest
    endpoint.onRequest = (request) =>
      this.server.serves(request.path) ? this.server.handle(endpoint, request) : others(request)
  }

  /** Loads what is kept. @throws StoreError */
  async open(): Promise<void> {
    if (this.options.store !== undefined) await this.server.configurations.open(this.options.store)
  }

  /** @throws BindError */
  start(): Promise<ServerAddresses> {
    return this.endpoints.start()
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.endpoints.stop()
    await this.server.configurations.close()
  }
}
