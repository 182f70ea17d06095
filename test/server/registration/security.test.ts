import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../../src/client/lwm2m-client'
import { CredentialStore } from '../../../src/server/credentials'
import { ACK, CON, Opt } from '../../support/raw-coap'
import { GatedStore } from '../persistence/support/gated-store'
import { Harness, locationOf, register, toLocation } from './support/harness'
import { type Association, SecureTransport } from './support/secure-transport'

const KEY = '00112233445566778899aabbccddeeff'

describe('registration under security', () => {
  let transport: SecureTransport
  let credentials: CredentialStore
  let harness: Harness

  beforeEach(async () => {
    transport = new SecureTransport()
    credentials = new CredentialStore()
    await credentials.setList([
      { endpoint: 'a', identity: 'id-a', key: KEY },
      { endpoint: 'b', identity: 'id-b', key: KEY },
    ])
    harness = await Harness.start({ coaps: { transport }, credentials })
  })
  afterEach(() => harness.stop())

  async function registerAt(peer: Association, query: readonly string[]): Promise<string> {
    const answer = await peer.request({ ...register(query), type: CON })
    assert.equal(answer.code, 0x41)
    return locationOf(answer)[1] ?? ''
  }

  /** Reads and has the read answered at this association. */
  async function assertReachable(endpoint: string, peer: Association): Promise<void> {
    const read = harness.server
      .read(endpoint, '/3/0')
      .catch((error: { code: string }) => error.code)
    const request = await peer.message()
    assert.equal(request.code, 1)
    peer.send({ type: ACK, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(await read, '4.04')
  }

  it('without ep, the endpoint is the one that the identity stands for', async () => {
    const peer = transport.psk('id-a')
    await registerAt(peer, ['lwm2m=1.1'])
    assert.equal(harness.server.registrations.get('a')?.peer, peer)
    assert.ok(transport.pinned.has(peer.id))
  })

  it('as another endpoint it is answered 4.00, and the operator is told why', async () => {
    const peer = transport.psk('id-a')
    const answer = await peer.request({ ...register(['ep=b', 'lwm2m=1.1']), type: CON })
    assert.equal(answer.code, 0x80)
    // What was expected is not for whoever asks.
    assert.equal(String(answer.payload), 'ep does not fit the credentials')
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'identity-mismatch')
    assert.equal(warning.endpoint, 'b')
    assert.match(warning.message, /"id-b"/)
    assert.match(warning.message, /"id-a"/)
    assert.equal(harness.named('warning').length, 1)
    assert.equal(harness.server.registrations.size, 0)
  })

  it('an endpoint with a credential does not register without security; others do', async () => {
    const device = await harness.device()
    const answer = await device.request(register(['ep=a', 'lwm2m=1.1']))
    assert.equal(answer.code, 0x80)
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'security-required')
    await harness.registered(['ep=free', 'lwm2m=1.1'])
  })

  it('a certificate registers as the name it bears, and as no other', async () => {
    await registerAt(transport.x509('cert-1'), ['ep=cert-1', 'lwm2m=1.1'])
    const other = transport.x509('cert-2')
    assert.equal(
      (await other.request({ ...register(['ep=cert-3', 'lwm2m=1.1']), type: CON })).code,
      0x80,
    )
    const [warning] = await harness.seen('warning')
    assert.equal(warning.code, 'identity-mismatch')
    await registerAt(other, ['lwm2m=1.1'])
    assert.equal(harness.server.registrations.get('cert-2')?.peer, other)
  })

  it('who knows the location but has not the identity can do nothing with it', async () => {
    const id = await registerAt(transport.psk('id-a'), ['ep=a', 'lwm2m=1.1'])
    const thief = transport.psk('id-b')
    assert.equal((await thief.request(toLocation(id))).code, 0x84)
    assert.equal((await thief.request(toLocation(id, [], '', 4))).code, 0x84)
    const device = await harness.device()
    assert.equal((await device.request(toLocation(id))).code, 0x84)
    assert.equal((await device.request(toLocation(id, [], '', 4))).code, 0x84)
    assert.equal(harness.server.registrations.size, 1)
  })

  it('and a secured peer cannot take over a registration without security', async () => {
    const [, id] = await harness.registered(['ep=free', 'lwm2m=1.1'])
    assert.equal((await transport.psk('id-a').request(toLocation(id))).code, 0x84)
  })

  it('an unsecured registration is not renewed once its endpoint has a credential', async () => {
    const [device, id] = await harness.registered(['ep=free', 'lwm2m=1.1'])
    assert.equal((await device.request(toLocation(id))).code, 0x44)
    await credentials.add({ endpoint: 'free', identity: 'id-free', key: KEY })
    assert.equal((await device.request(toLocation(id))).code, 0x84)
    assert.equal((await device.request(register(['ep=free', 'lwm2m=1.1']))).code, 0x80)
  })

  it('waits for a new association where the old one was lost, and fails only where it may not wait', async () => {
    const first = transport.psk('id-a')
    const id = await registerAt(first, ['ep=a', 'lwm2m=1.1'])
    transport.close(first, 'close_notify')
    assert.equal(harness.server.registrations.get('a')?.state, 'awaiting-handshake')
    assert.equal(harness.named('disconnected').length, 1)
    await assert.rejects(harness.server.read('a', '/3/0', { ttl: 0 }), { code: 'peer-gone' })
    let queued = false
    const read = harness.server.read('a', '/3/0', { onQueued: () => (queued = true) })
    assert.ok(queued)
    assert.deepEqual(
      harness.named('queue').map(([, length]) => length),
      [1],
    )
    // Any message: here an empty CON.
    const second = transport.psk('id-a')
    assert.equal((await second.request({ type: CON, code: 0 })).type, 3)
    assert.equal(harness.server.registrations.get('a')?.state, 'online')
    assert.equal(harness.named('connected').length, 1)
    const waited = await second.message()
    second.send({ type: ACK, code: 0x84, mid: waited.mid, token: waited.token })
    await assert.rejects(read, { code: '4.04' })
    assert.equal(harness.named('queue').at(-1)?.[1], 0)
    await assertReachable('a', second)
    assert.ok(transport.pinned.has(second.id) && !transport.pinned.has(first.id))
    // And an Update, on a third.
    const third = transport.psk('id-a')
    assert.equal((await third.request(toLocation(id))).code, 0x44)
    const [, change] = await harness.seen('updated')
    assert.equal(change.address, true)
    await assertReachable('a', third)
    assert.deepEqual(second.received, [])
  })

  it('to a queue-mode device whose association was lost, requests wait', async () => {
    const first = transport.psk('id-a')
    await registerAt(first, ['ep=a', 'lwm2m=1.1', 'Q'])
    transport.close(first, 'idle')
    const read = harness.server.read('a', '/3/0').catch((error: { code: string }) => error.code)
    assert.equal(harness.server.registrations.get('a')?.state, 'awaiting-handshake')
    assert.equal(harness.server.queued('a').length, 1)
    const second = transport.psk('id-a')
    second.send({ type: CON, code: 0 })
    assert.equal((await second.message()).type, 3)
    const request = await second.message()
    second.send({ type: ACK, code: 0x84, mid: request.mid, token: request.token })
    assert.equal(await read, '4.04')
  })

  it('an association that moves stays the same device', async () => {
    const peer = transport.psk('id-a')
    const id = await registerAt(peer, ['ep=a', 'lwm2m=1.1'])
    peer.port = 1
    assert.equal((await peer.request(toLocation(id))).code, 0x44)
    assert.equal(harness.server.registrations.get('a')?.peer.port, 1)
    await assertReachable('a', peer)
  })

  it('a Send on a new association is taken as the device’s', async () => {
    await registerAt(transport.psk('id-a'), ['ep=a', 'lwm2m=1.1'])
    const sent: string[] = []
    harness.server.on('send', (_result, { endpoint }) => sent.push(endpoint))
    const send = {
      type: CON,
      code: 2,
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 110],
      ] as const,
      payload: '[{"n":"/3/0/9","v":21}]',
    }
    assert.equal((await transport.psk('id-a').request(send)).code, 0x44)
    assert.equal((await transport.psk('id-b').request(send)).code, 0x84)
    assert.deepEqual(sent, ['a'])
  })

  it('an identity that several endpoints share moves only the one that says its location', async () => {
    await credentials.setList([{ endpoint: 'fleet-*', identity: 'fleet', key: KEY }])
    const [one, two] = [transport.psk('fleet'), transport.psk('fleet')]
    const id = await registerAt(one, ['ep=fleet-1', 'lwm2m=1.1'])
    await registerAt(two, ['ep=fleet-2', 'lwm2m=1.1'])
    const fresh = transport.psk('fleet')
    await fresh.request({ type: CON, code: 0 })
    assert.equal(harness.server.registrations.byPeer(fresh), undefined)
    assert.equal((await fresh.request(toLocation(id))).code, 0x44)
    assert.equal(harness.server.registrations.get('fleet-1')?.peer, fresh)
    assert.equal(harness.server.registrations.get('fleet-2')?.peer, two)
  })

  it('several endpoints of one identity are each asked at their own association, and told apart again when one is left', async () => {
    await harness.stop()
    // Nobody says that the identity is shared: it is seen from the registrations.
    harness = await Harness.start({ coaps: { transport } })
    const peers = [1, 2, 3].map(() => transport.psk('fleet'))
    const ids: string[] = []
    for (const [i, peer] of peers.entries()) {
      ids.push(await registerAt(peer, [`ep=fleet-${i}`, 'lwm2m=1.1']))
    }
    for (const [i, peer] of peers.entries()) await assertReachable(`fleet-${i}`, peer)
    const { registrations } = harness.server
    const whose = async (): Promise<string | undefined> => {
      const fresh = transport.psk('fleet')
      await fresh.request({ type: CON, code: 0 })
      return registrations.byPeer(fresh)?.endpoint
    }
    const remove = async (i: number): Promise<void> => {
      const answer = await peers[i]?.request({ ...toLocation(ids[i] as string), code: 4 })
      assert.equal(answer?.code, 0x42)
    }
    assert.equal(await whose(), undefined)
    // Registers anew: still three.
    ids[1] = await registerAt(peers[1] as Association, ['ep=fleet-1', 'lwm2m=1.1'])
    await remove(0)
    assert.equal(await whose(), undefined)
    assert.equal(registrations.get('fleet-2')?.peer, peers[2])
    await remove(1)
    assert.equal(await whose(), 'fleet-2')
    await remove(2)
    assert.equal(await whose(), undefined)
    assert.equal(registrations.size, 0)
  })

  it('after a restart the next contact of the identity restores the way', async () => {
    await harness.stop()
    const store = new GatedStore()
    harness = await Harness.start({ coaps: { transport }, credentials, store })
    const id = await registerAt(transport.psk('id-a'), ['ep=a', 'lwm2m=1.1'])
    await harness.stop()
    transport = new SecureTransport()
    harness = await Harness.start({ coaps: { transport }, credentials, store })
    assert.equal(harness.server.registrations.get('a')?.id, id)
    assert.equal(harness.server.registrations.get('a')?.state, 'awaiting-handshake')
    await assert.rejects(harness.server.read('a', '/3/0', { ttl: 0 }), { code: 'peer-gone' })
    const read = harness.server.read('a', '/3/0').catch((error: { code: string }) => error.code)
    const peer = transport.psk('id-a')
    // What waited goes out after the answer.
    assert.equal((await peer.request(toLocation(id))).code, 0x44)
    const waited = await peer.message()
    peer.send({ type: ACK, code: 0x84, mid: waited.mid, token: waited.token })
    assert.equal(await read, '4.04')
    await assertReachable('a', peer)
  })

  it('a secured registration that was kept harms nothing when CoAPS is not served any more', async () => {
    await harness.stop()
    const store = new GatedStore()
    harness = await Harness.start({ coaps: { transport }, credentials, store })
    await registerAt(transport.psk('id-a'), ['ep=a', 'lwm2m=1.1', 'lt=60'])
    await harness.stop()
    harness = await Harness.start({ store })
    await assert.rejects(harness.server.read('a', '/3/0'), { code: 'peer-gone' })
    harness.clock.advance(61_000)
    await harness.seen('expired')
  })

  it('a removed credential drops its association at once, and downlinks fail', async () => {
    const server = new (await import('../../../src/server/lwm2m-server')).Lwm2mServer({
      coap: false,
      coaps: { host: '127.0.0.1', port: 0 },
      credentials,
    })
    await credentials.add({ endpoint: 'c', identity: 'id-c', key: KEY })
    const { coaps } = await server.start()
    const failures: string[] = []
    server.on('warning', ({ code }) => failures.push(code))
    const client = new Lwm2mClient({
      endpoint: 'c',
      server: `coaps://127.0.0.1:${coaps?.port}`,
      security: { psk: { identity: 'id-c', key: Buffer.from(KEY, 'hex') } },
      version: '1.1',
    })
    try {
      const registered = new Promise<void>((resolve) => server.once('registered', () => resolve()))
      await client.start()
      await registered
      assert.equal((await server.read('c', '/3/0/0')).code, 0x45)
      assert.equal(server.statistics.dtls?.associations, 1)
      assert.equal(await credentials.remove({ endpoint: 'c' }), 1)
      assert.equal(server.statistics.dtls?.associations, 0)
      await assert.rejects(server.read('c', '/3/0/0'), { code: 'peer-gone' })
      assert.equal(server.registrations.size, 1)
    } finally {
      await Promise.all([client.stop(), server.stop()])
    }
  })
})
