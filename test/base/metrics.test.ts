import assert from 'node:assert/strict'
import { Metrics } from '../../src/base/metrics'

describe('metrics', () => {
  it('counts by name and label values', () => {
    const metrics = new Metrics()
    const requests = metrics.counter('requests_total', 'Requests.', ['operation', 'code'])
    const reads = requests.with('read', '2.05')
    reads.add()
    reads.add(2)
    requests.with('read', '4.04').add()
    assert.equal(requests.with('read', '2.05'), reads)
    const plain = metrics.counter('starts_total', 'Starts.', [])
    plain.with().add()
    assert.deepEqual(
      [...metrics].map(({ name, labels, ...rest }) => [
        name,
        labels,
        [...metrics].length,
        rest.help,
      ]),
      [
        ['requests_total', ['operation', 'code'], 2, 'Requests.'],
        ['starts_total', [], 2, 'Starts.'],
      ],
    )
    assert.deepEqual(
      [...requests],
      [
        [['read', '2.05'], 3],
        [['read', '4.04'], 1],
      ],
    )
    assert.deepEqual([...plain], [[[], 1]])
  })

  it('tells apart so many label values and no more', () => {
    const formats = new Metrics().counter('formats_total', 'Formats.', ['format'], 2)
    for (const format of ['1', '2', '3', '4', '1', '5']) formats.with(format).add()
    assert.deepEqual(
      [...formats],
      [
        [['1'], 2],
        [['2'], 1],
        [['other'], 3],
      ],
    )
  })

  it('refuses a name twice', () => {
    const metrics = new Metrics()
    metrics.counter('a_total', 'A.', [])
    assert.throws(() => metrics.counter('a_total', 'A.', []), RangeError)
  })
})
