import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { DiskStore } from '../../../src/storage/disk-store'
import { CommandClient } from '../../dtls/support/harness'
import { requireTool } from '../../support/tools'

const KEY = '00112233445566778899aabbccddeeff'

describe('DTLS sessions over a restart', () => {
  let openssl = ''
  let folder = ''
  let client: CommandClient | undefined
  before(function () {
    openssl = requireTool(this, 'openssl')
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-sessions-'))
  })
  afterEach(() => client?.kill())
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function start(port: number, key = KEY): Promise<Lwm2mServer> {
    const credentials = new CredentialStore()
    await credentials.setList([{ endpoint: 'a', identity: 'id-a', key }])
    const server = new Lwm2mServer({
      coap: false,
      coaps: { host: '127.0.0.1', port, handshakeTimeout: 1_000 },
      credentials,
      store: new DiskStore(join(folder, 'store')),
    })
    await server.start()
    return server
  }

  /** A handshake, and a clean end. */
  async function connect(server: Lwm2mServer, ...more: string[]): Promise<void> {
    client = new CommandClient(openssl, [
      ...['s_client', '-dtls1_2', '-connect', `127.0.0.1:${server.addresses.coaps?.port}`],
      ...['-psk', KEY, '-psk_identity', 'id-a', '-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0'],
      ...['-no_ticket', ...more],
    ])
    await client.expect(/Extended master secret/)
    await client.finish()
  }

  it('are resumed, unless the key was changed meanwhile', async () => {
    const session = join(folder, 'session.pem')
    let server = await start(0)
    const port = server.addresses.coaps?.port ?? 0
    await connect(server, '-sess_out', session)
    assert.equal(server.statistics.dtls?.handshakesCompleted, 1)
    await server.stop()

    server = await start(port)
    await connect(server, '-sess_in', session)
    assert.equal(server.statistics.dtls?.resumptions, 1)
    await server.stop()

    server = await start(port, 'ff'.repeat(16))
    const refused = connect(server, '-sess_in', session).catch(() => {})
    await new Promise<void>((resolve) => server.on('warning', () => resolve()))
    assert.equal(server.statistics.dtls?.resumptions, 0)
    await server.stop()
    client?.kill()
    await refused
  })
})
