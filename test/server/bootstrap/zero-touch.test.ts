import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import type { BootstrapResult } from '../../../src/server/bootstrap'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { DiskStore } from '../../../src/storage/disk-store'

const FACTORY_KEY = '00112233445566778899aabbccddeeff'

/** A server that bootstraps on a DTLS port of its own or on the server's; all is kept in one folder. */
class Site {
  readonly server: Lwm2mServer
  readonly credentials = new CredentialStore()
  readonly results: BootstrapResult[] = []

  constructor(
    folder: string,
    private readonly shared: boolean,
    ports: { coaps: number; bootstrap: number } = { coaps: 0, bootstrap: 0 },
  ) {
    this.server = new Lwm2mServer({
      coap: false,
      coaps: { host: '127.0.0.1', port: ports.coaps },
      bootstrap: shared
        ? { shared }
        : { coap: false, coaps: { host: '127.0.0.1', port: ports.bootstrap } },
      credentials: this.credentials,
      store: new DiskStore(folder),
    })
    this.bootstrap.on('result', (result) => this.results.push(result))
  }

  get bootstrap() {
    return this.server.bootstrap ?? assert.fail('no bootstrap server')
  }

  async start(): Promise<{ coaps: number; bootstrap: number }> {
    await this.credentials.setList([{ endpoint: 'meter', use: 'bootstrap', key: FACTORY_KEY }])
    const { coaps } = await this.server.start()
    const bootstrap = this.shared ? coaps : this.server.bootstrapAddresses.coaps
    return { coaps: coaps?.port ?? assert.fail(), bootstrap: bootstrap?.port ?? assert.fail() }
  }

  registered(): Promise<void> {
    return new Promise((resolve) => this.server.once('registered', () => resolve()))
  }

  /** Identities of the generated credentials. */
  generated(): (string | undefined)[] {
    return this.credentials
      .list({ use: 'server' })
      .filter((one) => one.generated)
      .map((one) => one.identity)
  }
}

describe('zero-touch provisioning over PSK', () => {
  let folder: string
  let site: Site
  let client: Lwm2mClient | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-zero-touch-'))
  })
  afterEach(async () => {
    await client?.stop()
    await site.server.stop()
    rmSync(folder, { recursive: true })
  })

  for (const shared of [false, true]) {
    const where = shared ? 'the port of the server' : 'a port of its own'
    it(`on ${where}: a generated key, registered, read; again after a restart and a new bootstrap`, async () => {
      site = new Site(folder, shared)
      const ports = await site.start()
      await site.bootstrap.configurations.set({
        endpoint: '*',
        servers: [
          {
            uri: `coaps://127.0.0.1:${ports.coaps}`,
            shortServerId: 101,
            security: 'psk',
            createCredential: true,
          },
        ],
      })
      client = new Lwm2mClient({
        endpoint: 'meter',
        bootstrap: `coaps://127.0.0.1:${ports.bootstrap}`,
        bootstrapSecurity: {
          psk: { identity: 'meter', key: Buffer.from(FACTORY_KEY, 'hex') },
        },
        retry: { timer: 0.2, maxTimer: 1, count: 50 },
      })

      let registered = site.registered()
      await client.start()
      await registered
      const { records } = await site.server.read('meter', '/3/0/0')
      assert.equal(records.length, 1)
      assert.equal(typeof records[0]?.value, 'string')
      assert.equal(site.results[0]?.outcome, 'finished')
      const [first, ...others] = site.generated()
      assert.match(first ?? '', /^meter-[0-9a-f]{8}$/)
      assert.deepEqual(others, [])

      await site.server.stop()
      site = new Site(folder, shared, ports)
      await site.start()
      assert.deepEqual(site.generated(), [first])
      registered = site.registered()
      const updated = new Promise<void>((resolve) => site.server.once('updated', () => resolve()))
      await client.update().catch(() => undefined)
      await Promise.race([registered, updated])
      assert.equal((await site.server.read('meter', '/3/0/0')).records.length, 1)

      registered = site.registered()
      await site.server.execute('meter', '/1/0/9')
      await registered
      const [second, ...rest] = site.generated()
      assert.notEqual(second, first)
      assert.deepEqual(rest, [])
      assert.equal((await site.server.read('meter', '/3/0/0')).records.length, 1)
    })
  }
})
