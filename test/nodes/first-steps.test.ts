import assert from 'node:assert/strict'
import { moveExample, nodeOf } from '../e2e/support/examples'
import { type DebugMessage, NodeRed, requireRuntime, runtimes } from '../support/node-red'

for (const runtime of runtimes()) {
  describe(`the example first-steps in ${runtime.name}`, function () {
    this.timeout(120_000)
    let red: NodeRed
    let example: Awaited<ReturnType<typeof moveExample>>

    before(async function () {
      requireRuntime(this, runtime)
      red = await NodeRed.start({ runtime })
      example = await moveExample('first-steps')
    })

    after(() => red?.stop())

    const from = (name: string) => {
      const { id } = nodeOf(example.flow, 'debug', name)
      return (message: DebugMessage): boolean => message.id === id
    }

    it('registers, observes, reads, writes and provisions by itself', async () => {
      const temperature = red.debugged(from('temperature'))
      const device = red.debugged(from('device'))
      const light = red.debugged(
        (message) => from('light is on')(message) && message.msg === 'true',
      )
      const written = red.debugged(from('written'))
      const secured = red.debugged(
        (message) =>
          from('what happens to the devices')(message) && message.msg.includes('"registered"'),
      )
      await red.deploy(example.flow)
      assert.match((await temperature).msg, /^\d+(\.\d+)?$/)
      const values = JSON.parse((await device).msg) as { [name: string]: unknown }
      assert.equal(values['Manufacturer'], 'LwM2M Flows')
      assert.equal((await written).msg, '2.04')
      await light
      assert.match((await secured).msg, /coaps:\/\/localhost:/)
    })

    it('reads again when the button is pressed', async () => {
      const device = red.debugged(from('device'))
      await red.inject(nodeOf(example.flow, 'inject', 'read the device').id)
      assert.match((await device).msg, /Manufacturer/)
    })

    for (const type of ['nodes', 'flows', 'full'] as const) {
      it(`works on after a deploy of ${type}`, async () => {
        const flow = example.flow.map((node) =>
          node.type === 'lwm2m-server' ? { ...node, name: `after ${type}` } : node,
        )
        const temperature = red.debugged(from('temperature'))
        await red.deploy(flow, type)
        assert.match((await temperature).msg, /^\d+(\.\d+)?$/)
        const device = red.debugged(from('device'))
        await red.inject(nodeOf(example.flow, 'inject', 'read the device').id)
        assert.match((await device).msg, /Manufacturer/)
      })
    }
  })
}
