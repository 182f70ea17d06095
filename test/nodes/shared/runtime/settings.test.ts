import assert from 'node:assert/strict'
import type { NodeAPI } from 'node-red'
import { keepable } from '../../../../nodes/shared/actions/keepable'
import { mergeKeys } from '../../../../nodes/shared/server/key-vault'
import {
  coapsOptions,
  credentialInputs,
  serverOptions,
} from '../../../../nodes/shared/server/server-settings'
import { restorePem } from '../../../../nodes/shared/server/pem'
import { migrate, Settings } from '../../../../nodes/shared/runtime/settings'

describe('Settings', () => {
  it('reads numbers as numbers or text, and says what is wrong', () => {
    const settings = new Settings({ a: '5', b: 7, c: '', d: 'x', e: '0' })
    assert.equal(settings.number('a'), 5)
    assert.equal(settings.number('b'), 7)
    assert.equal(settings.number('c'), undefined)
    assert.equal(settings.number('missing'), undefined)
    assert.throws(() => settings.number('d'), {
      code: 'invalid-setting',
      message: 'd is "x", it must be a number',
    })
    assert.throws(() => settings.number('e', { min: 1, max: 9 }), {
      message: 'e is 0, it must be from 1 to 9',
    })
    assert.throws(() => settings.number('b', { max: 6 }), { message: /at most 6/ })
    assert.throws(() => settings.number('e', { min: 1 }), { message: /at least 1/ })
  })

  it('reads choices, flags, lists and JSON', () => {
    const settings = new Settings({
      choice: 'b',
      wrong: 'z',
      on: true,
      text: 'true',
      off: 'false',
      list: 'one, two\nthree,',
      array: ['one', 2],
      json: '{"a":1}',
      broken: '{',
    })
    assert.equal(settings.choice('choice', ['a', 'b'], 'a'), 'b')
    assert.equal(settings.choice('missing', ['a', 'b'], 'a'), 'a')
    assert.throws(() => settings.choice('wrong', ['a', 'b'], 'a'), { code: 'invalid-setting' })
    assert.equal(settings.flag('on'), true)
    assert.equal(settings.flag('text'), true)
    assert.equal(settings.flag('off', true), false)
    assert.equal(settings.flag('missing', true), true)
    assert.deepEqual(settings.texts('list'), ['one', 'two', 'three'])
    assert.deepEqual(settings.texts('array'), ['one', '2'])
    assert.deepEqual(settings.json('json'), { a: 1 })
    assert.throws(() => settings.json('broken'), { code: 'invalid-setting' })
  })
})

describe('migrate', () => {
  const migrations = [
    (saved: object) => ({ ...saved, port: '5683' }),
    (saved: object) => ({ ...saved, host: '::' }),
  ]

  it('brings an old definition to the present version, step by step', () => {
    assert.deepEqual(migrate({ a: 1 }, migrations), { a: 1, port: '5683', host: '::' })
    assert.deepEqual(migrate({ version: 2 }, migrations), { version: 2, host: '::' })
    assert.deepEqual(migrate({ version: 3 }, migrations), { version: 3 })
  })

  it('refuses one of a newer package', () => {
    assert.throws(() => migrate({ version: 4 }, migrations), {
      code: 'invalid-setting',
      message: /version 4.*up to 3.*update/,
    })
  })
})

describe('server settings', () => {
  const options = (definition: object) => serverOptions(new Settings({ ...definition }))

  it('serves CoAP on 5683 and nothing else unless told so', () => {
    const { coap, bootstrap } = options({})
    assert.deepEqual(coap, { port: 5683 })
    assert.equal(bootstrap, false)
    assert.equal(coapsOptions(new Settings({})), false)
  })

  it('turns seconds and kilobytes into what the engine counts in', () => {
    const { transmission, queue, awakeWindow, awakeWindows, lifetime } = options({
      ackTimeout: '0.5',
      maxBody: '64',
      blockSize: '256',
      queueTtl: '60',
      awakeWindow: '30',
      awakeWindows: [{ pattern: 'meter-*', seconds: '10' }, { pattern: '' }],
      lifetimeMin: '15',
    })
    assert.equal(transmission?.ackTimeout, 500)
    assert.equal(transmission?.maxBody, 65_536)
    assert.equal(transmission?.blockSize, 256)
    assert.equal(queue?.ttl, 60_000)
    assert.equal(awakeWindow, 30_000)
    assert.deepEqual(awakeWindows, { 'meter-*': 10_000 })
    assert.equal(lifetime?.min, 15)
  })

  it('reads formats by pattern, and the version of devices that name none', () => {
    const { formats, defaultVersion } = options({
      formats: [
        { pattern: 'meter-*', format: 'tlv' },
        { pattern: 'old', format: 'none' },
        { pattern: '', format: 'cbor' },
      ],
      defaultVersion: '1.0',
    })
    assert.deepEqual(formats, { 'meter-*': 11542, old: 'none' })
    assert.equal(defaultVersion, '1.0')
    assert.equal('defaultVersion' in options({}), false)
  })

  it('leaves empty budgets to the engine', () => {
    assert.deepEqual(options({ budgetRegistrations: '', budgetObjectLists: '' }).budgets, {})
    const { budgets } = options({
      budgetRegistrations: '1000',
      budgetObjectLists: '512',
      budgetAttributes: '64',
      budgetRegisters: '60',
      budgetUnlimited: '0',
    })
    assert.deepEqual(budgets, {
      registrations: 1000,
      objectLists: 524_288,
      attributes: 65_536,
      registersPerMinute: 60,
      unlimitedLifetimes: 0,
    })
  })

  for (const [what, definition] of [
    ['a port beyond 65535', { port: '70000' }],
    ['a block size that is not a power of two', { blockSize: '100' }],
    ['a block size beyond 1024', { blockSize: '2048' }],
    ['an awake window that is not a number', { awakeWindows: [{ pattern: 'a', seconds: 'b' }] }],
    ['a content format that there is not', { formats: [{ pattern: 'a', format: 'xml' }] }],
    ['a version that there is not', { defaultVersion: '0.9' }],
    ['a budget of nothing', { budgetRegistrations: '0' }],
    ['an unknown policy', { onReregister: 'forget' }],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => options(definition), { code: 'invalid-setting' })
    })
  }

  it('turns Connection IDs off and handshakes of its own on', () => {
    const on = coapsOptions(new Settings({ coaps: true }))
    const off = coapsOptions(new Settings({ coaps: true, connectionIds: false, host: '127.0.0.1' }))
    assert.deepEqual(on, { port: 5684, startHandshakes: false })
    assert.deepEqual(off, {
      host: '127.0.0.1',
      port: 5684,
      startHandshakes: false,
      connectionIdLength: 0,
    })
    const starting = coapsOptions(new Settings({ coaps: true, startHandshakes: true }))
    assert.equal(starting && starting.startHandshakes, true)
  })

  it('joins entries with their keys, each mode with its own properties only', () => {
    const settings = new Settings({
      devices: [
        { id: 'a', endpoint: 'dev1', mode: 'psk', identity: 'one', keyFormat: 'hex', name: 'x' },
        { id: 'b', endpoint: 'dev2', mode: 'rpk', publicKey: 'PEM', identity: 'two' },
        { id: 'c', endpoint: 'dev3', mode: 'x509', name: 'cn', keyFormat: 'hex' },
      ],
    })
    const inputs = credentialInputs(settings, { a: '0011', b: 'ff' })
    assert.deepEqual(JSON.parse(JSON.stringify(inputs)), [
      { endpoint: 'dev1', mode: 'psk', identity: 'one', keyFormat: 'hex', key: '0011' },
      { endpoint: 'dev2', mode: 'rpk', publicKey: 'PEM' },
      { endpoint: 'dev3', mode: 'x509', name: 'cn' },
    ])
  })
})

describe('mergeKeys', () => {
  function merge(
    secrets: { keys?: string; keysUpdate?: string; serverKey?: string },
    ids: string[],
  ) {
    let saved: unknown
    const RED = {
      nodes: {
        addCredentials(_id: string, creds: unknown) {
          saved = creds
          return Promise.resolve()
        },
      },
    } as unknown as NodeAPI
    return { keys: mergeKeys(RED, 'n', secrets, new Set(ids)), saved }
  }

  it('puts an update over what is kept, and keeps that', () => {
    const { keys, saved } = merge(
      { keys: '{"a":"1","b":"2"}', keysUpdate: '{"b":"3","c":"4"}', serverKey: 'pem' },
      ['a', 'b', 'c'],
    )
    assert.deepEqual(keys, { a: '1', b: '3', c: '4' })
    assert.deepEqual(saved, { keys: '{"a":"1","b":"3","c":"4"}', keysUpdate: '', serverKey: 'pem' })
  })

  it('drops keys of entries that are gone', () => {
    assert.deepEqual(merge({ keys: '{"a":"1","b":"2"}' }, ['b']).keys, { b: '2' })
  })

  it('writes nothing when nothing changed', () => {
    assert.equal(merge({ keys: '{"a":"1"}' }, ['a']).saved, undefined)
    assert.equal(merge({}, []).saved, undefined)
  })

  it('takes what cannot be read for nothing', () => {
    assert.deepEqual(merge({ keys: 'not JSON', keysUpdate: '7' }, ['a']).keys, {})
  })
})

describe('keepable', () => {
  it('keeps plain data and leaves the rest', () => {
    const cycle: { [name: string]: unknown } = {}
    cycle['self'] = cycle
    const kept = keepable({
      reqID: 5,
      nested: { a: [1, 'two', null] },
      req: new (class Request {})(),
      call: () => 1,
      bytes: Buffer.from('x'),
      when: new Date(),
      big: 1n,
      nothing: NaN,
      cycle,
      long: 'x'.repeat(20_000),
    })
    assert.deepEqual(kept, { reqID: 5, nested: { a: [1, 'two', null] } })
  })
})

describe('restorePem', () => {
  const body = 'A'.repeat(70)
  const pem = `-----BEGIN EC PRIVATE KEY-----\n${'A'.repeat(64)}\nAAAAAA\n-----END EC PRIVATE KEY-----\n`

  it('gives a key its line breaks back', () => {
    assert.equal(
      restorePem(`-----BEGIN EC PRIVATE KEY-----${body}-----END EC PRIVATE KEY-----`),
      pem,
    )
    assert.equal(
      restorePem(`-----BEGIN EC PRIVATE KEY----- ${body} -----END EC PRIVATE KEY-----`),
      pem,
    )
  })

  it('leaves anything else alone', () => assert.equal(restorePem('no key'), 'no key'))
})
