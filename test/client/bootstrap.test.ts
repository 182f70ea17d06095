import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import type { AccountsStore, Lwm2mClientOptions } from '../../src/client/types'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, optionTexts, type ReadMessage } from '../support/raw-coap'
import { ScriptedPeer } from '../support/scripted-device'
import { answerOf, next, SMALL, uriPath, type Answer } from './support/server'

const TEXT = 0
const LINK = 40
const SENML_JSON = 110
const SENML_CBOR = 112
const TLV = 11542

const GET = 1
const POST = 2
const PUT = 3
const DELETE = 4

/** Keeps accounts in memory. */
class MemoryAccounts implements AccountsStore {
  kept: Uint8Array | undefined
  saves = 0
  load(): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.kept)
  }
  save(_endpoint: string, accounts: Uint8Array): Promise<void> {
    this.kept = accounts
    this.saves++
    return Promise.resolve()
  }
}

describe('client bootstrap', () => {
  let bootstrap: ScriptedPeer
  let server: ScriptedPeer
  let client: Lwm2mClient
  beforeEach(async () => {
    bootstrap = await ScriptedPeer.open()
    server = await ScriptedPeer.open()
  })
  afterEach(async () => {
    await client.stop({ deregister: false })
    await bootstrap.close()
    await server.close()
  })

  function make(options: Partial<Lwm2mClientOptions> = {}): Lwm2mClient {
    client = new Lwm2mClient({
      endpoint: 'dev1',
      bootstrap: `coap://127.0.0.1:${bootstrap.port}`,
      objects: SMALL,
      local: { host: '127.0.0.1' },
      ...options,
    })
    return client
  }

  async function reply(
    peer: ScriptedPeer,
    request: ReadMessage,
    code: number,
    rest: object = {},
  ): Promise<void> {
    await peer.send({ type: 2, code, mid: request.mid, token: request.token, ...rest })
  }

  async function ask(
    code: number,
    path: string,
    rest: { accept?: number; format?: number; payload?: string | Uint8Array } = {},
  ): Promise<Answer> {
    const options: (readonly [number, string | number])[] = [...uriPath(path)]
    if (rest.format !== undefined) options.push([Opt.CONTENT_FORMAT, rest.format])
    if (rest.accept !== undefined) options.push([Opt.ACCEPT, rest.accept])
    return answerOf(await bootstrap.request({ code, options, payload: rest.payload }))
  }

  /** Takes the Bootstrap-Request and accepts it. */
  async function requested(): Promise<ReadMessage> {
    const request = await bootstrap.message()
    assert.deepEqual(optionTexts(request, Opt.URI_PATH), ['bs'])
    await reply(bootstrap, request, 0x44)
    return request
  }

  function senml(records: object[]): Buffer {
    return Buffer.from(JSON.stringify(records))
  }

  async function writeAccount(port = server.port): Promise<void> {
    const security = await ask(PUT, '/0/1', {
      format: SENML_JSON,
      payload: senml([
        { bn: '/0/1/', n: '0', vs: `coap://127.0.0.1:${port}` },
        { n: '1', vb: false },
        { n: '2', v: 3 },
        { n: '10', v: 101 },
      ]),
    })
    assert.equal(security.code, '2.04', security.text)
    // /1/0: Short Server ID 101, lifetime 86400, storing false, binding U.
    const account = await ask(PUT, '/1/0', {
      format: TLV,
      payload: Buffer.from('C10065' + 'C40100015180' + 'C10600' + 'C10755', 'hex'),
    })
    assert.equal(account.code, '2.04', account.text)
  }

  async function registered(): Promise<ReadMessage> {
    const request = await server.message()
    assert.deepEqual(optionTexts(request, Opt.URI_PATH), ['rd'])
    const done = next(client, 'registered')
    await reply(server, request, 0x41, {
      options: [
        [Opt.LOCATION_PATH, 'rd'],
        [Opt.LOCATION_PATH, 'x'],
      ],
    })
    await done
    return request
  }

  it('bootstraps and registers at the configured server', async () => {
    await make().start()
    assert.equal(client.state, 'bootstrapping')
    const request = await requested()
    assert.equal(request.code, POST)
    assert.deepEqual(optionTexts(request, Opt.URI_QUERY), ['ep=dev1', 'pct=112'])
    assert.equal(
      (await ask(GET, '/', { accept: LINK })).text,
      `</>;lwm2m=1.1,</0/0>;uri="coap://127.0.0.1:${bootstrap.port}",</1>,</3/0>,</3303/0>`,
    )
    assert.equal((await ask(DELETE, '/')).code, '2.02')
    await writeAccount()
    const discovered = await ask(GET, '/0', { accept: LINK })
    assert.match(
      discovered.text,
      new RegExp(`</0/0>;uri="[^"]+",</0/1>;ssid=101;uri="coap://127.0.0.1:${server.port}"$`),
    )
    const told = next(client, 'bootstrapped')
    const finish = await ask(POST, '/bs')
    assert.equal(finish.code, '2.04')
    assert.deepEqual(await told, [
      [{ shortServerId: 101, server: `coap://127.0.0.1:${server.port}` }],
    ])
    const register = await registered()
    assert.deepEqual(optionTexts(register, Opt.URI_QUERY), [
      'ep=dev1',
      'lt=86400',
      'lwm2m=1.1',
      'b=U',
    ])
    assert.equal(client.registrations[0]?.shortServerId, 101)
  })

  it('accepts Bootstrap-Write in each format', async () => {
    await make({ version: '1.2', bootstrapPack: false }).start()
    await requested()
    const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
    // Both instances of an object in one write.
    const both = await ask(PUT, '/1', {
      format: TLV,
      payload: hex('0800 03 C10007  0801 03 C10008'),
    })
    assert.equal(both.code, '2.04')
    assert.equal(client.get('/1/0/0'), 7)
    assert.equal(client.get('/1/1/0'), 8)
    const cbor = await ask(PUT, '/1/0', {
      format: SENML_CBOR,
      payload: hex('82 a3 21 65 2f312f302f 00 61 30 02 09 a2 00 61 31 02 18 3c'),
    })
    assert.equal(cbor.code, '2.04', cbor.text)
    assert.equal(client.get('/1/0/0'), 9)
    assert.equal(client.get('/1/0/1'), 60)
    const nested = await ask(PUT, '/1/0', { format: 11544, payload: hex('a1 82 01 00 a1 00 0a') })
    assert.equal(nested.code, '2.04', nested.text)
    assert.equal(client.get('/1/0/0'), 10)
    // Overwritten: resources that were not in the payload are removed.
    assert.equal(client.get('/1/0/1'), undefined)
    assert.equal((await ask(PUT, '/1/0/1', { format: TEXT, payload: '77' })).code, '2.04')
    assert.equal(client.get('/1/0/1'), 77)
  })

  it('answers Bootstrap-Read since 1.1 for the Server and Access Control objects', async () => {
    await make().start()
    await requested()
    await writeAccount()
    assert.equal(
      (await ask(GET, '/1/0', { accept: TLV })).hex,
      'c10065' + 'c40100015180' + 'c10600' + 'c10755',
    )
    assert.equal((await ask(GET, '/0/0', { accept: TLV })).code, '4.05')
    assert.equal((await ask(GET, '/3/0', { accept: TLV })).code, '4.05')
    assert.equal((await ask(GET, '/1/7', { accept: TLV })).code, '4.04')
  })

  it('keeps its bootstrap account, its Device object and built-in objects on Bootstrap-Delete', async () => {
    await make().start()
    await requested()
    await writeAccount()
    assert.equal((await ask(DELETE, '/0/0')).code, '4.00')
    assert.equal((await ask(DELETE, '/3/0')).code, '4.00')
    assert.equal((await ask(DELETE, '/1/5')).code, '4.04')
    assert.equal((await ask(DELETE, '/1/0/1')).code, '4.05')
    assert.equal((await ask(DELETE, '/1/0')).code, '2.02')
    assert.equal((await ask(DELETE, '/0')).code, '2.02')
    assert.equal(
      (await ask(GET, '/0', { accept: LINK })).text,
      `</>;lwm2m=1.1,</0/0>;uri="coap://127.0.0.1:${bootstrap.port}"`,
    )
    assert.equal((await ask(DELETE, '/')).code, '2.02')
    assert.equal(client.get('/3303/0/5700'), 21.5)
    assert.equal((await ask(DELETE, '/3303/0')).code, '2.02')
    assert.equal(client.get('/3303/0/5700'), undefined)
  })

  it('rejects an invalid configuration', async () => {
    await make().start()
    await requested()
    assert.equal((await ask(POST, '/bs')).code, '4.06')
    assert.equal((await ask(PUT, '/', { format: SENML_JSON, payload: '[]' })).code, '4.05')
    assert.equal((await ask(PUT, '/9999/0', { format: TLV, payload: 'x' })).code, '4.04')
    assert.equal((await ask(PUT, '/0/1', { format: 666, payload: 'x' })).code, '4.15')
    assert.equal((await ask(PUT, '/0/1', { format: TLV, payload: 'x' })).code, '4.00')
    const wrong = await ask(PUT, '/0/1', {
      format: SENML_JSON,
      payload: senml([{ n: '/0/1/10', vs: 'one' }]),
    })
    assert.equal(wrong.code, '4.00')
    assert.equal((await ask(POST, '/3/0/4')).code, '4.05')
    await writeAccount()
    // coaps without a key.
    const uri = Buffer.from('coaps://127.0.0.1')
    await ask(PUT, '/0/1/0', { format: TEXT, payload: uri })
    const finish = await ask(POST, '/bs')
    assert.equal(finish.code, '4.06')
    assert.match(finish.text, /security mode 3 is not supported with coaps/)
    await ask(PUT, '/0/1/2', { format: TEXT, payload: '0' })
    assert.match((await ask(POST, '/bs')).text, /identity or key is missing/)
  })

  it('retries after a pause when it is rejected', async () => {
    const clock = new FakeClock()
    await make({ clock, retry: { timer: 10 } }).start()
    const warned = next(client, 'warning')
    await reply(bootstrap, await bootstrap.message(), 0x80, { payload: 'unknown' })
    assert.match((await warned)[0].message, /4\.00 Bad Request: unknown/)
    while (client.state !== 'waiting') await next(client, 'state')
    await clock.run(10_000)
    await requested()
    assert.equal(client.state, 'bootstrapping')
  })

  it('gives up when the server stops responding, and reverts what it wrote', async () => {
    const clock = new FakeClock()
    await make({ clock, retry: { timer: 10 } }).start()
    await requested()
    await writeAccount()
    await clock.run(246_000)
    // Any request counts.
    await ask(GET, '/1', { accept: LINK })
    const warned = next(client, 'warning')
    await clock.run(246_999)
    assert.equal(client.state, 'bootstrapping')
    await clock.run(1)
    assert.match((await warned)[0].message, /did not finish/)
    assert.equal(client.get('/1/0/0'), undefined)
    await clock.run(10_000)
    await requested()
  })

  it('waits for its hold-off time', async () => {
    const clock = new FakeClock()
    await make({ clock, objects: { ...SMALL } }).start()
    await requested()
    await writeAccount()
    await ask(PUT, '/0/0/11', { format: TEXT, payload: '30' })
    assert.equal((await ask(POST, '/bs')).code, '2.04')
    await registered()
    server.connect(server.target?.port ?? 0)
    const trigger = await server.request({ code: POST, options: uriPath('/1/0/9') })
    assert.equal(trigger.code, 0x44)
    const deregister = await server.message()
    assert.equal(deregister.code, DELETE)
    await reply(server, deregister, 0x42)
    while (client.state !== 'bootstrapping') await next(client, 'state')
    await clock.run(29_999)
    assert.deepEqual(bootstrap.pending, [])
    await clock.run(1)
    await requested()
  })

  it('keeps its accounts across restarts', async () => {
    const accountsStore = new MemoryAccounts()
    await make({ accountsStore }).start()
    await requested()
    await writeAccount()
    await ask(POST, '/bs')
    await registered()
    assert.equal(accountsStore.saves, 1)
    await client.stop({ deregister: false })
    await make({ accountsStore }).start()
    await registered()
    assert.deepEqual(bootstrap.pending, [])
    // The stored accounts are damaged: it bootstraps like a new device.
    await client.stop({ deregister: false })
    accountsStore.kept = Buffer.from('{')
    const again = make({ accountsStore })
    const warned = next(again, 'warning')
    await again.start()
    assert.equal((await warned)[0].code, 'accounts-damaged')
    await requested()
  })

  it('deletes its accounts on a factory reset (/3/0/5)', async () => {
    const accountsStore = new MemoryAccounts()
    await make({ accountsStore, objects: { ...SMALL, 3: { 0: { 5: null } } } }).start()
    await requested()
    await writeAccount()
    await ask(POST, '/bs')
    await registered()
    const reset = await server.request({ code: POST, options: uriPath('/3/0/5') })
    assert.equal(reset.code, 0x44)
    await requested()
    assert.equal(client.get('/1/0/0'), undefined)
  })

  it('bootstraps again when the server cannot be reached (/1/x/16)', async () => {
    await make({ retry: { count: 1 } }).start()
    await requested()
    await writeAccount()
    await ask(POST, '/bs')
    await reply(server, await server.message(), 0x80)
    await requested()
  })

  /** Rejects the next attempt, and waits until the device has received it. */
  async function refuse(peer: ScriptedPeer): Promise<void> {
    const warned = next(client, 'warning')
    await reply(peer, await peer.message(), 0x80)
    await warned
  }

  it('bootstraps again after five rejections without a retry count (/1/x/17)', async () => {
    const clock = new FakeClock()
    await make({ clock }).start()
    await requested()
    await writeAccount()
    await ask(POST, '/bs')
    for (const pause of [5_000, 10_000, 20_000, 40_000]) {
      await refuse(server)
      await clock.run(pause)
    }
    await refuse(server)
    await requested()
  })

  it('retries its server forever if /1/x/16 is false', async () => {
    const clock = new FakeClock()
    await make({ clock }).start()
    await requested()
    await writeAccount()
    assert.equal((await ask(PUT, '/1/0/16', { format: TEXT, payload: '0' })).code, '2.04')
    await ask(POST, '/bs')
    for (let i = 0; i < 7; i++) {
      await refuse(server)
      await clock.run(300_000)
    }
    await registered()
    assert.deepEqual(bootstrap.pending, [])
  })

  it('returns to its servers when the bootstrap server rejects it', async () => {
    const clock = new FakeClock()
    await make({ clock }).start()
    await requested()
    await writeAccount()
    await ask(POST, '/bs')
    await registered()
    const trigger = await server.request({ code: POST, options: uriPath('/1/0/9') })
    assert.equal(trigger.code, 0x44)
    await reply(server, await server.message(), 0x42)
    for (const pause of [5_000, 10_000]) {
      await refuse(bootstrap)
      await clock.run(pause)
    }
    await refuse(bootstrap)
    await registered()
    assert.equal(client.registrations[0]?.shortServerId, 101)
  })

  describe('Bootstrap-Pack', () => {
    const pack = (): Buffer =>
      senml([
        { n: '/0/1/0', vs: `coap://127.0.0.1:${server.port}` },
        { n: '/0/1/1', vb: false },
        { n: '/0/1/2', v: 3 },
        { n: '/0/1/10', v: 5 },
        { n: '/1/0/0', v: 5 },
        { n: '/1/0/1', v: 600 },
        { n: '/1/0/6', vb: false },
        { n: '/1/0/7', vs: 'U' },
      ])

    it('is requested first since 1.2, and is sufficient', async () => {
      await make({ version: '1.2' }).start()
      const request = await bootstrap.message()
      assert.equal(request.code, GET)
      assert.deepEqual(optionTexts(request, Opt.URI_PATH), ['bspack'])
      assert.deepEqual(optionTexts(request, Opt.URI_QUERY), ['ep=dev1'])
      assert.equal(optionNumber(request, Opt.ACCEPT), SENML_CBOR)
      await reply(bootstrap, request, 0x45, {
        options: [[Opt.CONTENT_FORMAT, SENML_JSON]],
        payload: pack(),
      })
      const register = await registered()
      assert.equal(optionTexts(register, Opt.URI_QUERY)[1], 'lt=600')
      assert.deepEqual(bootstrap.pending, [])
    })

    it('is followed by a Bootstrap-Request if the server has none', async () => {
      await make({ version: '1.2' }).start()
      await reply(bootstrap, await bootstrap.message(), 0xa1)
      await requested()
    })

    it('is rejected if it is inconsistent', async () => {
      await make({ version: '1.2' }).start()
      const warned = next(client, 'warning')
      await reply(bootstrap, await bootstrap.message(), 0x45, {
        options: [[Opt.CONTENT_FORMAT, SENML_JSON]],
        payload: senml([{ n: '/1/0/1', v: 600 }]),
      })
      const [warning] = await warned
      assert.equal(warning.code, 'bootstrap-failed')
      assert.equal(client.get('/1/0/1'), undefined)
    })
  })
})
