import assert from 'node:assert/strict'
import { CredentialStore } from '../../../src/server/credentials'
import type { OperationResult } from '../../../src/server/types'
import { MemoryStore } from '../../../src/storage/memory-store'
import { ACK, CON, NON, type RawMessage, type ReadMessage } from '../../support/raw-coap'
import type { ScriptedPeer } from '../../support/scripted-device'
import { Harness, locationOf, register, toLocation } from '../registration/support/harness'
import { type Association, SecureTransport } from '../registration/support/secure-transport'
import { optionsOf } from '../support/registered-device'

const CONTENT = 0x45
const RST = 3
const KEY = '00112233445566778899aabbccddeeff'

/** Either kind of device. */
interface Device {
  message(): Promise<ReadMessage>
  send(message: RawMessage): unknown
}

let mid = 0x5000

/** A notification; answers what the server says to it where it is confirmable. */
async function notify(
  device: Device,
  token: string,
  observe: number,
  value: number,
  type = CON,
): Promise<ReadMessage | undefined> {
  const options = optionsOf({ observe, format: 0 })
  await device.send({ type, code: CONTENT, mid: ++mid, token, options, payload: String(value) })
  return type === CON ? device.message() : undefined
}

/** Takes an Observe request and answers it. */
async function observed(device: Device, value: number): Promise<ReadMessage> {
  const request = await device.message()
  assert.equal(request.code, 1)
  assert.deepEqual(request.options[0]?.[1].length, 0, 'Observe 0')
  await device.send({
    type: ACK,
    code: CONTENT,
    mid: request.mid,
    token: request.token,
    options: optionsOf({ observe: value, format: 0 }),
    payload: String(value),
  })
  return request
}

function valuesOf(results: readonly OperationResult[]): unknown[] {
  return results.flatMap(({ records }) => records.map(({ value }) => value))
}

function observe(harness: Harness, paths: readonly string[] = ['/3/0/9']): OperationResult[] {
  const results: OperationResult[] = []
  for (const path of paths) {
    harness.server.observe(
      { target: 'a', paths: [path] },
      { onValue: (result) => void results.push(result) },
    )
  }
  return results
}

describe('observations of a device without security whose address changes', () => {
  let harness: Harness
  let results: OperationResult[]
  beforeEach(async () => {
    harness = await Harness.start({ store: new MemoryStore() })
    results = observe(harness)
  })
  afterEach(() => harness.stop())

  async function observing(): Promise<[ScriptedPeer, string, string]> {
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const { token } = await observed(device, 1)
    await device.barrier()
    return [device, id, token]
  }

  it('a notification from a new address is taken, and moves it once the old one is silent', async () => {
    const [old, , token] = await observing()
    const moved = await harness.device()
    assert.equal((await notify(moved, token, 2, 2))?.type, ACK)
    assert.equal(harness.server.registrations.get('a')?.peer.port, old.port)
    harness.clock.advance(5_000)
    assert.equal((await notify(moved, token, 3, 3))?.type, ACK)
    assert.equal(harness.server.registrations.get('a')?.peer.port, moved.port)
    assert.deepEqual(valuesOf(results), [1, 2, 3])
    const read = harness.server.read('a', '/3/0/9')
    const request = await moved.message()
    const { mid: id, token: asked } = request
    await moved.send({ type: ACK, code: CONTENT, mid: id, token: asked, payload: '7' })
    await read.catch(() => {})
    await old.barrier()
    assert.deepEqual(old.pending, [])
  })

  it('an unconfirmable one as well, without an RST', async () => {
    const [, , token] = await observing()
    const moved = await harness.device()
    await notify(moved, token, 2, 2, NON)
    await moved.barrier()
    assert.deepEqual(moved.pending, [])
    assert.deepEqual(valuesOf(results), [1, 2])
  })

  it('an unknown token is rejected as before, and so is every one where addresses are not learnt', async () => {
    const [, , token] = await observing()
    const unregistered = await harness.device()
    assert.equal((await notify(unregistered, 'ffffffffffffffff', 2, 2))?.type, RST)
    await harness.stop()
    harness = await Harness.start({ learnAddress: false })
    results = observe(harness)
    const [, , fixed] = await observing()
    const moved = await harness.device()
    assert.equal((await notify(moved, fixed, 2, 2))?.type, RST)
    assert.notEqual(fixed, token)
    assert.deepEqual(valuesOf(results), [1])
  })

  it('an Update from a new address has every observation asked for again, under its token', async () => {
    const [, id, token] = await observing()
    const moved = await harness.device()
    assert.equal((await moved.request(toLocation(id))).code, 0x44)
    assert.equal((await observed(moved, 2)).token, token)
    assert.equal((await notify(moved, token, 3, 3))?.type, ACK)
    assert.deepEqual(valuesOf(results), [1, 2, 3])
    await moved.barrier()
    assert.deepEqual(moved.pending, [])
  })

  it('what a notification has shown to be there is not asked for', async () => {
    const more = observe(harness, ['/3/0/10'])
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1'])
    const [one, two] = [await observed(device, 1), await observed(device, 1)]
    await device.barrier()
    const moved = await harness.device()
    harness.clock.advance(5_000)
    assert.equal((await notify(moved, one.token, 2, 2))?.type, ACK)
    assert.equal((await observed(moved, 5)).token, two.token)
    assert.equal((await moved.request(toLocation(id))).code, 0x44)
    await moved.barrier()
    assert.deepEqual(moved.pending, [])
    assert.deepEqual(
      [valuesOf(results), valuesOf(more)],
      [
        [1, 2],
        [1, 5],
      ],
    )
  })

  it('one that the device ended meanwhile is told to its subscribers', async () => {
    const errors: string[] = []
    harness.server.observe(
      { target: 'a', paths: ['/3/0/9'] },
      { onValue: () => {}, onError: (_, { code }) => errors.push(code) },
    )
    const [, id] = await observing()
    const moved = await harness.device()
    await moved.request(toLocation(id))
    const request = await moved.message()
    await moved.send({ type: ACK, code: 0x84, mid: request.mid, token: request.token })
    await moved.barrier()
    assert.deepEqual(errors, ['4.04'])
  })

  it('the address that a notification proved is kept over a restart', async () => {
    const [, , token] = await observing()
    const moved = await harness.device()
    harness.clock.advance(5_000)
    await notify(moved, token, 2, 2)
    const { port } = moved
    const later = new Harness({
      ...harness.options,
      coap: { host: '127.0.0.1', port: harness.port },
    })
    await harness.server.stop()
    await later.server.start()
    later.port = harness.port
    later.adopt(harness)
    harness = later
    assert.equal(harness.server.registrations.get('a')?.peer.port, port)
  })
})

describe('observations of a device that makes a new handshake', () => {
  let transport: SecureTransport
  let harness: Harness
  let results: OperationResult[]

  beforeEach(async () => {
    transport = new SecureTransport()
    const credentials = new CredentialStore()
    await credentials.setList([
      { endpoint: 'a', identity: 'id-a', key: KEY },
      { endpoint: 'fleet-*', identity: 'fleet', key: KEY },
    ])
    harness = await Harness.start({ coaps: { transport }, credentials, store: new MemoryStore() })
    results = observe(harness)
  })
  afterEach(() => harness.stop())

  async function observing(): Promise<[Association, string, string]> {
    const device = transport.psk('id-a')
    const answer = await device.request({ ...register(['ep=a', 'lwm2m=1.1']), type: CON })
    const { token } = await observed(device, 1)
    return [device, locationOf(answer)[1] ?? '', token]
  }

  for (const how of ['while the old one lives', 'after close_notify', 'from the same address']) {
    async function renewed(old: Association): Promise<Association> {
      if (how !== 'while the old one lives') transport.close(old, how)
      const identity = { kind: 'psk', identity: Buffer.from('id-a') } as const
      return transport.accept(identity, how === 'from the same address' ? old.port : undefined)
    }

    it(`go on with a notification ${how}`, async () => {
      const [old, , token] = await observing()
      const device = await renewed(old)
      assert.equal((await notify(device, token, 2, 2))?.type, ACK)
      assert.equal((await notify(device, token, 3, 3))?.type, ACK)
      assert.deepEqual(valuesOf(results), [1, 2, 3])
      assert.deepEqual([...device.received, ...old.received], [])
      assert.equal(harness.server.registrations.get('a')?.peer, device)
    })

    it(`are asked for again after an Update ${how}`, async () => {
      const [old, id, token] = await observing()
      const device = await renewed(old)
      assert.equal((await device.request(toLocation(id))).code, 0x44)
      assert.equal((await observed(device, 2)).token, token)
      await new Promise(setImmediate)
      assert.equal((await notify(device, token, 3, 3))?.type, ACK)
      assert.deepEqual(valuesOf(results), [1, 2, 3])
    })

    it(`and what was asked of it goes on ${how}`, async () => {
      const [old, , token] = await observing()
      const read = harness.server.read('a', '/3/0/9')
      const request = await old.message()
      await old.send({ type: ACK, code: 0, mid: request.mid })
      const device = await renewed(old)
      assert.equal((await notify(device, token, 2, 2))?.type, ACK)
      await device.send({
        type: CON,
        code: CONTENT,
        mid: ++mid,
        token: request.token,
        options: optionsOf({ format: 0 }),
        payload: '77',
      })
      assert.equal((await read).records[0]?.value, 77)
    })
  }

  it('of devices that share an identity, the token says whose it is', async () => {
    await harness.stop()
    const credentials = new CredentialStore()
    await credentials.setList([{ endpoint: 'fleet-*', identity: 'fleet', key: KEY }])
    harness = await Harness.start({ coaps: { transport }, credentials })
    const values: OperationResult[] = []
    harness.server.observe(
      { target: 'fleet-*', paths: ['/3/0/9'] },
      { onValue: (result) => void values.push(result) },
    )
    const tokens: string[] = []
    for (const ep of ['fleet-1', 'fleet-2']) {
      const device = transport.psk('fleet')
      await device.request({ ...register([`ep=${ep}`, 'lwm2m=1.1']), type: CON })
      tokens.push((await observed(device, 1)).token)
    }
    const device = transport.psk('fleet')
    assert.equal((await notify(device, tokens[1] ?? '', 2, 2))?.type, ACK)
    assert.equal(harness.server.registrations.byPeer(device)?.endpoint, 'fleet-2')
    assert.deepEqual(
      values.map(({ endpoint }) => endpoint),
      ['fleet-1', 'fleet-2', 'fleet-2'],
    )
  })

  it('a device whose key is shared is not taken for the only other that is registered', async () => {
    const first = transport.psk('fleet')
    await first.request({ ...register(['ep=fleet-1', 'lwm2m=1.1']), type: CON })
    const second = transport.psk('fleet')
    await second.request({ type: CON, code: 0 })
    await second.request({ ...register(['ep=fleet-2', 'lwm2m=1.1']), type: CON })
    const peerOf = (endpoint: string) => harness.server.registrations.get(endpoint)?.peer
    assert.deepEqual([peerOf('fleet-1'), peerOf('fleet-2')], [first, second])
  })
})

describe('what waits for a sleeping device that wakes by Register', () => {
  for (const journal of ['without', 'with'] as const) {
    it(`goes out after the 2.01, each once, in order (${journal} a store)`, async () => {
      const store = journal === 'with' ? { store: new MemoryStore() } : {}
      const harness = await Harness.start({ awakeWindow: 5_000, ...store })
      try {
        const query = ['ep=a', 'lwm2m=1.1', 'Q', 'lt=86400']
        const [device] = await harness.registered(query)
        harness.clock.advance(5_000)
        const paths = ['/1/0/1', '/1/0/2', '/1/0/3']
        const outcomes = paths.map((path) => harness.server.write('a', path, 1))
        await device.send({ ...register(query), type: CON, mid: 1, token: '01' })
        assert.equal((await device.message()).code, 0x41)
        for (const path of paths) {
          const request = await device.message()
          assert.deepEqual(
            request.options.slice(0, 3).map(([, value]) => String(value)),
            [...path.slice(1).split('/')],
          )
          await device.send({ type: ACK, code: 0x44, mid: request.mid, token: request.token })
        }
        assert.equal((await Promise.all(outcomes)).length, 3)
        await device.barrier()
        assert.deepEqual(device.pending, [])
      } finally {
        await harness.stop()
      }
    })
  }
})
