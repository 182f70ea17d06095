import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { ObjectLink } from '../../src/lwm2m/value'
import { SMALL } from './support/server'

/** The API of the device, without any server. */
function device(objects: object = {}): Lwm2mClient {
  return new Lwm2mClient({
    endpoint: 'dev1',
    server: 'coaps://127.0.0.1',
    security: { psk: { identity: 'dev1', key: Buffer.from('secret') } },
    objects: { ...SMALL, ...objects },
  })
}

describe('client API', () => {
  it('sets and gets values by the type of the model', () => {
    const client = device()
    client.set('/3303/0/5700', '30.5')
    assert.equal(client.get('/3303/0/5700'), 30.5)
    client.set('/3303/0', { 5700: 31, 5750: 'roof' })
    assert.equal(client.get('/3303/0/5750'), 'roof')
    client.set('/3/0/11', [1, 2])
    assert.deepEqual(
      client.get('/3/0/11'),
      new Map([
        [0, 1],
        [1, 2],
      ]),
    )
    client.set('/3/0/11/1', 7)
    client.set('/3/0/11/5', 8)
    assert.deepEqual(
      client.get('/3/0/11'),
      new Map([
        [0, 1],
        [1, 7],
        [5, 8],
      ]),
    )
    assert.equal(client.get('/3/0/11/5'), 8)
    client.set('/3/0/11', { 3: 4 })
    assert.deepEqual(client.get('/3/0/11'), new Map([[3, 4]]))
    assert.equal(client.get('/3/0/99'), undefined)
  })

  it('accepts resources that no model defines', () => {
    const client = device({
      31_024: {
        version: '2.1',
        0: {
          1: 5,
          2: { value: 5, type: 'Integer', operations: 'RW', name: 'Count', units: 'n' },
          3: { type: 'None' },
          4: ['a', 'b'],
          5: { value: '66:0', type: 'Objlnk' },
          6: { multiple: true, type: 'Integer', value: [] },
        },
      },
    })
    assert.deepEqual(
      client.records('/31024').map(({ path, value }) => [path.toString(), value]),
      [
        ['/31024/0/1', 5],
        ['/31024/0/2', 5],
        ['/31024/0/4/0', 'a'],
        ['/31024/0/4/1', 'b'],
        ['/31024/0/5', new ObjectLink(66, 0)],
      ],
    )
    client.set('/31024/0/1', 5.5)
    assert.throws(() => client.set('/31024/0/2', 5.5), { code: 'invalid-value' })
    assert.throws(() => client.set('/31024/0/3', 1), { code: 'invalid-value' })
  })

  it('changes nothing if a value is rejected', () => {
    const client = device()
    assert.throws(() => client.set('/9/0/1', 1), { code: 'unknown-path' })
    assert.throws(() => client.set('/3/1/9', 1), { code: 'unknown-path' })
    assert.throws(() => client.set('/3/0/9', 'full'), { code: 'invalid-value' })
    assert.throws(() => client.set('/3/0/9/0', 1), { code: 'unknown-path' })
    assert.throws(() => client.set('/3/0/11/0', 'x'), { code: 'invalid-value' })
    assert.throws(() => client.set('no path', 1), { code: 'invalid-path' })
    assert.equal(client.get('/3/0/9'), 100)
    assert.throws(() => client.createInstance('/3303/5', { 5700: 'warm' }), {
      code: 'invalid-value',
    })
    assert.deepEqual(client.records('/3303/5'), [])
    client.createInstance('/3303/5', { 5700: 1 })
    assert.throws(() => client.createInstance('/3303', {}), { code: 'invalid-argument' })
  })

  it('does not return its keys', () => {
    const client = device()
    assert.equal(client.get('/0/0/5'), undefined)
    assert.deepEqual(client.records('/0'), [])
    assert.equal(
      client.records('/').some(({ path }) => path.object === 0),
      false,
    )
    assert.doesNotMatch(JSON.stringify(client.records('/')), /secret/)
  })

  it('rejects calls that need a server while it is stopped', async () => {
    const client = device()
    assert.equal(client.state, 'stopped')
    await assert.rejects(client.update(), { code: 'not-running' })
    await assert.rejects(client.send(['/3/0/9']), { code: 'not-registered' })
    client.sleep()
    await client.stop()
    assert.deepEqual(client.registrations, [])
  })
})
