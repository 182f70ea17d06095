import type { NodeAPI, NodeInitializer } from 'node-red'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { AccountsFile } from '../shared/device/accounts-file'
import { readLargeIntegers } from '../shared/messages/flow-values'
import { refuse } from '../shared/actions/action-definition'
import { DeviceRemoval } from '../shared/device/device-removal'
import { DeviceController } from '../shared/device/device-controller'
import { deviceOptions, type DeviceSecrets } from '../shared/device/device-settings'
import { runtimeOf } from '../shared/package-runtime'
import { TypedField } from '../shared/messages/fields'
import type { Node, NodeDef } from '../shared/runtime/red'
import { migrate, type SavedDefinition, Settings } from '../shared/runtime/settings'
import { statePath } from '../shared/runtime/state-path'

/** `lwm2m-device`: a virtual device that registers at a server like a real one. */
const lwm2mDevice: NodeInitializer = (RED: NodeAPI) => {
  const runtime = runtimeOf(RED)

  function DeviceNode(this: Node<DeviceSecrets>, definition: NodeDef): void {
    RED.nodes.createNode(this, definition)
    try {
      const saved = definition as unknown as SavedDefinition
      const settings = new Settings(migrate(saved))
      const endpoint = new TypedField(RED, this, settings, 'endpoint').fixed ?? ''
      const options = deviceOptions(settings, endpoint, this.credentials ?? {})
      const accounts = new AccountsFile(
        statePath(RED.settings.userDir ?? '.', this.id, '.accounts'),
      )
      const client = new Lwm2mClient(
        settings.flag('keepAccounts') ? { ...options, accountsStore: accounts } : options,
      )
      Object.assign(this, { client })
      new DeviceController(RED, this, client, {
        autoStart: settings.flag('autoStart', true),
        reportState: settings.flag('reportState'),
        integers: readLargeIntegers(settings),
        forget: () => accounts.remove(),
        removal: new DeviceRemoval(runtime.lifecycle, this, saved, [
          'endpoint',
          'endpointType',
          'uri',
        ]),
        runtime,
      })
    } catch (error) {
      refuse(RED, this, error)
    }
  }
  RED.nodes.registerType<Node<DeviceSecrets>, NodeDef, object, DeviceSecrets>(
    'lwm2m-device',
    DeviceNode,
    {
      credentials: {
        pskKey: { type: 'password' },
        privateKey: { type: 'password' },
        bootstrapKey: { type: 'password' },
        bootstrapPrivateKey: { type: 'password' },
      },
    },
  )
}

export default lwm2mDevice
