import assert from 'node:assert/strict'
import { Ears, ObserveLab } from '../support/observing'

const CHANGED = 0x44

const lab = new ObserveLab()
const { open, observed, settled, silent, attributes, cancelled } = lab

describe('Observe with criteria', () => {
  afterEach(() => lab.close())

  it('writes attributes first, and unsets them at the end', async () => {
    await open()
    const ears = new Ears(lab.device, { criteria: { pmin: 5, pmax: 60, gt: 50 } })
    await attributes(['pmin=5', 'pmax=60', 'gt=50'])
    const token = await observed(1)
    ears.subscription.close()
    await cancelled(token)
    await attributes(['pmin', 'pmax', 'gt'])
    await silent()
  })

  it('writes what satisfies all subscribers as they come and go', async () => {
    await open()
    const slow = new Ears(lab.device, { criteria: { pmin: 60, pmax: 600, gt: 50 } })
    await attributes(['pmin=60', 'pmax=600', 'gt=50'])
    const token = await observed(1)
    const fast = new Ears(lab.device, { criteria: { pmin: 5, pmax: 120 } })
    await attributes(['pmin=5', 'pmax=120', 'gt'])
    await silent()
    fast.subscription.close()
    await attributes(['pmin=60', 'pmax=600', 'gt=50'])
    slow.subscription.close()
    await cancelled(token)
    await attributes(['pmin', 'pmax', 'gt'])
    await silent()
  })

  it('gives each subscriber what its own criteria want', async () => {
    await open()
    const all = new Ears(lab.device)
    const token = await observed(10)
    const steps = new Ears(lab.device, { criteria: { st: 5 } })
    const changes = new Ears(lab.device, { criteria: { changeOnly: true } })
    await silent()
    let number = 1
    for (const value of [12, 12, 15, 16, 21])
      await lab.device.notify(token, ++number, 0, String(value))
    await settled()
    assert.deepEqual(all.values, [10, 12, 12, 15, 16, 21])
    assert.deepEqual(steps.values, [10, 15, 21])
    assert.deepEqual(changes.values, [10, 12, 15, 16, 21])
  })

  it('keeps pmin for a device whose clock is years behind', async () => {
    await open()
    const all = new Ears(lab.device)
    const token = await observed(1)
    const rare = new Ears(lab.device, { criteria: { pmin: 10 } })
    const dated = (second: number, value: number): Promise<unknown> => {
      const record = `[{"bn":"/3/0/9","t":${1e9 + second},"v":${value}}]`
      return lab.device.notify(token, second + 2, 110, record)
    }
    await silent()
    await dated(0, 2)
    await dated(1, 3)
    await settled()
    assert.deepEqual(rare.values, [1, 2], 'the first value was not dated')
    lab.clock.advance(10_000)
    assert.deepEqual(rare.values, [1, 2, 3])
    await dated(11, 4)
    await settled()
    assert.deepEqual(rare.values, [1, 2, 3], 'within pmin of the one before')
    lab.clock.advance(10_000)
    assert.deepEqual(rare.values, [1, 2, 3, 4])
    assert.deepEqual(all.values, [1, 2, 3, 4])
  })

  it('holds back the newest value until pmin is over', async () => {
    await open()
    const all = new Ears(lab.device)
    const token = await observed(1)
    const rare = new Ears(lab.device, { criteria: { pmin: 10 } })
    await silent()
    await lab.device.notify(token, 2, 0, '2')
    await lab.device.notify(token, 3, 0, '3')
    await settled()
    assert.deepEqual(rare.values, [1])
    lab.clock.advance(9999)
    assert.deepEqual(rare.values, [1])
    lab.clock.advance(1)
    assert.deepEqual(rare.values, [1, 3])
    await lab.device.notify(token, 4, 0, '4')
    await settled()
    rare.subscription.close()
    lab.clock.advance(60_000)
    assert.deepEqual(rare.values, [1, 3])
    assert.deepEqual(all.values, [1, 2, 3, 4])
  })

  it('observes all the same when the device refuses the attributes', async () => {
    await open()
    const ears = new Ears(lab.device, { criteria: { gt: 50 } })
    await attributes(['gt=50'], 0x80)
    const token = await observed(1)
    await silent()
    assert.deepEqual(
      lab.device.warnings.map(({ code }) => code),
      ['attributes-refused'],
    )
    for (const [number, value] of [
      [2, 40],
      [3, 51],
    ]) {
      await lab.device.notify(token, number, 0, String(value))
    }
    await settled()
    assert.deepEqual(ears.values, [1, 51])
    ears.subscription.close()
    await cancelled(token)
    await silent()
  })

  it('says attributes in the query of Observe to a 1.2 device, but not in that of Cancel', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(lab.device, { criteria: { pmin: 5 }, attributes: { con: 1 } })
    const token = await observed(1, { query: ['pmin=5', 'con=1'] })
    const other = new Ears(lab.device)
    await cancelled(token)
    const renewed = await observed(2, { query: ['con=1'] })
    await silent()
    assert.deepEqual(other.values, [1, 2])
    ears.subscription.close()
    other.subscription.close()
    void renewed
  })

  it('writes them to a 1.2 device that takes none with Observe', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(lab.device, { criteria: { pmin: 5 } })
    await lab.device.answer(await lab.device.peer.message(), 0x80)
    await attributes(['pmin=5'])
    await observed(1)
    await silent()
    assert.deepEqual(ears.values, [1])
    assert.deepEqual(ears.errors, [])
  })

  it('keeps thresholds of an instance to itself', async () => {
    await open()
    const ears = new Ears(lab.device, { paths: ['/3303/0'], criteria: { st: 5, pmax: 60 } })
    await attributes(['pmax=60'], CHANGED, '/3303/0')
    const request = await lab.device.peer.message()
    await lab.device.content(request, 110, '[{"n":"/3303/0/5700","v":1}]', 1)
    await lab.device.notify(request.token, 2, 110, '[{"n":"/3303/0/5700","v":2}]')
    await lab.device.notify(request.token, 3, 110, '[{"n":"/3303/0/5700","v":6}]')
    await settled()
    assert.deepEqual(ears.values, [1, 6])
  })
})
