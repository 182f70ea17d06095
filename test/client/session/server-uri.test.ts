import assert from 'node:assert/strict'
import { parsePackageUri } from '../../../src/client/behaviours/package-fetch'
import { parseServerUri } from '../../../src/client/session/server-uri'

describe('client server URIs', () => {
  it('parses host and port', () => {
    const read = (text: string): unknown[] => {
      const { secure, host, port } = parseServerUri(text)
      return [secure, host, port]
    }
    assert.deepEqual(read('coap://example.org'), [false, 'example.org', 5683])
    assert.deepEqual(read('coaps://example.org'), [true, 'example.org', 5684])
    assert.deepEqual(read('coap://192.0.2.1:5783/'), [false, '192.0.2.1', 5783])
    assert.deepEqual(read('coaps://[2001:db8::1]:1'), [true, '2001:db8::1', 1])
    assert.deepEqual(read('coap://[fe80::1%25eth0]'), [false, 'fe80::1%eth0', 5683])
    assert.deepEqual(read('coaps://[fe80::1%eth0]:1'), [true, 'fe80::1%eth0', 1])
    assert.deepEqual(read(' COAP://[::1] '), [false, '::1', 5683])
  })

  for (const text of [
    '',
    'example.org',
    'http://example.org',
    'coap://',
    'coap://host:0',
    'coap://host:65536',
    'coap://host/rd',
    'coap://a b',
    'coap://u@host',
  ]) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseServerUri(text), { code: 'invalid-argument' })
    })
  }

  it('parses the URI of a package', () => {
    const uri = parsePackageUri('coap://host:1/fw/a%20b?x=1&y')
    assert.deepEqual([uri.server.port, uri.path, uri.query], [1, ['fw', 'a b'], ['x=1', 'y']])
    assert.deepEqual(parsePackageUri('coaps://host').path, [])
    assert.throws(() => parsePackageUri('https://host/fw'), { code: 'unsupported-protocol' })
    assert.throws(() => parsePackageUri('nonsense'), { code: 'invalid-argument' })
    assert.throws(() => parsePackageUri('coap://host/%zz'), { code: 'invalid-argument' })
  })
})
