import { resolve } from 'node:path'
import type { CodedError } from '../../../src/base/coded-error'
import {
  type CredentialStore,
  type Lwm2mServer,
  ModelFolder,
  type ServerKey,
  builtinModel,
} from '../../../src'
import { toCodedError } from '../messages/failure'
import type { Settings } from '../runtime/settings'
import { bootstrapEntries } from './bootstrap-settings'
import { credentialInputs, type KeysById } from './server-settings'

/** The properties of the dialog that a running server takes over; with any other it starts anew. */
export const LIVE_SETTINGS: ReadonlySet<string> = new Set([
  'devices',
  'credentialsFile',
  'bootstraps',
  'objectsFolder',
])

export interface LiveSettingsOptions {
  /** Relative paths start there. */
  readonly userDir: string
  /** What is wrong with an entry or a file, which is left out. */
  report(error: CodedError): void
}

/** Credentials, bootstrap configurations and object definitions of one server, changed while it runs. */
export class LiveSettings {
  private folder: ModelFolder | undefined
  private folderPath = ''
  private filePath = ''

  constructor(
    private readonly server: Lwm2mServer,
    private readonly credentials: CredentialStore,
    private readonly serverKey: ServerKey | undefined,
    private readonly options: LiveSettingsOptions,
  ) {}

  async apply(settings: Settings, keys: KeysById): Promise<void> {
    const { server, serverKey, options } = this
    await this.useFolder(settings.text('objectsFolder').trim())
    await this.credentials.setList(credentialInputs(settings, keys))
    await this.useFile(settings.text('credentialsFile').trim())
    if (server.bootstrap === undefined) return
    const { configurations, problems } = bootstrapEntries(settings, keys, serverKey)
    for (const problem of problems) options.report(problem)
    for (const problem of server.bootstrap.configurations.setList(configurations)) {
      options.report(problem)
    }
  }

  stop(): void {
    this.folder?.stop()
    this.folder = undefined
  }

  private async useFolder(path: string): Promise<void> {
    if (path === this.folderPath) return
    this.folderPath = path
    this.stop()
    if (path === '') {
      this.server.model = builtinModel()
      return
    }
    this.folder = new ModelFolder(resolve(this.options.userDir, path), {
      onModel: (model) => (this.server.model = model),
      onError: (error: unknown) => this.options.report(toCodedError(error)),
    })
    await this.folder.start()
  }

  private async useFile(path: string): Promise<void> {
    if (path === this.filePath) return
    this.filePath = path
    await this.credentials.useFile(path === '' ? undefined : resolve(this.options.userDir, path))
  }
}
