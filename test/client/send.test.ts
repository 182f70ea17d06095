import assert from 'node:assert/strict'
import { Path } from '../../src/lwm2m/path'
import { FakeClock } from '../support/fake-clock'
import { Opt, optionNumber, optionTexts } from '../support/raw-coap'
import { ask, PUT, Scene, SMALL } from './support/server'

const TEXT = 0

function toHex(text: string): string {
  return Buffer.from(text).toString('hex')
}

describe('client Send', () => {
  let scene: Scene
  afterEach(() => scene.close())

  it('posts current values to /dp', async () => {
    scene = await Scene.registered()
    const sent = scene.client.send(['/3/0/9', Path.parse('/3/0/11')])
    const request = await scene.server.message()
    assert.equal(request.type, 0)
    assert.equal(request.code, 0x02)
    assert.deepEqual(optionTexts(request, Opt.URI_PATH), ['dp'])
    assert.equal(optionNumber(request, Opt.CONTENT_FORMAT), 112)
    assert.equal(
      request.payload.toString('hex'),
      '82a321612f0065' + toHex('3/0/9') + '021864' + 'a20068' + toHex('3/0/11/0') + '0200',
    )
    await scene.reply(request, 0x44)
    assert.deepEqual(await sent, [{ shortServerId: 1, code: 0x44 }])
  })

  it('posts records of any time, in JSON if that is preferred', async () => {
    const clock = new FakeClock()
    scene = await Scene.registered({ clock, formats: [110] })
    const path = Path.parse('/3303/0/5700')
    const sent = scene.client.send([
      { path, value: 1, time: Date.UTC(2026, 0, 1) },
      { path, value: 2, time: Date.UTC(2026, 0, 1, 0, 1) },
    ])
    const request = await scene.server.message()
    assert.deepEqual(JSON.parse(request.payload.toString()), [
      { bn: '/', n: '3303/0/5700', t: 1_767_225_600, v: 1 },
      { n: '3303/0/5700', t: 1_767_225_660, v: 2 },
    ])
    await scene.reply(request, 0x44)
    await sent
  })

  it('rejects with the error response of the server', async () => {
    scene = await Scene.registered()
    const sent = scene.client.send(['/3/0/9'])
    await scene.reply(await scene.server.message(), 0x84)
    await assert.rejects(sent, { code: '4.04', name: 'ServerRejected', coapCode: 0x84 })
  })

  it('is muted by /1/0/23', async () => {
    scene = await Scene.registered({ version: '1.2' })
    await ask(scene, PUT, '/1/0/23', { format: TEXT, payload: '1' })
    await assert.rejects(scene.client.send(['/3/0/9']), { code: 'muted' })
    await ask(scene, PUT, '/1/0/23', { format: TEXT, payload: '0' })
    const sent = scene.client.send(['/3/0/9'])
    await scene.reply(await scene.server.message(), 0x44)
    await sent
  })

  it('rejects what cannot be sent', async () => {
    scene = await Scene.registered()
    await assert.rejects(scene.client.send(['/9']), { code: 'unknown-path' })
    await assert.rejects(scene.client.send(['/0/0/5']), { code: 'unknown-path' })
    await assert.rejects(scene.client.send([]), { code: 'unknown-path' })
    await assert.rejects(scene.client.send(['/3/0/4']), { code: 'unknown-path' })
    await scene.client.stop({ deregister: false })
    await assert.rejects(scene.client.send(['/3/0/9']), { code: 'not-registered' })
    await scene.close()
    scene = await Scene.registered({ version: '1.0', objects: SMALL })
    await assert.rejects(scene.client.send(['/3/0/9']), { code: 'unsupported' })
  })
})
