import assert from 'node:assert/strict'
import { bootstrapEntries } from '../../../../nodes/shared/server/bootstrap-settings'
import { Settings } from '../../../../nodes/shared/runtime/settings'
import { generateServerKey } from '../../../../src/dtls/certificates/generate'
import { loadServerKey } from '../../../../src/dtls/certificates/server-key'
import { builtinModel } from '../../../../src/lwm2m/model/object-model'
import { BootstrapConfigurations } from '../../../../src/server/bootstrap/configurations'

const ENTRY = { endpoint: 'f-*', uri: 'coaps://a:1', shortServerId: '2', lifetime: '60' }
const SERVER = { uri: 'coaps://a:1', shortServerId: '2', lifetime: '60' }

const made = (bootstraps: readonly object[], keys = {}, own?: ReturnType<typeof loadServerKey>) =>
  bootstrapEntries(new Settings({ bootstraps }), keys, own)

/** Without what is not said. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('the entries of the Bootstrap tab', () => {
  const device = generateServerKey({ commonName: 'f-1' })
  const server = generateServerKey({ commonName: 'server' })
  const own = loadServerKey({
    privateKey: server.privateKeyPem,
    certificateChain: server.certificatePem,
  })
  /** As a password field hands it on. */
  const pasted = device.privateKeyPem.replaceAll('\n', '')

  /** What the bootstrap server has to say against them. */
  function refused(entries: ReturnType<typeof made>): string[] {
    const configurations = new BootstrapConfigurations(() => builtinModel())
    return configurations.setList(entries.configurations).map(({ message }) => message)
  }

  it('are without security, or with keys that are given or made', () => {
    const { configurations, problems } = made(
      [
        { ...ENTRY, id: 'a', security: 'psk', createCredential: true, identity: 'ignored' },
        { ...ENTRY, id: 'b', security: 'psk', identity: 'i', keyFormat: 'text' },
        { ...ENTRY, id: 'c', security: 'nosec', resources: '{"/3/0/15":"UTC"}' },
      ],
      { b: 'secret' },
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(plain(configurations), [
      { endpoint: 'f-*', servers: [{ ...SERVER, security: 'psk', createCredential: true }] },
      {
        endpoint: 'f-*',
        servers: [{ ...SERVER, security: 'psk', identity: 'i', keyFormat: 'text', key: 'secret' }],
      },
      {
        endpoint: 'f-*',
        servers: [{ ...SERVER, security: 'nosec' }],
        resources: { '/3/0/15': 'UTC' },
      },
    ])
  })

  it('give raw public keys, with this server’s own where no other is said', () => {
    const entry = { ...ENTRY, id: 'a', security: 'rpk', publicKey: device.publicKeyPem }
    const entries = made([{ ...entry, serverPublicKey: '' }], { a: pasted }, own)
    assert.deepEqual(refused(entries), [])
    const [{ servers }] = entries.configurations as [{ servers: [{ serverPublicKey: unknown }] }]
    assert.deepEqual(servers[0].serverPublicKey, own.publicKey)
    const [other] = made([{ ...entry, serverPublicKey: 'PEM' }], { a: pasted }, own).configurations
    assert.match(JSON.stringify(other), /"serverPublicKey":"PEM"/)
    assert.match(refused(made([entry], { a: pasted }))[0] ?? '', /serverPublicKey is missing/)
  })

  it('give certificates, with this server’s own where no other is said', () => {
    const entry = { ...ENTRY, id: 'a', security: 'x509', certificate: device.certificatePem }
    const entries = made([entry], { a: pasted }, own)
    assert.deepEqual(refused(entries), [])
    const [{ servers }] = entries.configurations as [{ servers: [{ serverCertificate: Buffer }] }]
    assert.deepEqual(servers[0].serverCertificate, own.certificateChain?.[0]?.raw)
    assert.match(refused(made([entry], { a: pasted }))[0] ?? '', /serverCertificate is missing/)
    assert.match(refused(made([entry], {}, own))[0] ?? '', /privateKey is missing/)
  })

  it('are left out one by one where they are not valid JSON, which is not quoted', () => {
    const { configurations, problems } = made([
      { ...ENTRY, resources: '{"/5/0": s3cret' },
      { ...ENTRY, endpoint: 'fine' },
    ])
    assert.deepEqual(
      problems.map(({ code, message }) => [code, message]),
      [['invalid-setting', 'the additional values of "f-*" are not valid JSON']],
    )
    assert.equal(configurations.length, 1)
  })
})
