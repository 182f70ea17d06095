import assert from 'node:assert/strict'
import { LinkFormatError } from '../../src/lwm2m/link-format'
import {
  formatBootstrapInventory,
  formatObjectList,
  parseBootstrapInventory,
  parseObjectList,
} from '../../src/lwm2m/object-links'
import { Path } from '../../src/lwm2m/path'

describe('object list of a registration (Core §6.2.1)', () => {
  it('has objects, versions and instances', () => {
    const text = '</>;rt="oma.lwm2m";ct=112,</1>;ver=1.1,</1/0>,</3/0>,</5>,</3303/1>,</3303/0>'
    assert.deepEqual(parseObjectList(Buffer.from(text)), {
      root: '',
      contentFormats: [112],
      objects: [
        { id: 1, version: '1.1', instances: [0] },
        { id: 3, instances: [0] },
        { id: 5, instances: [] },
        { id: 3303, instances: [0, 1] },
      ],
    })
  })

  it('accepts the version quoted or not, and after the instances', () => {
    const { objects } = parseObjectList('</3/0>,</3>;ver="1.2",</4>;ver=1.3,</5>;ver=x')
    assert.deepEqual(objects, [
      { id: 3, version: '1.2', instances: [0] },
      { id: 4, version: '1.3', instances: [] },
      { id: 5, instances: [] },
    ])
  })

  it('accepts a list of formats', () => {
    assert.deepEqual(
      parseObjectList('</>;ct="60 110 112";rt="oma.lwm2m"').contentFormats,
      [60, 110, 112],
    )
    assert.deepEqual(
      parseObjectList('</>;ct=60 110 112;rt="oma.lwm2m",</3/0>').contentFormats,
      [60, 110, 112],
    )
    assert.deepEqual(parseObjectList('</>;ct="60 x 70000 11542"').contentFormats, [60, 11542])
  })

  it('accepts the version of an instance, unless the object has one', () => {
    const list = parseObjectList('</3303/0>;ver=1.1,</3303/1>,</4/0>;ver=1.1,</4>;ver=1.2')
    assert.deepEqual(
      list.objects.map(({ id, version }) => [id, version]),
      [
        [3303, '1.1'],
        [4, '1.2'],
      ],
    )
  })

  it('detects and removes the alternate root', () => {
    const text = '</lwm2m>;rt="oma.lwm2m";ct=110,</lwm2m/1/0>,</lwm2m/3/0>,</3/7>,</lwm2mx/5/0>'
    assert.deepEqual(parseObjectList(text), {
      root: 'lwm2m',
      contentFormats: [110],
      objects: [
        { id: 1, instances: [0] },
        { id: 3, instances: [0] },
      ],
    })
    assert.equal(parseObjectList('</a/b>;rt="x oma.lwm2m",</a/b/3/0>').root, 'a/b')
    assert.deepEqual(parseObjectList('</a/b/>;rt="oma.lwm2m",</a/b/3/0>').objects, [
      { id: 3, instances: [0] },
    ])
    assert.throws(() => parseObjectList('</3>;rt="oma.lwm2m",</3/0>'), LinkFormatError)
  })

  it('ignores links that are not LwM2M paths', () => {
    const text =
      '</sensors/temp>;rt="x",</.well-known/core>,</3/0>,</65535/0>,</3/99999>,</1/2/3/4/5>'
    assert.deepEqual(parseObjectList(text).objects, [{ id: 3, instances: [0] }])
  })

  it('counts an instance listed twice once, and one of a deeper link', () => {
    assert.deepEqual(parseObjectList('</3/0>,</3/0>,</3/1/9>').objects, [
      { id: 3, instances: [0, 1] },
    ])
  })

  it('identifies end devices behind a gateway by their prefix', () => {
    assert.deepEqual(parseObjectList('</3/0>,</d01/3/0>,</d01/3303>;ver=1.1').objects, [
      { id: 3, instances: [0] },
      { id: 3, instances: [0], prefix: 'd01' },
      { id: 3303, version: '1.1', instances: [], prefix: 'd01' },
    ])
  })

  it('is formatted as it was parsed', () => {
    const text =
      '</lwm2m>;rt="oma.lwm2m";ct="110 112",</lwm2m/1>;ver=1.1,</lwm2m/1/0>,</lwm2m/5>,' +
      '</lwm2m/3303/0>,</lwm2m/3303/4>,</lwm2m/d1/3/0>'
    assert.equal(formatObjectList(parseObjectList(text)), text)
    assert.equal(formatObjectList({ objects: [{ id: 3, instances: [0] }] }), '</3/0>')
    assert.equal(
      formatObjectList({ contentFormats: [112], objects: [] }),
      '</>;rt="oma.lwm2m";ct=112',
    )
  })
})

describe('Bootstrap-Discover response (Core §6.1.7.3)', () => {
  it('has accounts, their URIs and the bootstrap account', () => {
    const text =
      '</>;lwm2m=1.1,</0/0>;ssid=101;uri="coaps://server_1.example.com",</0/1>,' +
      '</0/2>;ssid=102;uri="coaps://server_2.example.com",</1/0>;ssid=101,</3>;ver=1.1,</3/0>,</4>'
    const read = parseBootstrapInventory(Buffer.from(text))
    assert.deepEqual(read, {
      lwm2mVersion: '1.1',
      links: [
        {
          path: Path.parse('/0/0'),
          shortServerId: 101,
          uri: 'coaps://server_1.example.com',
        },
        { path: Path.parse('/0/1') },
        {
          path: Path.parse('/0/2'),
          shortServerId: 102,
          uri: 'coaps://server_2.example.com',
        },
        { path: Path.parse('/1/0'), shortServerId: 101 },
        { path: Path.parse('/3'), version: '1.1' },
        { path: Path.parse('/3/0') },
        { path: Path.parse('/4') },
      ],
    })
    assert.equal(formatBootstrapInventory(read), text)
  })

  it('accepts the version as written by 1.0, before the links', () => {
    const { lwm2mVersion, links } = parseBootstrapInventory('lwm2m="1.0",</0>,</0/0>;ssid=101')
    assert.equal(lwm2mVersion, '1.0')
    assert.deepEqual(
      links.map(({ path }) => path.toString()),
      ['/0', '/0/0'],
    )
    assert.equal(parseBootstrapInventory('</>;lwm2m="1.2",</3/0>').lwm2mVersion, '1.2')
    assert.deepEqual(parseBootstrapInventory('</1/0>;ssid=x').links, [{ path: Path.parse('/1/0') }])
  })

  it('rejects an invalid link list', () => {
    assert.throws(() => parseBootstrapInventory('</0/0>,'), LinkFormatError)
    assert.throws(() => parseBootstrapInventory(Buffer.from([0xff, 0xfe])), LinkFormatError)
  })
})
