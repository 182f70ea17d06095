import assert from 'node:assert/strict'
import { deviceOptions } from '../../../../nodes/shared/device/device-settings'
import { Settings } from '../../../../nodes/shared/runtime/settings'

describe('the settings of a virtual device', () => {
  const options = (definition: { [property: string]: unknown }, secrets = {}) =>
    deviceOptions(new Settings({ uri: 'coap://h', ...definition }), 'dev1', secrets)

  it('leave queue mode to a bootstrapped binding where it is not ticked', () => {
    assert.equal(options({ queueMode: true }).queueMode, true)
    assert.equal('queueMode' in options({ queueMode: false }), false)
  })

  it('say in milliseconds how it sleeps, and whether it keeps notifications', () => {
    const { sleep } = options({ awakeWindow: '20', wakeEvery: '60', holdNotifications: true })
    assert.deepEqual(sleep, { window: 20_000, wakeEvery: 60, holdNotifications: true })
  })

  it('take the name of the device for an identity that is not said', () => {
    // As it is, not the environment variable that the dialog may name.
    const { security, bootstrapSecurity } = options(
      { endpoint: 'NAME', endpointType: 'env', bootstrapIdentity: 'factory' },
      { pskKey: '00ff', bootstrapKey: '00' },
    )
    assert.deepEqual(security?.psk, { identity: 'dev1', key: Buffer.from('00ff', 'hex') })
    assert.equal(bootstrapSecurity?.psk?.identity, 'factory')
  })
})
