import assert from 'node:assert/strict'
import { EchoServer, CommandClient, PSK } from './support/harness'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { splitRecords } from './support/wire'
import { requireTool } from '../support/tools'

describe('unknown protected records', () => {
  /** A client whose server was restarted, and no longer knows it. */
  const forgotten = async (options = {}, net = new MemoryNet()) => {
    const before = new MemoryNet()
    const client = await new HostileClient(before, options).connect()
    client.datagrams = []
    const received: Buffer[] = []
    net.listen(client.address, client.port, (datagram) => received.push(datagram))
    const send = (record: Buffer): void => net.server.receive(record, client.address, client.port)
    return { net, client, received, send }
  }

  it('are answered by a fatal alert in plaintext, shorter than the record', async () => {
    for (const connectionId of [undefined, Buffer.from('c1d0', 'hex')]) {
      const { client, received, send } = await forgotten({ connectionId })
      const record = client.appData('update')
      send(record)
      const [alert] = splitRecords(received[0] ?? Buffer.alloc(0), 0)
      assert.deepEqual(
        [alert?.type, alert?.epoch, alert?.version, alert?.fragment.toString('hex')],
        [21, 0, 0xfefd, '0214'],
      )
      assert.equal(received.length, 1)
      assert.ok((received[0]?.length ?? Infinity) < record.length)
    }
  })

  it('are not answered while a handshake or another association uses the address', async () => {
    for (const connectionId of [undefined, Buffer.from('c1d0', 'hex')]) {
      const { net, client, send } = await forgotten({ connectionId })
      const { address, port } = client
      const successor = new HostileClient(net, { address, port })
      await successor.greet()
      successor.datagrams = []
      send(client.appData('straggler'))
      assert.deepEqual(successor.datagrams, [])
      await successor.finish()
      successor.datagrams = []
      send(client.appData('straggler'))
      assert.deepEqual(successor.datagrams, [])
    }
  })

  it('are not answered if they are handshake messages, alerts, too short or in plaintext', async () => {
    const { client, received, send } = await forgotten()
    send(client.protect(22, Buffer.alloc(24)))
    send(client.protect(21, Buffer.from([1, 0])))
    send(client.plain(23, Buffer.from('plain')))
    send(Buffer.from('17fefd00010000000000000002aabb', 'hex'))
    assert.deepEqual(received, [])
  })

  it('are answered at a limited rate, per address and in total', async () => {
    const { net, client, received, send } = await forgotten()
    for (let i = 0; i < 10; i++) send(client.appData('again'))
    assert.equal(received.length, 1)
    await net.run(10_000)
    send(client.appData('again'))
    assert.equal(received.length, 2)
    const record = client.appData('from many')
    const before = net.unclaimed
    for (let i = 0; i < 5000; i++) {
      net.server.receive(record, `10.0.${i >> 8}.${i & 255}`, 5000)
    }
    assert.equal(net.unclaimed - before, 99)
    await net.run(1000)
    for (let i = 0; i < 5000; i++) {
      net.server.receive(record, `10.1.${i >> 8}.${i & 255}`, 5000)
    }
    assert.equal(net.unclaimed - before, 99 + 100)
  })

  it('do not affect libcoap, which ignores the alert and connects again when restarted', async function () {
    this.timeout(30_000)
    const command = requireTool(this, 'coap-client-gnutls')
    const server = await EchoServer.start()
    const { transport } = server
    const args = ['-B', '3', '-u', 'dev1', '-k', PSK.toString('latin1'), '-m', 'get']
    const uri = `coaps://127.0.0.1:${server.port}/x`
    try {
      transport.onMessage = (peer) => {
        // As after a restart: the server drops the association without an alert.
        server.messages.push({ peer, text: '' })
        Object.assign(peer, { displaced: true })
        transport.close(peer, 'forgotten')
      }
      for (let i = 1; i <= 2; i++) {
        const client = new CommandClient(command, [...args, uri])
        await client.ended()
        assert.equal(transport.counters.handshakesCompleted, i)
        assert.equal(transport.counters.associations, 0)
      }
      assert.ok((transport.counters.dropped['no-association'] ?? 0) > 0)
    } finally {
      await server.stop()
    }
  })
})
