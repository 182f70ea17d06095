import { Lwm2mClient } from '../../src/client'
import { AccountsFile } from '../shared/device/accounts-file'
import { readLargeIntegers } from '../shared/messages/flow-values'
import { defineNode } from '../shared/define-node'
import { DeviceRemoval } from '../shared/device/device-removal'
import { DeviceController } from '../shared/device/device-controller'
import { deviceOptions, type DeviceSecrets } from '../shared/device/device-settings'
import { TypedField } from '../shared/messages/fields'
import { statePath } from '../shared/runtime/state-path'

const SECRETS = ['pskKey', 'privateKey', 'bootstrapKey', 'bootstrapPrivateKey'] as const

/** `lwm2m-device`: a virtual device that registers at a server like a real one. */
export default defineNode<DeviceSecrets>(
  'lwm2m-device',
  ({ RED, node, settings, saved, runtime }) => {
    const endpoint = new TypedField(RED, node, settings, 'endpoint').fixed ?? ''
    const options = deviceOptions(settings, endpoint, node.credentials ?? {})
    const accounts = new AccountsFile(statePath(RED.settings.userDir ?? '.', node.id, '.accounts'))
    const client = new Lwm2mClient(
      settings.flag('keepAccounts') ? { ...options, accountsStore: accounts } : options,
    )
    Object.assign(node, { client })
    new DeviceController(RED, node, client, {
      autoStart: settings.flag('autoStart', true),
      reportState: settings.flag('reportState'),
      integers: readLargeIntegers(settings),
      forget: () => accounts.remove(),
      removal: new DeviceRemoval(runtime.lifecycle, node, saved, [
        'endpoint',
        'endpointType',
        'uri',
      ]),
      runtime,
    })
  },
  { secrets: SECRETS },
)
