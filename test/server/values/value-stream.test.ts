import assert from 'node:assert/strict'
import type { ValueReport } from '../../../src/server/types'
import { CON, Opt } from '../../support/raw-coap'
import { RegisteredDevice } from '../support/registered-device'

describe('the stream of values', () => {
  it('has what is read, observed, notified and sent, with its cause, one report a moment', async () => {
    const device = await RegisteredDevice.open()
    const { server, peer } = device
    const reports: ValueReport[] = []
    server.on('values', (report) => reports.push(report))
    try {
      const read = server.read('dev1', '/3/0/9')
      await device.content(await peer.message(), 0, '1')
      await read
      const all = server.readComposite('dev1', ['/3/0/9', '/3303/0/5700'])
      await device.content(
        await peer.message(),
        110,
        '[{"n":"/3/0/9","v":2,"t":1700000001},{"n":"/3303/0/5700","v":3,"t":1700000000}]',
      )
      await all
      server.observe({ target: 'dev1', paths: ['/3/0/9'] }, { onValue: () => {} })
      const observe = await peer.message()
      await device.content(observe, 0, '4', 1)
      await peer.barrier()
      await device.notify(observe.token, 2, 0, '5')
      await peer.barrier()
      const answer = await peer.request({
        type: CON,
        code: 2,
        options: [
          [Opt.URI_PATH, 'dp'],
          [Opt.CONTENT_FORMAT, 110],
        ],
        payload: '[{"n":"/3/0/9","v":6}]',
      })
      assert.equal(answer.code, 0x44)
      const write = server.write('dev1', '/1/0/1', 60)
      const request = await peer.message()
      await device.answer(request, 0x44)
      await write
      assert.deepEqual(
        reports.map(({ cause, endpoint, records }) => [cause, endpoint, records[0]?.value]),
        [
          ['read', 'dev1', 1],
          ['read', 'dev1', 3],
          ['read', 'dev1', 2],
          ['first', 'dev1', 4],
          ['notify', 'dev1', 5],
          ['send', 'dev1', 6],
        ],
      )
      const count = (name: string) =>
        Object.fromEntries(
          [...([...server.metrics].find((one) => one.name === name) ?? [])].map(
            ([labels, value]) => [labels.join(), value],
          ),
        )
      assert.deepEqual(count('lwm2m_reports_total'), { read: 3, first: 1, notify: 1, send: 1 })
      assert.deepEqual(count('lwm2m_values_total'), { read: 3, first: 1, notify: 1, send: 1 })
      assert.deepEqual(count('lwm2m_undecodable_total'), { read: 0, first: 0, notify: 0, send: 0 })
      assert.deepEqual(count('lwm2m_sends_total'), { '2.04': 1 })
      assert.ok(reports.every(({ registration }) => registration.endpoint === 'dev1'))
    } finally {
      await device.close()
    }
  })
})
