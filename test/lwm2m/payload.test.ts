import assert from 'node:assert/strict'
import { runInNewContext } from 'node:vm'
import { EncodeError } from '../../src/lwm2m/formats/codec'
import { builtinModel } from '../../src/lwm2m/model/object-model'
import { Path } from '../../src/lwm2m/path'
import { payloadToRecords, type PayloadOptions, recordsToPayload } from '../../src/lwm2m/payload'
import { ObjectLink } from '../../src/lwm2m/value'
import { type Plain, plain, records } from './support/vectors'

const resource = (path: Path) =>
  builtinModel()
    .object(path.object ?? -1)
    ?.resources.get(path.resource ?? -1)

function view(values: Plain, base: string, options: PayloadOptions = { resource }): unknown {
  return recordsToPayload(records(values), Path.parse(base), options)
}

describe('records as message payload', () => {
  it('a single resource is its value', () => {
    assert.equal(view({ '/3/0/9': 85 }, '/3/0/9'), 85)
    assert.equal(view({ '/3/0/6/1': 5 }, '/3/0/6/1'), 5)
    const bytes = Buffer.from([1])
    assert.equal(view({ '/0/0/3': bytes }, '/0/0/3'), bytes)
    assert.equal(view({}, '/3/0/9'), undefined)
  })

  it('a multiple resource is an object by instance id, even if it is empty', () => {
    assert.deepEqual(view({ '/3/0/6/0': 1, '/3/0/6/3': 5 }, '/3/0/6'), { 0: 1, 3: 5 })
    assert.deepEqual(view({}, '/3/0/6'), {})
  })

  it('an instance is an object by resource id, an object one level more', () => {
    const values = { '/3/0/9': 85, '/3/0/6/0': 1, '/3/0/6/1': 5, '/3/0/0': 'x' }
    assert.deepEqual(view(values, '/3/0'), { 0: 'x', 6: { 0: 1, 1: 5 }, 9: 85 })
    assert.deepEqual(view(values, '/3'), { 0: { 0: 'x', 6: { 0: 1, 1: 5 }, 9: 85 } })
    assert.deepEqual(view(values, '/'), { 3: { 0: { 0: 'x', 6: { 0: 1, 1: 5 }, 9: 85 } } })
    assert.deepEqual(view({}, '/3/0'), {})
  })

  it('end devices behind a gateway are at the level of the objects', () => {
    const values = { '/3/0/9': 85, '/d1/3/0/9': 20 }
    assert.deepEqual(view(values, '/'), { 3: { 0: { 9: 85 } }, d1: { 3: { 0: { 9: 20 } } } })
    assert.deepEqual(view({ '/d1/3/0/9': 20 }, '/d1/3/0'), { 9: 20 })
    assert.equal(view({ '/d1/3/0/9': 20 }, '/d1/3/0/9'), 20)
  })

  it('keys are names on request', () => {
    const key = (path: Path): string => resource(path)?.name ?? `object ${path.object}`
    const values = { '/3/0/9': 85, '/3/0/6/1': 5 }
    const options = { resource, key }
    assert.deepEqual(view(values, '/3/0', options), {
      'Battery Level': 85,
      'Available Power Sources': { 1: 5 },
    })
    assert.deepEqual(view({ '/3/0/9': 85 }, '/', options), {
      'object 3': { 0: { 'Battery Level': 85 } },
    })
  })

  it('has the newest of several values of one resource', () => {
    const path = Path.parse('/3303/0/5700')
    const history = [
      { path, value: 21, time: 2000 },
      { path, value: 22, time: 3000 },
      { path, value: 20, time: 1000 },
    ]
    assert.equal(recordsToPayload(history, path), 22)
    assert.deepEqual(recordsToPayload(history, path.at(2)), { 5700: 22 })
  })

  it('names cannot modify prototypes', () => {
    const options = { resource, key: () => '__proto__' }
    const payload = view({ '/3/0/9': 85, '/3/0/6/1': 5 }, '/3/0', options)
    assert.equal(Object.getPrototypeOf(payload), Object.prototype)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })
})

function read(payload: unknown, base: string): Plain {
  return plain(payloadToRecords(payload, Path.parse(base), resource))
}

function refused(payload: unknown, base: string, message: RegExp): void {
  assert.throws(
    () => read(payload, base),
    (error) => error instanceof EncodeError && message.test(error.message),
    `${message}`,
  )
}

describe('message payload as records', () => {
  it('converts a value of a single resource by the model', () => {
    assert.deepEqual(read('85', '/3/0/9'), { '/3/0/9': 85 })
    assert.deepEqual(read(1, '/1/0/6'), { '/1/0/6': true })
    assert.deepEqual(read(1367491215, '/3/0/13'), { '/3/0/13': new Date(1367491215_000) })
    assert.deepEqual(read('2013-05-02T10:40:15Z', '/3/0/13'), {
      '/3/0/13': new Date(1367491215_000),
    })
    assert.deepEqual(read('21:0', '/0/0/17'), { '/0/0/17': new ObjectLink(21, 0) })
    assert.deepEqual(read('0xabcd', '/0/0/3'), { '/0/0/3': Buffer.from([0xab, 0xcd]) })
    assert.deepEqual(read(2n ** 64n - 1n, '/0/0/13'), { '/0/0/13': 2n ** 64n - 1n })
  })

  it('converts bytes, also in the JSON form of a Buffer', () => {
    const bytes = Buffer.from([1, 2])
    assert.deepEqual(read(bytes, '/0/0/3'), { '/0/0/3': bytes })
    assert.deepEqual(read(JSON.parse(JSON.stringify(bytes)), '/0/0/3'), { '/0/0/3': bytes })
    assert.deepEqual(read({ 3: JSON.parse(JSON.stringify(bytes)) }, '/0/0'), { '/0/0/3': bytes })
  })

  it('converts a multiple resource from an array or an object', () => {
    assert.deepEqual(read([1, '5'], '/3/0/6'), { '/3/0/6/0': 1, '/3/0/6/1': 5 })
    assert.deepEqual(read({ 3: 7 }, '/3/0/6'), { '/3/0/6/3': 7 })
    assert.deepEqual(read([], '/3/0/6'), {})
    assert.deepEqual(read(7, '/3/0/6/3'), { '/3/0/6/3': 7 })
  })

  it('converts instances and objects from trees', () => {
    assert.deepEqual(read({ 14: '+02:00', 15: 'Europe/Paris' }, '/3/0'), {
      '/3/0/14': '+02:00',
      '/3/0/15': 'Europe/Paris',
    })
    assert.deepEqual(read({ 0: { 6: [1] }, 1: { 9: 5 } }, '/3'), {
      '/3/0/6/0': 1,
      '/3/1/9': 5,
    })
    assert.deepEqual(read({ 3: { 0: { 9: 5 } } }, '/'), { '/3/0/9': 5 })
    assert.deepEqual(read({}, '/3/0'), {})
  })

  it('accepts names as keys with a lookup', () => {
    const name = (parent: Path, text: string): number | undefined =>
      parent.toString() === '/3/0' && text === 'Timezone' ? 15 : undefined
    const found = payloadToRecords({ Timezone: 'UTC' }, Path.parse('/3/0'), resource, name)
    assert.deepEqual(plain(found), { '/3/0/15': 'UTC' })
    assert.throws(
      () => payloadToRecords({ Zone: 'UTC' }, Path.parse('/3/0'), resource, name),
      /"Zone" below \/3\/0 is neither an id nor a name/,
    )
  })

  it('accepts dates and bytes from the sandbox of a function node', () => {
    const sandboxed = (code: string): unknown => runInNewContext(code) as unknown
    const date = sandboxed('new Date(1367491215000)')
    assert.equal(date instanceof Date, false)
    const [time] = payloadToRecords(date, Path.parse('/3/0/13'), resource)
    assert.ok(time?.value instanceof Date)
    assert.equal(time.value.getTime(), 1_367_491_215_000)
    const bytes = sandboxed('new Uint8Array([1, 2])')
    const [opaque] = payloadToRecords(bytes, Path.parse('/5/0/0'), resource)
    assert.ok(opaque?.value instanceof Uint8Array)
    assert.deepEqual([...opaque.value], [1, 2])
  })

  it('keeps values of unknown resources unchanged', () => {
    assert.deepEqual(read('5', '/40000/0/1'), { '/40000/0/1': '5' })
    assert.deepEqual(read([1, 2], '/40000/0/1'), { '/40000/0/1/0': 1, '/40000/0/1/1': 2 })
  })

  it('rejects invalid payloads and says what is expected', () => {
    refused('x', '/3/0/9', /\/3\/0\/9 \(Battery Level\): "x" is not a valid Integer/)
    refused(1, '/3/0/6', /has instances: give \{0: …\} or an array/)
    refused([1], '/3/0/9', /takes a single value/)
    refused({ a: 1 }, '/3/0/9', /takes a single value/)
    refused(5, '/3/0', /takes an object of values, such as \{"5601": 1\}/)
    refused([5], '/3/0', /takes an object/)
    refused(null, '/3/0/9', /no value for \/3\/0\/9/)
    refused(undefined, '/3/0/9', /no value/)
    refused({ 9: null }, '/3/0', /no value for \/3\/0\/9/)
    refused({ x: 1 }, '/3/0', /"x" below \/3\/0 is neither an id nor a name/)
    refused({ 65535: 1 }, '/3/0', /"65535" below \/3\/0 is neither an id/)
    refused(() => 1, '/3/0/9', /not function/)
    refused({ 9: { 0: { 0: 1 } } }, '/3/0', /takes a single value/)
    refused([[1]], '/3/0/6', /single value/)
    refused('now', '/3/0/4', /executed/)
  })
})
