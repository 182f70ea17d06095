import { join, resolve } from 'node:path'
import type { CodedError } from '../../../src/base/coded-error'
import { loadCertificates, loadServerKey } from '../../../src/dtls/certificates/server-key'
import { ModelFolder } from '../../../src/lwm2m/model/xml-folder'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { CoapsOptions } from '../../../src/server/options'
import { DiskStore } from '../../../src/storage/disk-store'
import { MemoryStore } from '../../../src/storage/memory-store'
import type { Store } from '../../../src/storage/store'
import { bootstrapEntries } from './bootstrap-settings'
import type { Engine } from './engine'
import { toCodedError } from '../messages/failure'
import { restorePem } from './pem'
import {
  bootstrapCoapsOptions,
  coapsOptions,
  credentialInputs,
  type KeysById,
  serverOptions,
} from './server-settings'
import { SettingError, type Settings } from '../runtime/settings'
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
  /** Something is wrong that does not keep the server from running: an entry, a file. */
  report(error: CodedError): void
}

/**
 * State of config nodes without a disk store, by node id: it outlives deploys, which make the node
 * anew, but not the process.
 */
const memory = new Map<string, MemoryStore>()

/** Forgets the state that a removed config node had in memory. */
export function forgetMemory(id: string): void {
  memory.delete(id)
}

/** Makes the server that a config node describes, not started yet. @throws CodedError */
export function createEngine(inputs: EngineInputs): Engine {
  const { settings, userDir, keys, report } = inputs
  const options = serverOptions(settings)
  const named = settings.flag('certificatesByName', true)
  const credentials = new CredentialStore({ certificates: named ? 'named' : 'listed' })
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
  const folder = objectsFolder(inputs, (model) => {
    server.model = model
  })
  const file = settings.text('credentialsFile').trim()

  return {
    server,
    credentials,
    notes: new StoreNotes(store),
    async start() {
      await folder?.start()
      await credentials.setList(credentialInputs(settings, keys))
      if (file !== '') await credentials.useFile(resolve(userDir, file))
      if (server.bootstrap !== undefined) {
        const { configurations, problems } = bootstrapEntries(settings, keys, security.serverKey)
        for (const problem of problems) report(problem)
        for (const problem of server.bootstrap.configurations.setList(configurations)) {
          report(problem)
        }
      }
      await server.start()
    },
    async stop() {
      folder?.stop()
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

function storeOf({ settings, id, userDir }: EngineInputs): Store {
  if (settings.choice('storage', ['disk', 'memory'], 'disk') === 'disk') {
    return new DiskStore(join(userDir, 'lwm2m', id))
  }
  let store = memory.get(id)
  if (store === undefined) memory.set(id, (store = new MemoryStore()))
  return store
}

function objectsFolder(
  { settings, userDir, report }: EngineInputs,
  onModel: (model: Lwm2mServer['model']) => void,
): ModelFolder | undefined {
  const path = settings.text('objectsFolder').trim()
  if (path === '') return undefined
  return new ModelFolder(resolve(userDir, path), {
    onModel,
    onError: (error: unknown) => report(toCodedError(error)),
  })
}
