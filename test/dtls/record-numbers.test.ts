import assert from 'node:assert/strict'
import type { Association } from '../../src/dtls/associations/association'
import type { Associations } from '../../src/dtls/associations/associations'
import { pskCredentials } from './support/harness'
import { HostileClient } from './support/hostile-client'
import { MemoryNet } from './support/memory-net'
import { rpkClient, rpkCredentials } from './support/raw-keys'

const SPACE = 2 ** 48
/** Hellos this close to the maximum are rejected. */
const MARGIN = 2 ** 20

describe('record sequence numbers near the maximum', () => {
  let net: MemoryNet

  beforeEach(() => {
    net = new MemoryNet({ credentials: { ...pskCredentials, ...rpkCredentials } })
  })
  afterEach(() => assert.deepEqual(net.warnings, []))

  /** First hello as usual, the one with the cookie in a record with `sequence`. */
  const greetAt = async (client: HostileClient, sequence: number): Promise<void> => {
    client.send(client.hello())
    client.sequence[0] = sequence
    client.send(client.hello({ cookie: client.cookie }))
    await net.settle()
  }

  it('rejects a hello whose flight would exceed the numbers, including retransmissions', async () => {
    for (const below of [1, 2, 3, 5, MARGIN]) {
      const client = new HostileClient(net)
      await greetAt(client, SPACE - below)
      assert.equal(client.serverHello, undefined)
      await net.run(61_000, 1000)
    }
    assert.equal(net.dropped('number-limit'), 5)
    assert.equal(net.server.counters.halfOpen, 0)
    assert.equal(net.clock.pending, 0)
  })

  it('accepts a hello just below the limit, with every retransmission and an alert at the end', async () => {
    const client = new HostileClient(net)
    await greetAt(client, SPACE - MARGIN - 1)
    assert.ok(client.serverHello)
    await net.run(61_000, 1000)
    assert.equal(net.failed('handshake-timeout'), 1)
    const other = new HostileClient(net)
    await greetAt(other, SPACE - MARGIN - 1)
    other.send(other.clientKeyExchange())
    await net.settle()
    other.send(other.changeCipherSpec(), other.finished())
    assert.ok(other.serverFinished)
  })

  it('rejects a hello at the maximum before a client with an unknown key gets its alert', async () => {
    const client = new HostileClient(net, rpkClient(Buffer.from('stranger')))
    await greetAt(client, SPACE - 5)
    assert.equal(client.serverHello, undefined)
    const late = new HostileClient(net, rpkClient(Buffer.from('stranger')))
    await greetAt(late, SPACE - MARGIN - 1)
    late.send(...late.keyExchange())
    await net.settle()
    assert.equal(late.alerts.length, 1)
  })

  it('answers a first hello at the maximum, because it keeps no state of it', () => {
    const client = new HostileClient(net)
    client.sequence[0] = SPACE - 1
    client.send(client.hello())
    assert.equal(client.cookie.length, 32)
  })

  it('rejects a hello whose message_seq leaves too few numbers for the response', async () => {
    for (const messageSeq of [0xffff, 0xfffe, 0xff80]) {
      const client = new HostileClient(net)
      client.send(client.hello())
      client.messageSeq = messageSeq
      client.send(client.hello({ cookie: client.cookie }))
      await net.settle()
      assert.equal(client.serverHello, undefined)
      assert.deepEqual(client.alerts, [])
    }
    assert.equal(net.dropped('number-limit'), 3)
  })
})

describe('association near the maximum of its record sequence numbers', () => {
  let net: MemoryNet
  let client: HostileClient
  let association: Association

  /** The number of the next record that the association sends. */
  const setWriteSequence = (sequence: number): void => {
    ;(association as unknown as { writeSequence: number }).writeSequence = sequence
  }

  beforeEach(async () => {
    net = new MemoryNet()
    client = await new HostileClient(net).connect()
    client.send(client.appData('hello'))
    association = net.messages[0]?.association ?? assert.fail()
  })
  afterEach(() => assert.deepEqual(net.warnings, []))

  it('is closed by the record without a number, with a close_notify', () => {
    setWriteSequence(SPACE - 1)
    assert.throws(() => net.server.send(association, Buffer.from('x')), {
      code: 'association-ended',
    })
    assert.ok(association.ended)
    assert.deepEqual(client.alerts, [{ level: 1, description: 0, epoch: 1 }])
    assert.deepEqual(net.ended.length, 1)
  })

  it('is closed if an alert to a renegotiation has no number', () => {
    setWriteSequence(SPACE - 1)
    client.send(client.protect(22, Buffer.alloc(12, 1)))
    assert.ok(association.ended)
  })

  it('sends nothing if not even the close_notify has a number', () => {
    setWriteSequence(SPACE)
    net.server.close(association, 'test')
    assert.ok(association.ended)
    assert.deepEqual(client.alerts, [])
  })

  it('does not retransmit its last flight without a number in epoch 0', async () => {
    const other = new HostileClient(net)
    await other.greet()
    other.send(...other.keyExchange())
    await net.settle()
    const message = other.count(20, other.finishedBody())
    other.send(other.changeCipherSpec(), other.protect(22, message))
    const [, last] = [...associationsOf(net)]
    const { lastFlight } = last ?? assert.fail()
    assert.ok(lastFlight)
    const ask = async (): Promise<number> => {
      other.datagrams = []
      await net.run(600)
      other.send(other.protect(22, message))
      return other.datagrams.length
    }
    assert.equal(await ask(), 1)
    lastFlight.plainSequence = SPACE
    assert.equal(await ask(), 0)
    assert.equal(last?.ended, false)
  })
})

function associationsOf({ server }: MemoryNet): Iterable<Association> {
  return (server as unknown as { associations: Associations }).associations.values()
}
