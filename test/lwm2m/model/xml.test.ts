import assert from 'node:assert/strict'
import type { ObjectDefinition } from '../../../src/lwm2m/model/definition'
import { ModelFileError, parseModelXml } from '../../../src/lwm2m/model/xml'

/** As the registry writes it, with a second resource of each peculiarity. */
const VALVE = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="LWM2M.xsd">
  <Object ObjectType="MODefinition">
    <Name>Valve &amp; Pump</Name>
    <Description1><![CDATA[Opens <and> shuts.]]></Description1>
    <ObjectID>32769</ObjectID>
    <ObjectURN>urn:oma:lwm2m:x:32769:1.2</ObjectURN>
    <LWM2MVersion>1.1</LWM2MVersion>
    <ObjectVersion>1.2</ObjectVersion>
    <MultipleInstances>Multiple</MultipleInstances>
    <Mandatory>Optional</Mandatory>
    <Resources>
      <Item ID="0">
        <Name>Position</Name>
        <Operations>RW</Operations>
        <MultipleInstances>Single</MultipleInstances>
        <Mandatory>Mandatory</Mandatory>
        <Type>Integer</Type>
        <RangeEnumeration>0..100</RangeEnumeration>
        <Units>/100</Units>
        <Description>How far it is open.</Description>
      </Item>
      <Item ID="1">
        <Name>Close</Name>
        <Operations>E</Operations>
        <MultipleInstances>Single</MultipleInstances>
        <Mandatory>Optional</Mandatory>
        <Type></Type>
        <RangeEnumeration></RangeEnumeration>
        <Units></Units>
        <Description/>
      </Item>
      <Item ID="26241">
        <Name>Serials</Name>
        <Operations>r</Operations>
        <MultipleInstances>Multiple</MultipleInstances>
        <Mandatory>Optional</Mandatory>
        <Type>unsigned integer</Type>
      </Item>
    </Resources>
    <Description2></Description2>
  </Object>
</LWM2M>
`

function read(xml: string | Uint8Array): ReturnType<typeof parseModelXml> {
  return parseModelXml(typeof xml === 'string' ? Buffer.from(xml) : xml, 'valve.xml')
}

function parse(xml: string | Uint8Array): readonly ObjectDefinition[] {
  return read(xml).definitions
}

describe('OMA object definition files', () => {
  it('define an object and its resources', () => {
    const [object, ...others] = parse(VALVE)
    assert.equal(others.length, 0)
    assert.deepEqual(object, {
      id: 32769,
      name: 'Valve & Pump',
      version: '1.2',
      urn: 'urn:oma:lwm2m:x:32769:1.2',
      multiple: true,
      mandatory: false,
      resources: new Map([
        [
          0,
          {
            id: 0,
            name: 'Position',
            type: 'Integer',
            operations: 'RW',
            multiple: false,
            mandatory: true,
            units: '/100',
            range: '0..100',
          },
        ],
        [
          1,
          {
            id: 1,
            name: 'Close',
            type: 'None',
            operations: 'E',
            multiple: false,
            mandatory: false,
          },
        ],
        [
          26241,
          {
            id: 26241,
            name: 'Serials',
            type: 'Unsigned Integer',
            operations: 'R',
            multiple: true,
            mandatory: false,
          },
        ],
      ]),
    })
  })

  it('may contain several objects without any optional part', () => {
    const found = parse(
      '<LWM2M><Object><ObjectID>1</ObjectID></Object><Object><ObjectID>2</ObjectID></Object></LWM2M>',
    )
    assert.deepEqual(found, [
      {
        id: 1,
        name: 'Object 1',
        version: '1.0',
        urn: '',
        multiple: false,
        mandatory: false,
        resources: new Map(),
      },
      {
        id: 2,
        name: 'Object 2',
        version: '1.0',
        urn: '',
        multiple: false,
        mandatory: false,
        resources: new Map(),
      },
    ])
  })

  it('may have another encoding, or begin with a byte order mark', () => {
    const latin1 = VALVE.replace('UTF-8', 'ISO-8859-1').replace('Position', 'Größe')
    assert.equal(parse(Buffer.from(latin1, 'latin1'))[0]?.resources.get(0)?.name, 'Größe')
    assert.equal(parse(`\ufeff${VALVE}`)[0]?.id, 32769)
  })

  const faults: readonly (readonly [what: string, xml: string, why: RegExp])[] = [
    ['invalid XML', 'hello', /valve\.xml: /],
    ['an empty file', '', /valve\.xml: /],
    ['an unclosed tag', VALVE.replace('</Units>', ''), /valve\.xml: line \d+: /],
    ['a truncated file', VALVE.slice(0, 700), /valve\.xml: line \d+: /],
    ['another document', '<html><body/></html>', /no LWM2M element/],
    ['a file without object', '<LWM2M></LWM2M>', /no LWM2M element with an Object/],
    ['an empty object', '<LWM2M><Object/></LWM2M>', /an Object is empty/],
    ['a missing id', VALVE.replace('32769<', '<'), /an Object has the id ""/],
    ['an id out of range', VALVE.replace('32769<', '65535<'), /0 to 65534/],
    [
      'an unknown choice',
      VALVE.replace('>Multiple<', '>Maybe<'),
      /MultipleInstances is multiple or/,
    ],
    ['a bad version', VALVE.replace('>1.2<', '>one<'), /ObjectVersion looks like 1\.0/],
    [
      'entities that expand without limit',
      '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><LWM2M><Object>&b;</Object></LWM2M>',
      /DOCTYPE/,
    ],
    ['elements nested too deeply', '<a>'.repeat(200_000) + '</a>'.repeat(200_000), /valve\.xml: /],
  ]
  for (const [what, xml, why] of faults) {
    it(`reject ${what}`, () => {
      assert.throws(
        () => parse(xml),
        (error) =>
          error instanceof ModelFileError &&
          error.code === 'model-file' &&
          error.file === 'valve.xml' &&
          why.test(error.message),
      )
    })
  }

  /** The error of an item, the ids that remain. */
  const odd: readonly (readonly [what: string, xml: string, why: RegExp, left: number[]])[] = [
    ['without id', VALVE.replace('Item ID="0"', 'Item'), /a resource of object 32769/, [1, 26241]],
    ['defined twice', VALVE.replace('ID="1"', 'ID="0"'), /resource 0 is defined twice/, [0, 26241]],
    [
      'of an unknown type',
      VALVE.replace('>Integer<', '>Long<'),
      /resource 0: unknown type "Long"/,
      [1, 26241],
    ],
    [
      'readable without type',
      VALVE.replace('>Integer<', '><'),
      /only an executable resource/,
      [1, 26241],
    ],
    [
      'with unknown operations',
      VALVE.replace('>RW<', '>RX<'),
      /resource 0: Operations are/,
      [1, 26241],
    ],
    [
      'with an unknown choice',
      VALVE.replace('>Single<', '>Maybe<'),
      /resource 0: MultipleInstances is/,
      [1, 26241],
    ],
    [
      'that is empty',
      VALVE.replace('<Item ID="1">', '<Item></Item><Item ID="1">'),
      /object 32769: an Item is empty/,
      [0, 1, 26241],
    ],
  ]
  for (const [what, xml, why, left] of odd) {
    it(`keep the object without an item ${what}`, () => {
      const { definitions, errors } = read(xml)
      assert.deepEqual([...(definitions[0]?.resources.keys() ?? [])], left)
      assert.equal(errors.length, 1)
      assert.match(errors[0]?.message ?? '', why)
    })
  }

  it('keep the first definition of a resource that is defined twice', () => {
    const { definitions } = read(VALVE.replace('ID="1"', 'ID="0"'))
    assert.equal(definitions[0]?.resources.get(0)?.name, 'Position')
  })

  it('keep the other objects of a file with a malformed one', () => {
    const { definitions, errors } = read(
      VALVE.replace('</LWM2M>', '<Object><ObjectID>x</ObjectID></Object></LWM2M>'),
    )
    assert.deepEqual(
      definitions.map(({ id }) => id),
      [32769],
    )
    assert.match(errors[0]?.message ?? '', /an Object has the id "x"/)
  })

  it('of the registry may have a readable resource with an empty type (10482)', () => {
    const item = (id: number, operations: string, type: string): string =>
      `<Item ID="${id}"><Name>R${id}</Name><Operations>${operations}</Operations>` +
      '<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory>' +
      `<Type>${type}</Type><RangeEnumeration></RangeEnumeration><Units></Units></Item>`
    const items =
      item(1, 'E', '') + item(4, 'RW', 'String') + item(5, 'R', '') + item(6, 'RW', 'String')
    const { definitions, errors } = read(
      '<?xml version="1.0" encoding="utf-8"?>\n<!-- \n\na licence\n-->\n' +
        '<LWM2M><Object ObjectType="MODefinition"><Name>Edge commands</Name><ObjectID>10482</ObjectID>' +
        '<ObjectURN>urn:oma:lwm2m:x:10482</ObjectURN><LWM2MVersion>1.0</LWM2MVersion>' +
        '<ObjectVersion>1.0</ObjectVersion><MultipleInstances>Single</MultipleInstances>' +
        `<Mandatory>Optional</Mandatory><Resources>${items}</Resources></Object></LWM2M>`,
    )
    assert.deepEqual([...(definitions[0]?.resources.keys() ?? [])], [1, 4, 6])
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['valve.xml: object 10482, resource 5: only an executable resource has no Type'],
    )
  })

  it('reject a wrong encoding, and a file that is too large', () => {
    assert.throws(
      () => parse(Buffer.from(VALVE.replace('Position', 'Größe'), 'latin1')),
      /not valid UTF-8/i,
    )
    assert.throws(() => parse(VALVE.replace('UTF-8', 'x-none')), /the text is not valid x-none/)
    assert.throws(() => parse(Buffer.alloc((4 << 20) + 1, 0x20)), /exceed the limit of 4194304/)
  })
})
