import assert from 'node:assert/strict'
import { Code, OptionNumber } from '../../src/coap'
import { CoapCancelled } from '../../src/coap/errors'
import { ACK, CON, NON, optionNumber, type RawMessage, readCoap } from '../support/raw-coap'
import { Bench, settle } from './support/bench'
import { memoryPeer } from './support/memory-transport'

const GET = { code: Code.GET, path: ['3', '0'] }

/** Exceeds the limit: as many other unregistered peers as allowed send a request each. */
function crowd(bench: Bench, count = 3): void {
  for (let i = 0; i < count; i++) {
    bench.deliver({ type: CON, code: 1, mid: 1, token: 'cc' }, memoryPeer(`crowd-${i}`))
  }
}

describe('CoAP peers', () => {
  describe('beyond the limit of unregistered peers', () => {
    it('keeps a peer with a pending request, and evicts the next one', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 3 })
      const response = bench.endpoint.request(bench.peer, GET)
      const { mid, token } = bench.sent()
      bench.deliver({ type: ACK, code: 0, mid })
      crowd(bench)
      bench.transport.take()
      assert.equal(bench.endpoint.stats.peers, 3)
      bench.deliver({ type: NON, code: Code.CONTENT, mid: 9, token, payload: 'x' })
      assert.equal((await response).payload.toString(), 'x')
    })

    it('keeps a peer whose ACK of a notification is awaited', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 3 })
      let notified: Promise<void> | undefined
      bench.endpoint.onRequest = (request) => {
        if (request.observe !== 0) return { code: Code.CHANGED }
        const observation = request.acceptObservation()
        notified = Promise.resolve().then(() =>
          observation.notify({ code: Code.CONTENT }, { confirmable: true }),
        )
        return { code: Code.CONTENT }
      }
      const options: RawMessage['options'] = [[OptionNumber.OBSERVE, 0]]
      bench.deliver({ type: CON, code: 1, mid: 5, token: 'ab', options })
      await settle()
      const [, notification] = bench.allSent()
      assert.ok(notification)
      crowd(bench)
      bench.deliver({ type: ACK, code: 0, mid: notification.mid })
      await notified
    })

    it('keeps a peer that is observed', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 3 })
      const values: string[] = []
      const observed = bench.endpoint.observe(bench.peer, GET, {
        onNotification: ({ payload }) => values.push(payload.toString()),
      })
      const { mid, token } = bench.sent()
      const options: RawMessage['options'] = [[OptionNumber.OBSERVE, 1]]
      bench.deliver({ type: ACK, code: Code.CONTENT, mid, token, options })
      await observed
      crowd(bench)
      bench.deliver({
        type: NON,
        code: Code.CONTENT,
        mid: 9,
        token,
        options: [[OptionNumber.OBSERVE, 2]],
        payload: 'x',
      })
      assert.deepEqual(values, ['x'])
    })

    it('evicts a peer that only observes', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 3 })
      const ended: string[] = []
      bench.endpoint.onRequest = (request) => {
        if (request.observe === 0) {
          request.acceptObservation().onEnd = (reason) => ended.push(reason)
        }
        return { code: Code.CONTENT }
      }
      const options: RawMessage['options'] = [[OptionNumber.OBSERVE, 0]]
      bench.deliver({ type: CON, code: 1, mid: 5, token: 'ab', options })
      crowd(bench, 2)
      assert.deepEqual(ended, [])
      crowd(bench)
      assert.deepEqual(ended, ['gone'])
    })

    it('keeps all peers if all are awaited, including the newest', async () => {
      const bench = await Bench.start({ maxUnregisteredPeers: 2 })
      const peers = Array.from({ length: 12 }, (_, i) => memoryPeer(`awaited-${i}`))
      const responses = peers.map((peer) => bench.endpoint.request(peer, GET))
      assert.equal(bench.endpoint.stats.peers, 12)
      for (const { peer, datagram } of bench.transport.sent.splice(0)) {
        const { mid, token } = readCoap(datagram)
        bench.deliver({ type: ACK, code: Code.CONTENT, mid, token }, peer)
      }
      await Promise.all(responses)
    })
  })

  describe('that move', () => {
    /** Sends a body of 300 bytes in blocks; answers the size of the first. */
    async function firstBlock(bench: Bench, to = bench.peer, szx = 6): Promise<number> {
      const promise = bench.endpoint.request(to, {
        code: Code.PUT,
        path: ['1'],
        payload: Buffer.alloc(300),
      })
      let size = 0
      for (;;) {
        const [request] = bench.allSent()
        if (request === undefined) break
        size ||= request.payload.length
        const raw = optionNumber(request, OptionNumber.BLOCK1)
        const { mid, token } = request
        if (raw === undefined) {
          bench.deliver({ type: ACK, code: Code.CHANGED, mid, token }, to)
          break
        }
        const used = Math.min(szx, raw & 7)
        const value = (((raw >> 4) << ((raw & 7) - used)) << 4) | (raw & 8) | used
        const code = (raw & 8) === 0 ? Code.CHANGED : Code.CONTINUE
        bench.deliver({ type: ACK, code, mid, token, options: [[OptionNumber.BLOCK1, value]] }, to)
      }
      await promise
      return size
    }

    it('keep the block size that they chose', async () => {
      const bench = await Bench.start({ blockSize: 256 })
      const moved = memoryPeer('moved')
      assert.equal(await firstBlock(bench, bench.peer, 2), 256)
      bench.endpoint.migrate(bench.peer, moved)
      assert.equal(await firstBlock(bench, moved), 64)
    })

    it('keep the smaller block size if the new address had chosen one, too', async () => {
      const bench = await Bench.start({ blockSize: 256 })
      const moved = memoryPeer('moved')
      await firstBlock(bench, bench.peer, 3)
      await firstBlock(bench, moved, 1)
      bench.endpoint.migrate(bench.peer, moved)
      assert.equal(await firstBlock(bench, moved), 32)
    })

    it('continue their Message-IDs', async () => {
      const bench = await Bench.start()
      const moved = memoryPeer('moved')
      const ask = async (peer = bench.peer): Promise<number> => {
        const response = bench.endpoint.request(peer, GET)
        const { mid, token } = bench.sent()
        bench.deliver({ type: ACK, code: Code.CONTENT, mid, token }, peer)
        await response
        return mid
      }
      const first = await ask()
      assert.equal(await ask(), (first + 1) & 0xffff)
      // The new address was already used, with its own Message-IDs.
      await ask(moved)
      bench.endpoint.migrate(bench.peer, moved)
      assert.equal(await ask(moved), (first + 2) & 0xffff)
      const back = memoryPeer('never-spoken-to')
      bench.endpoint.migrate(moved, back)
      assert.equal(await ask(back), (first + 3) & 0xffff)
    })

    it('are answered at the new address by a slow handler', async () => {
      const bench = await Bench.start()
      const moved = memoryPeer('moved')
      let answer: () => void = () => {}
      bench.endpoint.onRequest = () =>
        new Promise((resolve) => (answer = () => resolve({ code: Code.CHANGED })))
      bench.deliver({ type: CON, code: 2, mid: 7, token: 'aa' })
      bench.endpoint.migrate(bench.peer, moved)
      answer()
      await settle()
      assert.deepEqual(
        bench.transport.sent.map(({ peer }) => peer.id),
        ['moved'],
      )
    })
  })

  it('rejects a request with the reason for which its peer was dropped', async () => {
    const bench = await Bench.start()
    const response = bench.endpoint.request(bench.peer, GET)
    bench.endpoint.abort(bench.peer, 'it registered anew')
    await assert.rejects(response, (error: unknown) => {
      assert.ok(error instanceof CoapCancelled)
      assert.match(error.message, /it registered anew/)
      return true
    })
  })
})
