import assert from 'node:assert/strict'
import type { Association } from '../../src/dtls/associations/association'
import { PathProof } from '../../src/transport/path-proof'
import { EchoServer } from './support/harness'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { PatientClient } from './support/patient-client'

const HOME = ['192.0.2.1', 5000] as const
const ELSEWHERE = ['198.51.100.9', 9000] as const
const CID = Buffer.from('c1d0', 'hex')

describe('association that moves by Connection ID', () => {
  let net: MemoryNet
  let client: HostileClient
  let association: Association
  /** Datagrams received at the other address. */
  let elsewhere: Buffer[]

  beforeEach(async () => {
    net = new MemoryNet()
    const [address, port] = HOME
    client = await new HostileClient(net, { address, port, connectionId: CID }).connect()
    client.send(client.appData('home'))
    association = net.messages[0]?.association ?? assert.fail()
    elsewhere = []
    net.listen(...ELSEWHERE, (datagram) => elsewhere.push(datagram))
  })
  afterEach(() => assert.deepEqual(net.warnings, []))

  const bytes = (list: readonly Buffer[]): number =>
    list.reduce((sum, { length }) => sum + length, 0)
  const where = (): unknown[] => [association.address, association.port]

  it('sends at most three times the bytes received from the new address, and everything to the old one', () => {
    const captured = client.appData('newest')
    client.datagrams = []
    client.sendFrom(...ELSEWHERE, captured)
    assert.deepEqual(where(), ELSEWHERE)
    for (let i = 0; i < 50; i++) net.server.send(association, Buffer.from(`message ${i}`))
    assert.ok(elsewhere.length > 0)
    assert.ok(bytes(elsewhere) <= 3 * captured.length)
    assert.equal(client.data.length, 50, 'the client misses nothing')
    const more = client.appData('more')
    client.sendFrom(...ELSEWHERE, more)
    for (let i = 0; i < 50; i++) net.server.send(association, Buffer.from(`message ${i}`))
    assert.ok(bytes(elsewhere) <= 3 * (captured.length + more.length))
  })

  it('moves back when the original of the captured record arrives', () => {
    const captured = client.appData('newest')
    client.sendFrom(...ELSEWHERE, captured)
    client.send(captured)
    assert.deepEqual(where(), HOME)
    assert.deepEqual(net.texts, ['home', 'newest'])
    net.server.send(association, Buffer.from('only home'))
    assert.deepEqual(elsewhere, [])
    assert.equal(net.dropped('replayed'), 1)
    // Not for a forged copy, nor one from a third address, nor an older record.
    const next = client.appData('next')
    client.sendFrom(...ELSEWHERE, next)
    const forged = Buffer.from(next)
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1
    client.send(forged)
    client.sendFrom('203.0.113.1', 1, next)
    client.send(captured)
    assert.deepEqual(where(), ELSEWHERE)
  })

  it('moves back with the next record of the client', () => {
    client.sendFrom(...ELSEWHERE, client.appData('newest'))
    client.send(client.appData('still here'))
    assert.deepEqual(where(), HOME)
    for (let i = 0; i < 50; i++) net.server.send(association, Buffer.from('x'))
    assert.deepEqual(elsewhere, [])
  })

  it('stays, without a limit, when the client has proved the new address', () => {
    client.sendFrom(...ELSEWHERE, client.appData('moved'))
    net.server.confirmPath(association)
    client.datagrams = []
    for (let i = 0; i < 50; i++) net.server.send(association, Buffer.from('x'))
    assert.equal(elsewhere.length, 50)
    assert.deepEqual(client.datagrams, [])
    // The verified address is this one from now on.
    client.sendFrom('203.0.113.1', 1, client.appData('moved again'))
    net.server.send(association, Buffer.from('y'))
    assert.equal(elsewhere.length, 51)
  })

  it('keeps the last verified address over several moves', () => {
    client.sendFrom(...ELSEWHERE, client.appData('first'))
    client.sendFrom('203.0.113.1', 1, client.appData('second'))
    client.datagrams = []
    net.server.send(association, Buffer.from('x'))
    assert.equal(client.datagrams.length, 1)
    assert.deepEqual(elsewhere, [])
  })

  it('sends nothing to an old address that belongs to another client now', async () => {
    client.sendFrom(...ELSEWHERE, client.appData('moved'))
    const [address, port] = HOME
    const other = await new HostileClient(net, { address, port, psk: undefined }).connect()
    assert.ok(other.serverFinished)
    other.datagrams = []
    net.server.send(association, Buffer.from('x'))
    assert.deepEqual(other.datagrams, [])
    assert.equal(elsewhere.length, 1)
  })

  it('limits its close_notify, too', () => {
    const captured = client.appData('x')
    client.sendFrom(...ELSEWHERE, captured)
    net.server.close(association, 'test')
    assert.ok(bytes(elsewhere) <= 3 * captured.length)
    assert.equal(client.alerts.length, 1)
  })
})

describe('proof of a new address', () => {
  const token = Buffer.from('0102030405060708', 'hex')
  const request = Buffer.concat([Buffer.from([0x48, 1, 0, 7]), token])
  const response = (code: number, of = token): Buffer =>
    Buffer.concat([Buffer.from([0x60 | of.length, code, 0, 7]), of])

  it('accepts a response to a request that was sent there', () => {
    const proof = new PathProof()
    assert.equal(proof.onReceived(response(69)), 'nothing')
    proof.onSent(request)
    assert.equal(proof.onReceived(response(69, Buffer.alloc(8))), 'nothing')
    assert.equal(proof.onReceived(request), 'nothing')
    assert.equal(proof.onReceived(response(132)), 'answer')
  })

  it('rejects a response that could be guessed, or that belongs to a response of ours', () => {
    const proof = new PathProof()
    const short = Buffer.from([1, 2])
    proof.onSent(Buffer.concat([Buffer.from([0x42, 1, 0, 7]), short]))
    assert.equal(proof.onReceived(response(69, short)), 'nothing')
    proof.onSent(response(69))
    assert.equal(proof.onReceived(response(69)), 'nothing')
    for (const bytes of ['', '40', '4801', '480100', 'ffffffff', '4f01000001']) {
      proof.onSent(Buffer.from(bytes, 'hex'))
      assert.equal(proof.onReceived(Buffer.from(bytes, 'hex')), 'nothing')
    }
  })

  it('accepts the RST to a ping, with few guesses', () => {
    const proof = new PathProof()
    const reset = (ping: Buffer, change = 0): Buffer =>
      Buffer.from([0x70, 0, ping[2] ?? 0, (ping[3] ?? 0) ^ change])
    for (let guess = 0; guess < 4; guess++) {
      const ping = proof.nextPing() ?? assert.fail()
      assert.deepEqual(proof.nextPing(), ping, 'the same until it is answered')
      assert.equal(proof.onReceived(reset(ping, 1)), 'nothing')
    }
    assert.equal(proof.nextPing(), undefined)
    const good = new PathProof()
    const ping = good.nextPing() ?? assert.fail()
    assert.equal(good.onReceived(reset(ping)), 'answer-to-ping')
  })

  it('is obtained by the transport, without CoAP', async () => {
    const server = await EchoServer.start()
    const patient = await PatientClient.open(server.port, { connectionId: CID })
    try {
      const { client } = patient
      await patient.handshake()
      const { transport } = server
      transport.onMessage = (peer, datagram) => {
        server.messages.push({ peer, text: datagram.toString('latin1') })
      }
      const say = async (message: Buffer, text: string): Promise<void> => {
        const arrived = (): boolean => server.messages.some((one) => one.text === text)
        while (!arrived()) {
          client.send(client.protect(23, message))
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      await say(Buffer.from('home'), 'home')
      const peer = server.messages[0]?.peer as Association
      await patient.net.rebind()
      await say(Buffer.from('moved'), 'moved')
      assert.ok(peer.path)
      client.data.length = 0
      // Too large for the bytes received so far: only a ping is sent to the new address.
      transport.send(peer, Buffer.concat([request, Buffer.alloc(1000)]))
      while (client.data.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      const [ping = ''] = client.data
      assert.deepEqual([ping.length, ping.charCodeAt(0), ping.charCodeAt(1)], [4, 0x40, 0])
      const reset = Buffer.from(ping, 'latin1')
      reset[0] = 0x70
      client.send(client.protect(23, reset))
      await say(Buffer.from('after'), 'after')
      assert.equal(peer.path, undefined)
      assert.ok(server.messages.every(({ text }) => text !== reset.toString('latin1')))
      transport.send(peer, Buffer.concat([request, Buffer.alloc(1000)]))
      while (client.data.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal(client.data[1]?.length, 1012)
    } finally {
      patient.close()
      await server.stop()
    }
  }).timeout(20_000)
})
