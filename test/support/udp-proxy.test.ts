import assert from 'node:assert/strict'
import { ScriptedPeer } from './scripted-device'
import { UdpProxy, type UdpProxyOptions } from './udp-proxy'

describe('UDP proxy (test support)', () => {
  /** What arrives of 200 numbered datagrams, and what the proxy counted. */
  const run = async (options: UdpProxyOptions): Promise<{ got: string[]; proxy: UdpProxy }> => {
    const target = await ScriptedPeer.open()
    const client = await ScriptedPeer.open()
    const proxy = await UdpProxy.open(target, options)
    client.connect(proxy.port)
    for (let i = 0; i < 200; i++) await client.send(Buffer.from([i, 1, 2, 3, 4, 5]))
    await client.send(Buffer.from('end'))
    while (!target.received.some(({ bytes }) => bytes.toString() === 'end')) {
      await target.receive()
    }
    await new Promise((resolve) => setTimeout(resolve, 60))
    await Promise.all([client.close(), target.close(), proxy.close()])
    return {
      got: target.received
        .map(({ bytes }) => bytes.toString('hex'))
        .filter((text) => text !== Buffer.from('end').toString('hex')),
      proxy,
    }
  }

  it('passes everything on by default, in order', async () => {
    const { got } = await run({})
    assert.equal(got.length, 200)
    assert.deepEqual(got, [...got].sort())
  })

  it('makes the same mistakes with the same seed', async () => {
    const filter = (datagram: Buffer): boolean | Buffer => datagram
    const first = await run({ seed: 4, duplicate: 0.3, filter })
    const second = await run({ seed: 4, duplicate: 0.3, filter })
    assert.deepEqual(first.got, second.got)
    assert.ok(first.proxy.counts.duplicated > 30)
    assert.equal(first.got.length >= 200 + first.proxy.counts.duplicated - 1, true)
  })

  it('changes order, not content', async () => {
    const { got } = await run({ seed: 2, reorder: 0.5 })
    assert.notDeepEqual(got, [...got].sort())
    assert.equal(new Set(got).size, 200)
  })

  it('gives clients a new address when it rebinds', async () => {
    const target = await ScriptedPeer.open()
    const client = await ScriptedPeer.open()
    const proxy = await UdpProxy.open(target)
    client.connect(proxy.port)
    await client.send(Buffer.from('a'))
    const before = (await target.receive()).from.port
    assert.deepEqual(proxy.upstreamPorts, [before])
    await proxy.rebind()
    await client.send(Buffer.from('b'))
    const after = (await target.receive()).from.port
    assert.notEqual(after, before)
    await target.send(Buffer.from('c'), { port: after })
    assert.equal((await client.receive()).bytes.toString(), 'c')
    await Promise.all([client.close(), target.close(), proxy.close()])
  })
})
