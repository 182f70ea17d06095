import assert from 'node:assert/strict'
import { generateServerKey } from '../../../../src/dtls/certificates/generate'
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

  const made = generateServerKey({ commonName: 'dev1' })
  /** As a password field keeps it: on one line. */
  const privateKey = made.privateKeyPem.replaceAll('\n', '')

  it('take a private key, and the public key of the server', () => {
    const { security, bootstrapSecurity } = options(
      {
        securityMode: 'rpk',
        serverPublicKey: made.publicKeyPem,
        bootstrapMode: 'rpk',
        bootstrapServerPublicKey: made.publicKeyPem,
      },
      { privateKey, bootstrapPrivateKey: privateKey, pskKey: '00' },
    )
    assert.equal(security?.rpk?.privateKey, made.privateKeyPem)
    assert.deepEqual(Buffer.from(security?.rpk?.serverPublicKey), Buffer.from(made.publicKey))
    assert.deepEqual(bootstrapSecurity, security)
  })

  it('take a certificate, and that of the server or of an authority', () => {
    const certificates = {
      securityMode: 'x509',
      certificate: made.certificatePem,
      serverCertificate: made.certificatePem,
    }
    const { security } = options(certificates, { privateKey })
    assert.equal(security?.x509?.certificateUsage, 3)
    const { security: trusting } = options(
      { ...certificates, certificateUsage: '2' },
      { privateKey },
    )
    assert.equal(trusting?.x509?.certificateUsage, 2)
  })

  it('say how it shakes hands', () => {
    assert.deepEqual(options({}).dtls, { connectionId: 'off' })
    const { dtls } = options({
      keyExchange: 'ecdhe-psk',
      connectionId: 'both',
      maxFragmentLength: '512',
    })
    assert.deepEqual(dtls, {
      keyExchange: 'ecdhe-psk',
      connectionId: 'both',
      maxFragmentLength: 512,
    })
  })

  for (const [what, definition, message] of [
    ['without the public key of the server', { securityMode: 'rpk' }, /serverPublicKey is missing/],
    [
      'with a public key that is none',
      { securityMode: 'rpk', serverPublicKey: 'none' },
      /serverPublicKey must be a public key/,
    ],
    [
      'without the certificate of the server',
      { securityMode: 'x509', certificate: made.certificatePem },
      /serverCertificate is missing/,
    ],
    ['with an unknown record length', { maxFragmentLength: '300' }, /maxFragmentLength is "300"/],
  ] as const) {
    it(`are refused ${what}`, () => {
      assert.throws(() => options(definition, { privateKey }), { code: 'invalid-setting', message })
    })
  }
})
