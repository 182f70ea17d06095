import type { NodeAPI, NodeInitializer } from 'node-red'
import { AdminApi } from '../admin/routes'
import { runtimeOf } from '../shared/package-runtime'
import { coapUri } from '../shared/server/addresses'
import { serverConfiguration } from '../shared/server/server-configuration'
import { addKeyRoutes } from '../shared/server/key-routes'
import { mergeKeys } from '../shared/server/key-vault'
import { onClose } from '../shared/runtime/entries'
import type { Node, NodeDef } from '../shared/runtime/red'
import type { HostConfiguration, HostState } from '../shared/server/server-host'
import type { ServerNode } from '../shared/server/server-node'
import type { ServerSecrets } from '../shared/server/server-settings'
import { type SavedDefinition } from '../shared/runtime/settings'

/** `lwm2m-server`: the config node that is the LwM2M server (and the bootstrap server). */
const lwm2mServer: NodeInitializer = (RED: NodeAPI) => {
  const { servers, deregistrations } = runtimeOf(RED)
  const api = new AdminApi(servers)
  api.register(RED)
  addKeyRoutes(RED)

  function ServerConfigNode(this: Node<ServerSecrets>, definition: NodeDef): void {
    RED.nodes.createNode(this, definition)
    const { id } = this
    let reported = ''
    const onState = (state: HostState): void => {
      if (state.kind === 'running') {
        reported = ''
        const { coap, coaps } = state.engine.server.addresses
        for (const [scheme, bound] of Object.entries({ coap, coaps })) {
          if (bound !== undefined) this.log(coapUri(scheme, bound))
        }
      } else if (state.kind === 'failed' && state.error.message !== reported) {
        // Once for each reason, however often it is tried. The message makes it one for Catch nodes.
        reported = state.error.message
        this.error(state.error, {})
      }
    }
    const secrets = this.credentials ?? {}
    const configuration: HostConfiguration = {
      ...serverConfiguration({
        definition: definition as unknown as SavedDefinition,
        id,
        userDir: RED.settings.userDir ?? process.cwd(),
        serverKey: secrets.serverKey,
        mergeKeys: (present) => mergeKeys(RED, id, secrets, present),
        memory: () => servers.memoryStore(id),
      }),
      onState,
      onStopping: ({ server }) => api.forget(server),
      report: (error) => this.error(error, {}),
      warn: (line) => this.warn(line),
    }
    const host = servers.deploy(id, this.name ?? '', configuration)
    Object.assign(this, { host, users: host.flowNodes } satisfies Pick<
      ServerNode,
      'host' | 'users'
    >)
    onClose(this, (removed) =>
      servers.release(id, configuration, removed, () => deregistrations.done()),
    )
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

export default lwm2mServer
