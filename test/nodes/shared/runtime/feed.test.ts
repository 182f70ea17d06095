import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { Feed } from '../../../../nodes/shared/runtime/feed'

describe('Feed', () => {
  it('keeps items in order while there is no consumer, then passes them on', () => {
    const feed = new Feed<number>()
    const got: number[] = []
    feed.push(1)
    feed.push(2)
    assert.equal(
      feed.open((item) => got.push(item)),
      0,
    )
    feed.push(3)
    feed.close()
    feed.push(4)
    assert.deepEqual(got, [1, 2, 3])
    feed.open((item) => got.push(item))
    assert.deepEqual(got, [1, 2, 3, 4])
  })

  it('drops the oldest beyond its capacity, and says how many', () => {
    const feed = new Feed<number>(2)
    const got: number[] = []
    for (let i = 0; i < 5; i++) feed.push(i)
    assert.equal(
      feed.open((item) => got.push(item)),
      3,
    )
    assert.deepEqual(got, [3, 4])
    feed.close()
    assert.equal(
      feed.open(() => {}),
      0,
    )
  })

  it('keeps again what was passed on in this turn, where it is not delivered', async () => {
    const feed = new Feed<number>()
    feed.open(() => {})
    feed.push(1)
    await turn()
    feed.push(2)
    feed.push(3)
    feed.close(true)
    feed.push(4)
    const got: number[] = []
    feed.open((item) => got.push(item))
    assert.deepEqual(got, [2, 3, 4])
  })

  it('repeats nothing that has arrived, however much came in one turn', async () => {
    const feed = new Feed<number>()
    const arrived: number[] = []
    // As Node-RED delivers it.
    feed.open((item) => void setImmediate(() => arrived.push(item)))
    feed.push(1)
    feed.push(2)
    await turn()
    assert.deepEqual(arrived, [1, 2])
    feed.close(true)
    const again: number[] = []
    feed.open((item) => again.push(item))
    assert.deepEqual(again, [])
  })

  it('stops when a consumer closes it', () => {
    const feed = new Feed<number>()
    feed.push(1)
    feed.push(2)
    const got: number[] = []
    feed.open((item) => {
      got.push(item)
      feed.close()
    })
    assert.deepEqual(got, [1])
  })

  it('takes over what another has kept', () => {
    const [former, next] = [new Feed<number>(1), new Feed<number>()]
    former.push(1)
    former.push(2)
    next.drain(former)
    next.push(3)
    const got: number[] = []
    assert.equal(
      next.open((item) => got.push(item)),
      1,
    )
    assert.deepEqual(got, [2, 3])
  })
})
