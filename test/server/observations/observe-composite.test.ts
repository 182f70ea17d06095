import assert from 'node:assert/strict'
import type { ReadMessage } from '../../support/raw-coap'
import { Ears, ObserveLab } from '../support/observing'
import { hex, optionsOf } from '../support/registered-device'

const FETCH = 0x05

const lab = new ObserveLab()
const { open, observed, settled, silent, cancelled } = lab

describe('Observe-Composite', () => {
  afterEach(() => lab.close())

  const paths = ['/3/0/9', '/1/0/1']
  // [{-2:"/",0:"1/0/1"},{0:"3/0/9"}]
  const list = hex('82 a2 21 61 2f 00 65 312f302f31 a1 00 65 332f302f39')

  const fetch = (observe: number): Promise<ReadMessage> =>
    lab.device.expect({
      code: FETCH,
      options: optionsOf({ observe, format: 112, accept: 112 }),
      payload: list,
    })

  it('is keyed by its token, and cancelled with the same token and list', async () => {
    await open()
    const ears = new Ears(lab.device, { paths })
    const request = await fetch(0)
    await lab.device.content(request, 110, '[{"n":"/1/0/1","v":300},{"n":"/3/0/9","v":95}]', 1)
    await settled()
    assert.deepEqual(ears.values, [300, 95])
    assert.equal(String(ears.results[0]?.path), '/')
    const same = new Ears(lab.device, { paths: [...paths].reverse() })
    await silent()
    assert.deepEqual(same.values, [300, 95])
    await lab.device.notify(request.token, 2, 110, '[{"n":"/3/0/9","v":94}]')
    await settled()
    assert.deepEqual(ears.values, [300, 95, 94])
    same.subscription.close()
    ears.subscription.close()
    const cancel = await fetch(1)
    assert.equal(cancel.token, request.token)
    await lab.device.content(cancel, 110, '[]')
    await silent()
  })

  it('says the paths in SenML JSON once where the device refuses CBOR', async () => {
    await open()
    const ears = new Ears(lab.device, { paths })
    await lab.device.answer(await fetch(0), 0x8f)
    const request = await lab.device.peer.message()
    assert.deepEqual(
      request.options.filter(([number]) => number === 12).map(([, value]) => value[0]),
      [110],
    )
    await lab.device.content(request, 110, '[{"n":"/1/0/1","v":300},{"n":"/3/0/9","v":95}]', 1)
    await settled()
    assert.deepEqual(ears.values, [300, 95])
    assert.deepEqual(ears.counts, [1])
  })

  it('delivers values that nobody asked for, with a warning', async () => {
    await open()
    const ears = new Ears(lab.device, { paths })
    const request = await fetch(0)
    await lab.device.content(request, 110, '[{"n":"/3/0/9","v":95}]', 1)
    await settled()
    await lab.device.notify(request.token, 2, 110, '[{"n":"/3/0/0","vs":"OMA"}]')
    await settled()
    assert.deepEqual(ears.values, [95, 'OMA'])
    assert.deepEqual(
      lab.device.warnings.map(({ code, message }) => [code, message]),
      [['value', 'the device answers /3/0/0, which was not asked for']],
    )
  })

  it('says pmin and pmax in the query (1.2)', async () => {
    await open({ version: '1.2' })
    new Ears(lab.device, { paths, criteria: { pmin: 5, pmax: 60, gt: 3 } })
    const request = await lab.device.expect({
      code: FETCH,
      options: optionsOf({ observe: 0, format: 112, query: ['pmin=5', 'pmax=60'], accept: 112 }),
      payload: list,
    })
    await lab.device.content(request, 110, '[]', 1)
    await silent()
  })

  it('leaves them out for a device that takes none with Observe-Composite', async () => {
    await open({ version: '1.2' })
    const ears = new Ears(lab.device, { paths, criteria: { pmin: 5 } })
    await lab.device.answer(await lab.device.peer.message(), 0x80)
    await lab.device.content(await fetch(0), 110, '[{"n":"/3/0/9","v":94}]', 1)
    await silent()
    assert.deepEqual(ears.values, [94])
    assert.deepEqual(ears.errors, [])
  })

  for (const code of [0x82, 0x85, 0xa1]) {
    it(`goes path by path when the device answers ${code.toString(16)}`, async () => {
      await open()
      const ears = new Ears(lab.device, { paths })
      await lab.device.answer(await fetch(0), code)
      const one = await observed(300, { path: '/1/0/1' })
      const two = await observed(95)
      await lab.device.notify(two, 2, 0, '94')
      await settled()
      assert.deepEqual(ears.values, [300, 95, 94])
      assert.deepEqual(ears.errors, [])
      assert.deepEqual(ears.counts, [1])
      assert.deepEqual(
        lab.device.warnings.map(({ code: warning }) => warning),
        ['no-composite'],
      )
      ears.subscription.close()
      await cancelled(one, '/1/0/1')
      await cancelled(two)
    })
  }

  it('goes path by path on a 1.0 device, and says which path is refused', async () => {
    await open({ version: '1.0' })
    const ears = new Ears(lab.device, { paths })
    await lab.device.answer(await lab.device.peer.message(), 0x84)
    await observed(95, { accept: 11542 })
    assert.deepEqual(ears.errors, ['dev1 4.04'])
    assert.deepEqual(ears.values, [95])
    assert.deepEqual(ears.counts, [1])
  })

  it('reports another refusal as it is', async () => {
    await open()
    const ears = new Ears(lab.device, { paths })
    await lab.device.answer(await fetch(0), 0x81)
    await silent()
    assert.deepEqual(ears.errors, ['dev1 4.01'])
  })
})
