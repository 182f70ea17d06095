/**
 * Fuzzes the DTLS client role: whole handshakes of every kind whose datagrams are changed, dropped,
 * doubled, reordered or replaced on their way, in both directions, with timers running. Throws at the
 * first finding.
 */
import assert from 'node:assert/strict'
import type { ConnectOptions } from '../../src/dtls/client-credentials'
import { EndpointPair, pskClient, rpkPair, x509Pair } from '../dtls/support/endpoint-pair'
import { pskCredentials } from '../dtls/support/harness'
import { seededRandom } from '../support/random'

/** @param iterations handshakes */
export async function fuzzClientRole(iterations: number, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const [rpk, x509] = [rpkPair(), x509Pair()]
  const kinds = [
    { credentials: pskCredentials, client: pskClient },
    { credentials: rpk.server, client: rpk.client },
    { credentials: x509.server, client: x509.client },
  ]
  const pairs = kinds.map(({ credentials, client }) => ({
    client,
    pair: new EndpointPair({ credentials, maxHalfOpen: 20 }, { maxHalfOpen: 20 }),
  }))
  const bend = (datagram: Buffer): Uint8Array => {
    const bytes = Buffer.from(datagram)
    const how = random()
    if (how < 0.1) return bytes.subarray(0, below(bytes.length))
    if (how < 0.2) return Buffer.concat([bytes, Buffer.alloc(1 + below(20), 20 + below(6))])
    for (let n = 1 + below(3); n > 0; n--) bytes[below(bytes.length)] = below(256)
    return bytes
  }
  let completed = 0
  for (let i = 0; i < iterations; i++) {
    const chosen = pairs[below(pairs.length)]
    assert.ok(chosen !== undefined)
    const { pair, client } = chosen
    const hostility = random() * 0.5
    let held: Uint8Array | undefined
    pair.filter = (datagram) => {
      if (random() >= hostility) return [datagram]
      const how = below(5)
      if (how === 0) return []
      if (how === 1) return [datagram, datagram]
      if (how === 2) return [bend(datagram)]
      if (how === 3) return [bend(datagram), datagram]
      const late = held
      held = datagram
      return late === undefined ? [] : [datagram, late]
    }
    const options: Partial<ConnectOptions> = {
      credentials: client,
      connectionId: (['off', 'send', 'both'] as const)[below(3)],
      maxFragmentLength: ([undefined, 512, 1024] as const)[below(3)],
      resume: random() < 0.7,
      timeout: 20_000,
    }
    const settled = pair.connect(options).then(
      (association) => {
        completed++
        return association
      },
      () => undefined,
    )
    let done = false
    void settled.then(() => (done = true))
    for (let step = 0; step < 25 && !done; step++) {
      await pair.settle()
      pair.clock.advance(1000)
    }
    const association = await settled
    if (association !== undefined && !association.ended) {
      pair.client.endpoint.send(association, Buffer.from(`message ${i}`))
    }
    const { warnings } = pair.client
    assert.deepEqual([...warnings, ...pair.server.warnings], [], `seed ${seed}, handshake ${i}`)
    assert.equal(pair.client.endpoint.counters.halfOpen, 0)
  }
  assert.ok(completed > 0, 'some get through')
  for (const { pair, client } of pairs) {
    // Whoever connects now is served, and only what was said arrives.
    pair.filter = (datagram) => [datagram]
    await pair.settle()
    pair.clock.advance(61_000)
    const connecting = pair.connect({ credentials: client })
    await pair.settle()
    const association = await connecting
    pair.client.endpoint.send(association, Buffer.from('message at the end'))
    assert.equal(pair.server.received.at(-1), 'message at the end')
    assert.ok(pair.server.received.every((text) => /^message (\d+|at the end)$/.test(text)))
    pair.client.endpoint.stop()
    assert.equal(pair.client.endpoint.counters.halfOpen, 0)
  }
}
