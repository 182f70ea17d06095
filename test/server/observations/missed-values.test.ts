import assert from 'node:assert/strict'
import { CON } from '../../support/raw-coap'
import { RegisteredDevice } from '../support/registered-device'

describe('values that come while nobody subscribes', () => {
  let device: RegisteredDevice

  afterEach(() => device.close())

  /** Observes, gets the first value, releases the subscription, and is sent so many notifications. */
  async function miss(count: number): Promise<unknown[]> {
    device = await RegisteredDevice.open()
    const { server, peer } = device
    const request = { target: 'dev1', paths: ['/3/0/9'] }
    const former = server.observe(request, { onValue: () => {} })
    const observe = await peer.message()
    await device.content(observe, 0, '0', 1)
    await peer.barrier()
    former.release()
    for (let i = 1; i <= count; i++) {
      await device.notify(observe.token, 1 + i, 0, String(i), CON)
    }
    const values: unknown[] = []
    server.observe(request, { onValue: ({ records }) => void values.push(records[0]?.value) })
    await peer.barrier()
    return values
  }

  const range = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)

  it('are kept for who subscribes next, after the one that was told last', async () => {
    assert.deepEqual(await miss(3), [0, 1, 2, 3])
  })

  it('are all kept up to a hundred', async () => {
    assert.deepEqual(await miss(99), range(0, 99))
  })

  it('are the newest hundred where there were more', async () => {
    assert.deepEqual(await miss(105), range(6, 105))
  })

  it('are told once: who subscribes later hears the newest', async () => {
    await miss(3)
    const later: unknown[] = []
    // What was kept is given up a turn after who came first was told.
    await new Promise((resolve) => setImmediate(resolve))
    device.server.observe(
      { target: 'dev1', paths: ['/3/0/9'] },
      { onValue: ({ records }) => void later.push(records[0]?.value) },
    )
    await device.peer.barrier()
    assert.deepEqual(later, [3])
  })
})
