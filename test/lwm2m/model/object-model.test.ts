import assert from 'node:assert/strict'
import { ContentFormat, decode } from '../../../src/lwm2m/formats'
import type { ObjectDefinition } from '../../../src/lwm2m/model/definition'
import { builtinModel, modelWith } from '../../../src/lwm2m/model/object-model'
import { parseRange } from '../../../src/lwm2m/model/range'
import { Path } from '../../../src/lwm2m/path'
import type { ResourceType } from '../../../src/lwm2m/value'
import { compareVersions, defaultObjectVersion } from '../../../src/lwm2m/versions'

function definition(id: number, version: string, name: string): ObjectDefinition {
  return { id, version, name, urn: '', multiple: false, mandatory: false, resources: new Map() }
}

describe('built-in object model', () => {
  it('contains the registry', () => {
    const model = builtinModel()
    assert.equal(model, builtinModel())
    const device = model.object(3, '1.1')
    assert.equal(device?.name, 'Device')
    assert.equal(device.mandatory, true)
    assert.equal(device.multiple, false)
    assert.deepEqual(device.resources.get(9), {
      id: 9,
      name: 'Battery Level',
      type: 'Integer',
      operations: 'R',
      multiple: false,
      mandatory: false,
      units: '%',
      range: '0..100',
    })
    assert.equal(device.resources.get(4)?.type, 'None')
    assert.equal(device.resources.get(4)?.operations, 'E')
    assert.equal(model.object(3303)?.resources.get(5700)?.type, 'Float')
    assert.equal(model.object(25)?.resources.get(3)?.type, 'Corelnk')
    assert.equal(model.object(64_000), undefined)
    assert.ok([...model.objects()].length > 300)
  })

  it('has a type and valid operations for every resource', () => {
    const types = new Set(
      'String,Integer,Unsigned Integer,Float,Boolean,Opaque,Time,Objlnk,Corelnk,None'.split(','),
    )
    for (const { id, resources } of builtinModel().objects()) {
      for (const [key, resource] of resources) {
        assert.equal(resource.id, key)
        assert.ok(types.has(resource.type), `/${id}/${key}`)
        assert.ok(['', 'R', 'W', 'RW', 'E'].includes(resource.operations), `/${id}/${key}`)
      }
    }
  })

  it('has earlier versions of objects', () => {
    const model = builtinModel()
    const bytes = Buffer.from('c40f00013880', 'hex')
    const read = (version: string): unknown =>
      decode(ContentFormat.TLV, bytes, {
        base: Path.parse('/3416/0/15'),
        resource: () => model.object(3416, version)?.resources.get(15),
      })[0]?.value
    assert.equal(read('1.0'), 80000)
    assert.ok((read('2.0') as number) < 1)
    assert.ok([...model.objects()].length >= 424)
  })

  it('returns the requested version, else the newest', () => {
    const model = builtinModel()
    assert.equal(model.object(0, '1.0')?.resources.has(17), false)
    assert.equal(model.object(0, '1.1')?.resources.has(17), true)
    assert.equal(model.object(0)?.version, '1.2')
    assert.equal(model.object(21)?.version, '2.0')
  })
})

describe('object model with user definitions', () => {
  const model = modelWith([
    definition(40000, '1.0', 'a'),
    definition(40000, '1.2', 'b'),
    definition(40000, '1.10', 'c'),
    definition(40000, '2.0', 'd'),
    definition(3, '1.1', 'My Device'),
  ])

  const matches: readonly (readonly [string | undefined, string])[] = [
    ['1.0', 'a'],
    ['1.2', 'b'],
    ['1.10', 'c'],
    ['2.0', 'd'],
    [undefined, 'd'],
    // Of the same major version the nearest minor one.
    ['1.1', 'b'],
    ['1.3', 'b'],
    ['1.9', 'c'],
    ['1.99', 'c'],
    ['2.7', 'd'],
    // Else the newest.
    ['3.0', 'd'],
    ['x', 'd'],
  ]
  for (const [version, name] of matches) {
    it(`returns ${name} as best match of ${version ?? 'no version'}`, () => {
      assert.equal(model.object(40000, version)?.name, name)
      assert.equal(model.object(40000, version)?.name, name)
    })
  }

  it('replaces built-in ones of the same version only', () => {
    assert.equal(model.object(3, '1.1')?.name, 'My Device')
    assert.equal(model.object(3, '1.0')?.name, 'Device')
    assert.equal(builtinModel().object(3, '1.1')?.name, 'Device')
    const versions = [...model.objects()].filter(({ id }) => id === 3).map(({ version }) => version)
    assert.equal(new Set(versions).size, versions.length)
  })

  it('limits the cache of versions that devices invent', () => {
    for (let i = 0; i < 10_000; i++) assert.equal(model.object(40000, `9.${i}`)?.name, 'd')
    assert.equal(model.object(40000, '1.2')?.name, 'b')
  })
})

describe('object model for a version with an unknown major version', () => {
  const of = (
    version: string,
    types: { readonly [id: number]: ResourceType },
  ): ObjectDefinition => ({
    ...definition(40000, version, version),
    resources: new Map(
      Object.entries(types).map(([id, type]) => [
        Number(id),
        {
          id: Number(id),
          name: `R${id}`,
          type,
          operations: 'R',
          multiple: false,
          mandatory: false,
        },
      ]),
    ),
  })
  const model = modelWith([
    of('1.0', { 1: 'Integer', 2: 'Integer' }),
    of('2.0', { 1: 'Integer', 2: 'Float', 3: 'String' }),
  ])

  it('omits the resources whose types differ between the known versions', () => {
    const found = model.object(40000, '3.0')
    assert.deepEqual([...(found?.resources.keys() ?? [])], [1, 3])
    assert.deepEqual(found?.ambiguous, new Set([2]))
  })

  it('keeps all resources if the major version is known', () => {
    assert.equal(model.object(40000, '1.7')?.resources.get(2)?.type, 'Integer')
    assert.equal(model.object(40000, '2.7')?.resources.get(2)?.type, 'Float')
    assert.equal(model.object(40000, '2.7')?.ambiguous, undefined)
    assert.equal(model.object(40000)?.resources.get(2)?.type, 'Float')
  })
})

describe('object versions', () => {
  it('follow from the LwM2M version if a device sends none', () => {
    const core = (version: string) =>
      [0, 1, 2, 3, 4, 5, 6, 7, 21].map((object) => defaultObjectVersion(object, version))
    assert.deepEqual(core('1.0').slice(0, 8), Array(8).fill('1.0'))
    assert.deepEqual(core('1.1'), ['1.1', '1.1', '1.0', '1.1', '1.2', '1.0', '1.0', '1.0', '1.0'])
    assert.equal(defaultObjectVersion(3, '1.2'), '1.2')
    assert.equal(defaultObjectVersion(21, '1.2'), '2.0')
    assert.equal(defaultObjectVersion(3303, '1.1'), '1.0')
    assert.equal(defaultObjectVersion(3, '9.9'), undefined)
  })

  it('are compared as numbers', () => {
    const sorted = ['1.10', '2.0', 'x', '1.2', '1'].sort(compareVersions)
    assert.deepEqual(sorted, ['x', '1', '1.2', '1.10', '2.0'])
  })
})

describe('ranges of the registry', () => {
  const ranges: readonly (readonly [string, ReturnType<typeof parseRange>])[] = [
    ['0..100', { min: 0, max: 100 }],
    ['1...15', { min: 1, max: 15 }],
    ['0-255', { min: 0, max: 255 }],
    ['1-65534', { min: 1, max: 65534 }],
    ['-30..46', { min: -30, max: 46 }],
    ['-140..-44', { min: -140, max: -44 }],
    ['-100.0..100.0', { min: -100, max: 100 }],
    ['0.000001..1.0', { min: 0.000001, max: 1 }],
    ['-30..-120', { min: -120, max: -30 }],
    ['0,1,2', { values: [0, 1, 2] }],
    ['5, 10, 15, 20', { values: [5, 10, 15, 20] }],
    ['16-32-48', undefined],
    ['0..255 bytes', undefined],
    ['1..64 Bytes', undefined],
    ['0-255 bytes', undefined],
    ['8 bit', undefined],
    ['2 Instances', undefined],
    ['12', undefined],
    ['0..247, 255', undefined],
    ['0; 3.8..20.5', undefined],
    [
      '1: normal 2: remote 3: local',
      { values: [1, 2, 3], labels: { 1: 'normal', 2: 'remote', 3: 'local' } },
    ],
    [
      '0: RELEASED 1: PRESSED 2: FAULT',
      { values: [0, 1, 2], labels: { 0: 'RELEASED', 1: 'PRESSED', 2: 'FAULT' } },
    ],
    ['', undefined],
    ['hello', undefined],
  ]
  for (const [text, range] of ranges) {
    it(JSON.stringify(text), () => assert.deepEqual(parseRange(text), range))
  }

  it('parses 64-bit bounds as the nearest double', () => {
    assert.deepEqual(parseRange('0..18446744073709551615'), { min: 0, max: 2 ** 64 })
    assert.equal(parseRange(undefined), undefined)
  })
})
