import assert from 'node:assert/strict'
import { formatLinks, LinkFormatError, parseLinks } from '../../src/lwm2m/link-format'
import { cpuTime } from '../support/cpu-time'

type Plain = readonly [target: string, attributes: { readonly [name: string]: string | true }]

function plain(payload: string | Uint8Array): Plain[] {
  return parseLinks(payload).map(({ target, attributes }) => [
    target,
    Object.fromEntries(attributes),
  ])
}

describe('link format (RFC 6690)', () => {
  it('parses the list of a registration', () => {
    const text = '</>;rt="oma.lwm2m";ct=112,</1>;ver=1.1,</1/0>,</3/0>,</5>,</3303/0>'
    assert.deepEqual(plain(text), [
      ['/', { rt: 'oma.lwm2m', ct: '112' }],
      ['/1', { ver: '1.1' }],
      ['/1/0', {}],
      ['/3/0', {}],
      ['/5', {}],
      ['/3303/0', {}],
    ])
  })

  it('parses the Discover responses of the specification', () => {
    assert.deepEqual(plain('</3/0>;pmin=10,</3/0/6>;dim=8,</3/0/7>;dim=8;gt=50;lt=42.2'), [
      ['/3/0', { pmin: '10' }],
      ['/3/0/6', { dim: '8' }],
      ['/3/0/7', { dim: '8', gt: '50', lt: '42.2' }],
    ])
  })

  it('parses the examples of RFC 6690 §5 that have paths', () => {
    assert.deepEqual(
      plain('</sensors/temp>;rt="temperature-c";if="sensor",</sensors/light>;rt="light-lux";ct=40'),
      [
        ['/sensors/temp', { rt: 'temperature-c', if: 'sensor' }],
        ['/sensors/light', { rt: 'light-lux', ct: '40' }],
      ],
    )
    assert.deepEqual(plain('</firmware/v2.1>;rt="firmware";sz=262144'), [
      ['/firmware/v2.1', { rt: 'firmware', sz: '262144' }],
    ])
  })

  it('accepts space around separators, as in examples of the specification', () => {
    assert.deepEqual(plain(' </1/0> , </3/0> ; pmin=5 ;pmax=9\r\n'), [
      ['/1/0', {}],
      ['/3/0', { pmin: '5', pmax: '9' }],
    ])
  })

  it('accepts separators, brackets and escaped quotes inside quotes', () => {
    assert.deepEqual(plain('</3>;title="a<b>, c;d/\\"e\\" \\\\";x=1'), [
      ['/3', { title: 'a<b>, c;d/"e" \\', x: '1' }],
    ])
    assert.deepEqual(plain('</3>;title=""'), [['/3', { title: '' }]])
    assert.deepEqual(plain(Buffer.from('</3>;title="Größe"')), [['/3', { title: 'Größe' }]])
  })

  it('accepts attributes without value, and the first of two with the same name', () => {
    assert.deepEqual(plain('</3>;obs;ct=1;ct=2'), [['/3', { obs: true, ct: '1' }]])
  })

  it('accepts a list of formats without quotes, but no other attribute', () => {
    assert.deepEqual(plain('</>;ct=60 110  112 ;a,</3>;ct=60'), [
      ['/', { ct: '60 110  112', a: true }],
      ['/3', { ct: '60' }],
    ])
    assert.throws(() => parseLinks('</>;rt=60 110'), LinkFormatError)
    assert.throws(() => parseLinks('</>;ct=60 x'), LinkFormatError)
  })

  it('accepts an empty list', () => {
    assert.deepEqual(plain(''), [])
    assert.deepEqual(plain(' \r\n'), [])
  })

  const wrong = [
    '</>;=',
    '</>;param=',
    '</>;="x"',
    '</',
    '<>',
    '<//>',
    '<3/0>',
    '</3//0>',
    '</3/0>,',
    '</3/0>;',
    ',</3/0>',
    '</3/0>,,</4/0>',
    '</3/0></4/0>',
    '</3/0> </4/0>',
    '</3/0>;pmin =5',
    '</3/0>;title="open',
    '</3/0>;title="a\\"',
    '</3/0>;title="a"b',
    '</3/0>;title="a\u0001"',
    '</3/0>;ä=1',
    '</3/0>;a=ä',
    '</ä>',
    '</3 0>',
    '3/0',
    'x',
  ]
  for (const text of wrong) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseLinks(Buffer.from(text)),
        (error) => error instanceof LinkFormatError && error.code === 'link-format',
      )
    })
  }

  it('rejects bytes that are not valid UTF-8', () => {
    const bytes = Buffer.from('</3>;title="?"')
    bytes[12] = 0xff
    assert.throws(() => parseLinks(bytes), /not valid UTF-8/)
  })

  it('limits size, links and attributes', () => {
    assert.throws(() => parseLinks('</3>,</4>', { maxLinks: 1 }), /more than 1 links/)
    assert.throws(() => parseLinks('</3>;a;b', { maxAttributes: 1 }), /more than 1 attributes/)
    assert.throws(() => parseLinks('</3>', { maxBytes: 3 }), /exceed the limit of 3/)
    assert.throws(() => parseLinks(Buffer.alloc((1 << 20) + 1)), LinkFormatError)
    assert.throws(() => parseLinks('</3>,'.repeat(10_000) + '</3>'), /more than 10000 links/)
  })

  it('parses values of any length in linear time', () => {
    const long = 'a\\"'.repeat(300_000)
    assert.equal(
      parseLinks(`</3>;title="${long}"`)[0]?.attributes.get('title')?.toString().length,
      600_000,
    )
    for (const text of [
      `</3>;title="${long}`,
      `</${'3/'.repeat(400_000)}`,
      ' '.repeat(900_000) + 'x',
    ]) {
      const took = cpuTime(() => assert.throws(() => parseLinks(text), LinkFormatError))
      assert.ok(took < 1000, `${took} ms`)
    }
  })

  it('formats numbers and words without quotes and everything else quoted', () => {
    const written = formatLinks([
      { target: '/', attributes: { rt: 'oma.lwm2m', ct: '110 112' } },
      { target: '/1', attributes: new Map([['ver', '1.1']]) },
      { target: '/3/0', attributes: { pmin: 10, gt: -42.5, obs: true, none: undefined } },
      { target: '/5' },
      { target: '/0/1', attributes: { ssid: 101, uri: 'coaps://a:5684', title: 'say "hi" \\' } },
    ])
    assert.equal(
      written,
      '</>;rt="oma.lwm2m";ct="110 112",</1>;ver=1.1,</3/0>;pmin=10;gt=-42.5;obs,</5>,' +
        '</0/1>;ssid=101;uri="coaps://a:5684";title="say \\"hi\\" \\\\"',
    )
    assert.equal(formatLinks(parseLinks(written)), written)
  })
})
