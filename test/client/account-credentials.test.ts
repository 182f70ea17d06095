import assert from 'node:assert/strict'
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { accountCredentials } from '../../src/client/account-credentials'
import type { ServerAccount } from '../../src/client/accounts'
import { generateServerKey, type GeneratedServerKey } from '../../src/dtls/certificates/generate'
import type { DtlsClientCredentials } from '../../src/dtls/client-credentials'

const FROM = { address: '127.0.0.1', port: 5684 }

describe('credentials of an account with certificates', () => {
  const own = generateServerKey({ commonName: 'dev1' })
  const server = generateServerKey({ commonName: 'lwm2m.example' })
  const other = generateServerKey({ commonName: 'lwm2m.example' })

  function credentials(more: Partial<ServerAccount>): DtlsClientCredentials {
    const secretKey = createPrivateKey(own.privateKeyPem).export({ format: 'der', type: 'pkcs8' })
    return accountCredentials({
      securityInstance: 0,
      serverInstance: 0,
      shortServerId: 1,
      uri: 'coaps://lwm2m.example',
      mode: 2,
      psk: undefined,
      publicKey: own.certificate,
      serverPublicKey: server.certificate,
      secretKey,
      certificateUsage: undefined,
      matchingType: undefined,
      serverName: undefined,
      holdOff: 0,
      ...more,
    })
  }

  async function accepts(
    { certificate }: DtlsClientCredentials,
    { certificate: shown }: GeneratedServerKey,
    trusted = true,
  ): Promise<boolean> {
    const leaf = new X509Certificate(shown)
    const identity = { kind: 'x509' } as never
    const presented = { leaf, chain: [leaf], trusted, reason: undefined, identity }
    return (await certificate?.(presented, FROM)) ?? assert.fail('nothing judges')
  }

  it('pins the certificate of the server', async () => {
    const pinned = credentials({})
    assert.equal(await accepts(pinned, server, false), true)
    assert.equal(await accepts(pinned, other), false)
  })

  for (const [matchingType, hash] of [
    [1, 'sha256'],
    [2, 'sha384'],
    [3, 'sha512'],
  ] as const) {
    it(`pins it by its ${hash} (matching type ${matchingType})`, async () => {
      const serverPublicKey = createHash(hash).update(server.certificate).digest()
      const pinned = credentials({ matchingType, serverPublicKey })
      assert.equal(await accepts(pinned, server, false), true)
      assert.equal(await accepts(pinned, other), false)
    })
  }

  it('trusts a CA for the host of the URI only', async () => {
    const trusting = credentials({ certificateUsage: 2 })
    assert.equal(trusting.trustAnchors?.length, 1)
    assert.equal(await accepts(trusting, server), true)
    assert.equal(await accepts(trusting, server, false), false)
    const elsewhere = { certificateUsage: 2, uri: 'coaps://other.example' }
    assert.equal(await accepts(credentials(elsewhere), server), false)
    const address = { certificateUsage: 2, uri: 'coaps://127.0.0.1' }
    assert.equal(await accepts(credentials(address), server), false)
  })

  it('trusts a CA for the server name of the account', async () => {
    const named = { certificateUsage: 2, uri: 'coaps://127.0.0.1', serverName: 'lwm2m.example' }
    assert.equal(await accepts(credentials(named), server), true)
  })

  for (const [what, more] of [
    ['an unknown matching type', { matchingType: 4 }],
    ['the hash of a CA certificate', { matchingType: 1, certificateUsage: 2 }],
    ['an invalid certificate', { serverPublicKey: Buffer.from('none') }],
  ] as const) {
    it(`rejects ${what}`, () => {
      assert.throws(() => credentials(more), { code: 'invalid-argument' })
    })
  }
})
