import assert from 'node:assert/strict'
import { moveExample, type MovedExample, nodeOf } from '../e2e/support/examples'
import { type DebugMessage, NodeRed } from '../support/node-red'

/** One Node-RED for all: each test deploys its example in the place of the one before. */
describe('examples in a real Node-RED', function () {
  this.timeout(120_000)
  let red: NodeRed
  let example: MovedExample

  before(async () => {
    red = await NodeRed.start()
  })

  after(() => red?.stop())

  const from =
    (name: string, text: string | RegExp = '') =>
    (message: DebugMessage): boolean =>
      message.id === nodeOf(example.flow, 'debug', name).id &&
      (typeof text === 'string' ? message.msg.includes(text) : text.test(message.msg))

  /** Presses a button and waits for what a debug node then shows. */
  async function press(button: string, debug: string, text: string | RegExp = ''): Promise<string> {
    const shown = red.debugged(from(debug, text))
    await red.inject(nodeOf(example.flow, 'inject', button).id)
    return (await shown).msg
  }

  it('operations: every button does what it says', async () => {
    example = await moveExample('operations')
    await red.deploy(example.flow)
    await until(async () => (await press('list devices', 'answers')).includes('station-1'))
    assert.match(await press('discover', 'links'), /"path":"\/3303\/1"/)
    const several = JSON.parse(await press('read several', 'values')) as object
    assert.deepEqual(Object.keys(several), ['/3/0/9', '/3303/0/5700', '/3303/1/5700'])
    const codes = example.flow.filter((node) => node.type === 'debug' && node['name'] === 'code')
    assert.equal(codes.length, 3)
    const code = async (button: string): Promise<string> => {
      const shown = red.debugged((message) => codes.some(({ id }) => id === message.id))
      await red.inject(nodeOf(example.flow, 'inject', button).id)
      return (await shown).msg
    }
    assert.equal(await code('write several'), '2.04')
    assert.equal(await code('notify at most every 2 s'), '2.04')
    assert.equal(await press('create', 'where'), '/3303/2')
    assert.equal(await code('delete'), '2.02')
    assert.equal(await press('read the battery', 'answers'), '88')
    assert.equal(await press('observe indoors', 'answers'), '19.5')
    // The attribute written above holds it back for up to two seconds.
    assert.equal(await press('set a new value', 'notifications'), '21.5')
  })

  it('credentials: a device gets its key; keys are listed, added and removed', async () => {
    example = await moveExample('credentials')
    const registered = red.debugged(from('registrations and warnings', '"event":"registered"'))
    await red.deploy(example.flow)
    assert.match((await registered).msg, /"security":"psk"/)
    const shown = 'credentials, without keys'
    const added = await press('add a key for meter-7', shown)
    assert.match(added, /"identity":"meter-7"/)
    assert.doesNotMatch(added, /0001020304/)
    const list = JSON.parse(await press('list', shown)) as { endpoint: string }[]
    assert.deepEqual(list.map(({ endpoint }) => endpoint).sort(), ['meter-7', 'sensor-1'])
    assert.equal(await press('remove that of meter-7', shown), '1')
  })

  it('zero-touch-provisioning: devices are provisioned and read over DTLS', async () => {
    example = await moveExample('zero-touch-provisioning')
    const finished = red.debugged(from('bootstrap', '"event":"result"'))
    const value = red.debugged(from('temperature, read securely'))
    await red.deploy(example.flow)
    const { msg } = await finished
    assert.match(msg, /"outcome":"finished"/)
    assert.match((await value).msg, /^\d+(\.\d+)?$/)
  })

  it('provision-from-http: the service decides who gets in', async () => {
    example = await moveExample('provision-from-http')
    const [tab, ...nodes] = example.flow
    assert.ok(tab !== undefined)
    const url = `${red.url}/lwm2m-provisioning`
    const env = [{ name: 'PROVISIONING_URL', value: url, type: 'str' }]
    const known = red.debugged(from('registrations', 'known-1'))
    const refused = red.debugged(from('results', '"event":"refused"'))
    await red.deploy([{ ...tab, env }, ...nodes])
    await known
    assert.match((await refused).msg, /stranger-1/)
  })
})

/** Asks again until it is so: the devices of an example take a moment to register. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 50; i++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not come about')
}
