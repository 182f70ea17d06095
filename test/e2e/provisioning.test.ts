import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type FlowNode, newUserDir, NodeRed, requireRuntime, runtimes } from '../support/node-red'
import { freeUdpPort } from '../support/ports'

const FACTORY_KEY = '00112233445566778899aabbccddeeff'

for (const runtime of runtimes()) {
  describe(`zero-touch provisioning in ${runtime.name}, and a crash`, function () {
    this.timeout(90_000)
    let red: NodeRed | undefined
    let userDir: string
    let flows: FlowNode[]

    before(async function () {
      requireRuntime(this, runtime)
      const [coapsPort, bootstrapPort] = [await freeUdpPort(), await freeUdpPort()]
      flows = [
        { id: 'tab', type: 'tab', label: 'zero-touch' },
        {
          id: 'server',
          type: 'lwm2m-server',
          coap: false,
          coaps: true,
          coapsPort: String(coapsPort),
          bootstrap: true,
          bootstrapCoap: false,
          bootstrapCoaps: true,
          bootstrapCoapsPort: String(bootstrapPort),
          storage: 'disk',
          devices: [
            { id: 'k', endpoint: 'meter', use: 'bootstrap', mode: 'psk', keyFormat: 'hex' },
          ],
          bootstraps: [
            {
              id: 'b',
              endpoint: 'meter',
              uri: `coaps://127.0.0.1:${coapsPort}`,
              shortServerId: '7',
              security: 'psk',
              createCredential: true,
            },
          ],
          credentials: { keysUpdate: JSON.stringify({ k: FACTORY_KEY }) },
          version: 1,
        },
        {
          id: 'device',
          type: 'lwm2m-device',
          z: 'tab',
          x: 200,
          y: 100,
          endpoint: 'meter',
          bootstrapUri: `coaps://127.0.0.1:${bootstrapPort}`,
          bootstrapKeyFormat: 'hex',
          keepAccounts: true,
          reportState: true,
          credentials: { bootstrapKey: FACTORY_KEY },
          version: 1,
          wires: [['event']],
        },
        {
          id: 'event',
          type: 'function',
          z: 'tab',
          x: 400,
          y: 100,
          func: 'return { payload: msg.event }',
          outputs: 1,
          wires: [['file']],
        },
        {
          id: 'file',
          type: 'file',
          z: 'tab',
          x: 600,
          y: 100,
          filename: 'events.txt',
          filenameType: 'str',
          appendNewline: true,
          overwriteFile: 'false',
          wires: [[]],
        },
      ]
      userDir = newUserDir()
      red = await NodeRed.start({ runtime, userDir })
    })
    after(async () => {
      await red?.stop()
      if (userDir !== undefined) rmSync(userDir, { recursive: true, force: true })
    })

    /** What became known of the device, from the first start on, when it is `count` events. */
    async function events(count: number): Promise<string[]> {
      const deadline = Date.now() + 60_000
      for (;;) {
        const file = join(userDir, 'events.txt')
        const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
        const known = text.split('\n').slice(0, -1)
        if (known.length >= count) return known
        if (Date.now() > deadline) throw new Error(`only ${known.join()}:\n${red?.output}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }

    it('gives the device a key, with which it registers', async () => {
      await red?.deploy(flows)
      assert.deepEqual(await events(2), ['bootstrapped', 'registered'])
    })

    it('keeps that key on both sides: the device registers without a bootstrap', async () => {
      await red?.stop('SIGKILL')
      red = await NodeRed.start({ runtime, userDir })
      assert.deepEqual(await events(3), ['bootstrapped', 'registered', 'registered'])
      const answer = await fetch(`${red.url}/flows`)
      assert.ok(!(await answer.text()).includes(FACTORY_KEY))
      assert.ok(!red.output.includes(FACTORY_KEY))
    })
  })
}
