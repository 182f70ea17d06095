import assert from 'node:assert/strict'
import { valueMessage } from '../../../nodes/shared/messages/messages'
import { valueInfos } from '../../../nodes/admin/values'
import type { ObjectModel } from '../../../src/lwm2m/model/definition'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { Path } from '../../../src/lwm2m/path'
import type { OperationResult } from '../../../src/server/types'
import { CON, Opt } from '../../support/raw-coap'
import { RegisteredDevice } from '../support/registered-device'

/** The built-in model, counting how often a definition is looked up in it. */
class CountingModel implements ObjectModel {
  lookups = 0

  object(id: number, version?: string) {
    this.lookups++
    return builtinModel().object(id, version)
  }

  objects() {
    return builtinModel().objects()
  }
}

describe('the definition of a resource', () => {
  let device: RegisteredDevice
  let model: CountingModel

  beforeEach(async () => {
    model = new CountingModel()
    device = await RegisteredDevice.open({ server: { model } })
  })
  afterEach(() => device.close())

  /** Makes of a result what a flow and the sidebar get of it. */
  function show(result: OperationResult, path: string): object | undefined {
    const { server } = device
    const registration = server.registrations.get('dev1')
    const context = { model, registration, keys: 'id', integers: 'text' } as const
    const message = valueMessage({}, result, [Path.parse(path)], context)
    valueInfos(model, registration, result, 0)
    return message['lwm2m'] as object
  }

  it('is looked up once for a notification that goes to an event, a flow and the sidebar', async () => {
    const { server, peer } = device
    server.on('values', () => {})
    let detail: object | undefined
    server.observe(
      { target: 'dev1', paths: ['/3/0/9'] },
      { onValue: (report) => (detail = show(report, '/3/0/9')) },
    )
    const observe = await peer.message()
    await device.content(observe, 0, '4', 1)
    await peer.barrier()
    model.lookups = 0
    await device.notify(observe.token, 2, 0, '5', CON)
    assert.equal(model.lookups, 1)
    assert.deepEqual(detail, {
      endpoint: 'dev1',
      path: '/3/0/9',
      code: '2.05',
      format: 'text',
      records: [{ path: '/3/0/9', name: 'Battery Level', type: 'Integer', units: '%', value: 5 }],
    })
  })

  it('is looked up once for each record of a Send', async () => {
    const { server, peer } = device
    server.on('send', (result) => void show(result, '/3/0'))
    await peer.request({
      type: CON,
      code: 2,
      options: [
        [Opt.URI_PATH, 'dp'],
        [Opt.CONTENT_FORMAT, 110],
      ],
      payload: '[{"bn":"/3/0/","n":"9","v":6},{"n":"13","v":1700000000},{"n":"15","vs":"UTC"}]',
    })
    assert.equal(model.lookups, 3)
  })

  it('is looked up once for each record of an instance that is read', async () => {
    const { server, peer } = device
    const read = server.read('dev1', '/3/0')
    const request = await peer.message()
    model.lookups = 0
    await device.content(request, 11542, Buffer.from('c10964c2004f4d', 'hex'))
    show(await read, '/3/0')
    assert.equal(model.lookups, 2)
  })
})
