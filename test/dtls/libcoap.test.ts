import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CoapEndpoint } from '../../src/coap/endpoint'
import { loadServerKey } from '../../src/dtls/certificates/server-key'
import { DtlsTransport, type DtlsTransportOptions } from '../../src/transport/dtls'
import { requireTool } from '../support/tools'
import { CA_EXTENSIONS, TestPki } from './support/pki'

const run = promisify(execFile)
const CONTENT = 0x45
const CHANGED = 0x44

describe('libcoap over DTLS', () => {
  let endpoint: CoapEndpoint | undefined
  let port = 0

  afterEach(async () => {
    await endpoint?.stop()
    endpoint = undefined
  })

  const start = async (options: Partial<DtlsTransportOptions> = {}): Promise<DtlsTransport> => {
    const transport = new DtlsTransport({
      host: '127.0.0.1',
      port: 0,
      credentials: { psk: () => Buffer.from('secretText') },
      ...options,
    })
    endpoint = new CoapEndpoint(transport)
    endpoint.onRequest = (request) => ({
      code: request.payload.length > 0 ? CHANGED : CONTENT,
      contentFormat: 0,
      payload: Buffer.from(
        `${request.peer.identity.kind} /${request.path.join('/')} ${request.payload.length}`,
      ),
    })
    port = (await endpoint.start()).port
    return transport
  }
  const get = async (tool: string, ...args: readonly string[]): Promise<string> => {
    const uri = `coaps://127.0.0.1:${port}/rd/a`
    const { stdout } = await run(tool, ['-B', '5', ...args, uri], { timeout: 10_000 })
    return stdout.trim()
  }

  for (const tool of ['coap-client-openssl', 'coap-client-gnutls']) {
    it(`${tool}: completes a request with PSK`, async function () {
      const path = requireTool(this, tool)
      await start()
      const answer = await get(path, '-u', 'dev1', '-k', 'secretText', '-m', 'get')
      assert.equal(answer, 'psk /rd/a 0')
    })

    it(`${tool}: transfers a block-wise body with PSK`, async function () {
      const path = requireTool(this, tool)
      await start()
      const body = 'x'.repeat(3000)
      const answer = await get(path, '-u', 'dev1', '-k', 'secretText', '-m', 'put', '-e', body)
      assert.equal(answer, 'psk /rd/a 3000')
    })
  }

  it('coap-client-gnutls: completes a request with a raw public key', async function () {
    const path = requireTool(this, 'coap-client-gnutls')
    const pki = new TestPki(requireTool(this, 'openssl'))
    try {
      const own = pki.issue('/CN=server')
      const device = pki.issue('/CN=dev1')
      const key = createPublicKey(createPrivateKey(device.key))
      const known = key.export({ type: 'spki', format: 'der' })
      await start({
        credentials: {
          serverKey: loadServerKey({ privateKey: own.key }),
          rawPublicKey: (spki) => known.equals(spki),
        },
      })
      // It needs both halves in one file.
      const pair = join(pki.folder, 'pair.pem')
      writeFileSync(pair, readFileSync(pki.publicKeyFile(device), 'utf8') + device.key)
      assert.equal(await get(path, '-M', pair, '-m', 'get'), 'rpk /rd/a 0')
    } finally {
      pki.remove()
    }
  })

  it('coap-client-openssl: completes a request with a certificate', async function () {
    const path = requireTool(this, 'coap-client-openssl')
    const pki = new TestPki(requireTool(this, 'openssl'))
    try {
      const ca = pki.issue('/CN=Test CA', { extensions: CA_EXTENSIONS })
      const own = pki.issue('/CN=127.0.0.1', { issuer: ca })
      const device = pki.issue('/CN=dev1', { issuer: ca })
      await start({
        credentials: {
          serverKey: loadServerKey({ privateKey: own.key, certificateChain: own.certificate }),
          certificate: ({ identity }) => identity.commonName === 'dev1',
        },
      })
      const answer = await get(
        path,
        ...['-c', device.certificateFile, '-j', device.keyFile, '-C', ca.certificateFile],
        ...['-m', 'get'],
      )
      assert.equal(answer, 'x509 /rd/a 0')
    } finally {
      pki.remove()
    }
  })
})
