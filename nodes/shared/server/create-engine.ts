import type { CodedError } from '../../../src/base/coded-error'
import {
  type CoapsOptions,
  CredentialStore,
  Lwm2mServer,
  type Store,
  loadCertificates,
  loadServerKey,
} from '../../../src'
import { DiskStore } from '../../../src/storage'
import type { Engine } from './engine'
import { LiveSettings } from './live-settings'
import { restorePem } from './pem'
import {
  authorizationOptions,
  bootstrapCoapsOptions,
  coapsOptions,
  type KeysById,
  serverOptions,
} from './server-settings'
import { SettingError, type Settings } from '../runtime/settings'
import { statePath } from '../runtime/state-path'
import { StoreNotes } from './store-notes'

export interface EngineInputs {
  readonly settings: Settings
  /** The config node's id: names its folder. */
  readonly id: string
  /** Node-RED's user directory; relative paths of the dialog start there. */
  readonly userDir: string
  readonly keys: KeysById
  /** PEM. */
  readonly serverKey: string | undefined
  /** The state of a node without a disk store: it outlives the server, but not the process. */
  readonly memory: () => Store
  /** Something is wrong that does not keep the server from running: an entry, a file. */
  report(error: CodedError): void
}

/** Makes the server that a config node describes, not started yet. @throws CodedError */
export function createEngine(inputs: EngineInputs): Engine {
  const { settings, keys, report } = inputs
  const options = serverOptions(settings)
  const named = settings.flag('certificatesByName', true)
  const credentials = new CredentialStore({
    certificates: named ? 'named' : 'listed',
    authorization: authorizationOptions(settings),
  })
  const security = securityOf(inputs)
  const coaps = withSecurity(coapsOptions(settings), security)
  const bootstrap = options.bootstrap
  const store = storeOf(inputs)
  const server = new Lwm2mServer({
    ...options,
    coaps,
    bootstrap: bootstrap && {
      ...bootstrap,
      coaps: withSecurity(bootstrapCoapsOptions(settings), security),
    },
    credentials,
    store,
  })
  credentials.on('warning', (warning) => report(new SettingError(warning.message)))
  const live = new LiveSettings(server, credentials, security.serverKey, inputs)

  return {
    server,
    credentials,
    notes: new StoreNotes(store),
    async start() {
      await live.apply(settings, keys)
      await server.start()
    },
    apply: (next, nextKeys) => live.apply(next, nextKeys),
    async stop() {
      live.stop()
      await server.stop()
    },
  }
}

type Security = Pick<CoapsOptions, 'serverKey' | 'trustAnchors'>

function withSecurity(options: CoapsOptions | false, security: Security): CoapsOptions | false {
  return options && { ...options, ...security }
}

/** @throws DtlsConfigurationError what cannot be read, never quoting a key */
function securityOf({ settings, serverKey = '' }: EngineInputs): Security {
  const certificateChain = settings.text('certificate').trim()
  const anchors = settings.text('trustAnchors').trim()
  const chain = certificateChain === '' ? {} : { certificateChain }
  return {
    ...(serverKey.trim() === ''
      ? {}
      : { serverKey: loadServerKey({ privateKey: restorePem(serverKey), ...chain }) }),
    ...(anchors === '' ? {} : { trustAnchors: loadCertificates(anchors) }),
  }
}

function storeOf({ settings, id, userDir, memory }: EngineInputs): Store {
  settings.choice('storage', ['disk', 'memory'], 'disk')
  const folder = storeFolder(settings, userDir, id)
  return folder === undefined ? memory() : new DiskStore(folder)
}

/** The folder of a server's store; undefined where that is in memory. */
export function storeFolder(settings: Settings, userDir: string, id: string): string | undefined {
  return settings.text('storage', 'disk') === 'memory' ? undefined : statePath(userDir, id)
}
