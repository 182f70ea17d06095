import type { NodeAPI, NodeInitializer } from 'node-red'
import type { BoundAddress } from '../src/transport/transport'
import { AdminApi } from './admin/routes'
import { createEngine, forgetMemory } from './shared/server/create-engine'
import { goodbyesSaid } from './shared/device/goodbyes'
import { addKeyRoutes } from './shared/server/key-routes'
import { mergeKeys } from './shared/server/key-vault'
import type { Node, NodeDef } from './shared/runtime/red'
import { ServerDirectory } from './shared/server/server-directory'
import { type HostState, ServerHost } from './shared/server/server-host'
import { registerHost } from './shared/server/server-registry'
import type { ServerNode } from './shared/server/server-node'
import type { ServerSecrets } from './shared/server/server-settings'
import { migrate, type SavedDefinition, Settings } from './shared/runtime/settings'
import { WarningLog } from './shared/server/warning-log'
import { whenFlowsStarted } from './shared/runtime/flows-started'

/** `lwm2m-server`: the config node that is the LwM2M server (and the bootstrap server). */
const lwm2mServer: NodeInitializer = (RED: NodeAPI) => {
  const directory = new ServerDirectory()
  const api = new AdminApi(directory)
  api.register(RED)
  addKeyRoutes(RED)

  function ServerConfigNode(this: Node<ServerSecrets>, definition: NodeDef): void {
    RED.nodes.createNode(this, definition)
    const { id } = this
    const secrets = this.credentials ?? {}
    let reported = ''
    const onState = (state: HostState): void => {
      if (state.kind === 'running') {
        reported = ''
        const { coap, coaps } = state.engine.server.addresses
        for (const [scheme, bound] of Object.entries({ coap, coaps })) {
          if (bound !== undefined) this.log(addressText(scheme, bound))
        }
      } else if (state.kind === 'failed' && state.error.message !== reported) {
        // Once for each reason, however often it is tried. The message makes it one for Catch nodes.
        reported = state.error.message
        this.error(state.error, {})
      } else if (state.kind === 'stopped' && host.engine !== undefined) {
        api.forget(host.engine.server)
      }
    }
    const host = new ServerHost({
      onState,
      ready: whenFlowsStarted(RED),
      createEngine: () => {
        const settings = new Settings(migrate(definition as unknown as SavedDefinition))
        const engine = createEngine({
          settings,
          id,
          userDir: RED.settings.userDir ?? process.cwd(),
          keys: mergeKeys(RED, id, secrets, entryIds(settings)),
          serverKey: secrets.serverKey,
          report: (error) => this.error(error, {}),
        })
        const log = new WarningLog((line) => this.warn(line))
        engine.server.on('warning', (warning) => log.take(warning))
        return engine
      },
    })
    Object.assign(this, { host, users: host.flowNodes } satisfies Pick<
      ServerNode,
      'host' | 'users'
    >)
    directory.add(id, this.name ?? '', host)
    const unregister = registerHost(host)
    this.on('close', (removed: boolean, done: () => void) => {
      directory.remove(id, host)
      unregister()
      if (removed) forgetMemory(id)
      goodbyesSaid()
        .then(() => host.stop())
        .then(done, (error: unknown) => {
          this.warn(`the server did not stop as it should: ${String(error)}`)
          done()
        })
    })
    host.start()
  }
  RED.nodes.registerType<Node<ServerSecrets>, NodeDef, object, ServerSecrets>(
    'lwm2m-server',
    ServerConfigNode,
    {
      credentials: {
        keys: { type: 'password' },
        keysUpdate: { type: 'password' },
        serverKey: { type: 'password' },
      },
    },
  )
}

/** `coap://[::]:5683` */
function addressText(scheme: string, { address, port }: BoundAddress): string {
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** The ids of all entries that may have a key. */
function entryIds(settings: Settings): Set<string> {
  const ids = [...settings.list('devices'), ...settings.list('bootstraps')].map((entry) =>
    typeof entry === 'object' && entry !== null && 'id' in entry ? String(entry.id) : '',
  )
  return new Set(ids)
}

export default lwm2mServer
