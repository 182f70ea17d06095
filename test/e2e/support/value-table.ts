/** Values of every type as a device answers them, and what comes of them in each core node. */
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { Path } from '../../../src/lwm2m/path'
import type { FlowNode } from '../../support/node-red'

/** What a device answers in TLV. */
export interface Row {
  readonly what: string
  readonly path: string
  readonly bytes: string
}

export const ROWS: readonly Row[] = [
  { what: 'String', path: '/3/0/0', bytes: 'c3004f4d41' },
  { what: 'Integer', path: '/1/0/1', bytes: 'c1012a' },
  { what: 'Integer 2^53+1', path: '/1/0/2', bytes: 'c802080020000000000001' },
  { what: 'Integer -2^63', path: '/1/0/3', bytes: 'c803088000000000000000' },
  { what: 'Float', path: '/3303/0/5700', bytes: 'e4164441ac0000' },
  { what: 'Float NaN', path: '/3303/0/5601', bytes: 'e415e17fc00000' },
  { what: 'Float Infinity', path: '/3303/0/5602', bytes: 'e415e27f800000' },
  { what: 'Float -0', path: '/3303/0/5603', bytes: 'e415e380000000' },
  { what: 'Boolean', path: '/1/0/6', bytes: 'c10601' },
  { what: 'Time', path: '/3/0/13', bytes: 'c40d5182428f' },
  { what: 'Opaque', path: '/40000/0/1', bytes: 'c2010001' },
  { what: 'Objlnk', path: '/0/0/17', bytes: 'c41100420000' },
  { what: 'Corelnk', path: '/25/0/3', bytes: 'c6033c2f332f303e' },
  { what: 'multiple', path: '/3/0/7', bytes: '88070e4800080020000000000001410105' },
  { what: 'nothing', path: '/3/0/9', bytes: '' },
]

const DESCRIBE = `const v = msg.payload
const text = Buffer.isBuffer(v) ? v.toString('hex') : Object.is(v, -0) ? '-0' : v instanceof Date ? v.toISOString() : typeof v === 'object' ? JSON.stringify(v) : String(v)
msg.payload = (Buffer.isBuffer(v) ? 'Buffer' : v instanceof Date ? 'Date' : typeof v) + ' ' + text
return msg`

/** A node without its id and place. */
export interface NodePart {
  readonly type: string
  readonly [property: string]: unknown
}

/** A column of the table: the nodes between the read node and the HTTP answer, and what comes of each row. */
export interface Column {
  readonly nodes: readonly NodePart[]
  /** The answer is what the column's last node made, not a description of it. */
  readonly raw?: true
  /** In the order of {@link ROWS}. */
  readonly found: readonly string[]
}

/** What leaves the read node, and nodes that change nothing of it. */
const UNCHANGED = [
  'string OMA',
  'number 42',
  'string 9007199254740993',
  'string -9223372036854775808',
  'number 21.5',
  'number NaN',
  'number Infinity',
  'number -0',
  'boolean true',
  'Date 2013-05-02T10:40:15.000Z',
  'Buffer 0001',
  'string 66:0',
  'string </3/0>',
  'object {"0":"9007199254740993","1":5}',
  'undefined undefined',
]
/** The same as JSON has it; a JSON text where it stands alone. */
export const JSON_TEXTS = [
  '"OMA"',
  '42',
  '"9007199254740993"',
  '"-9223372036854775808"',
  '21.5',
  'null',
  'null',
  '0',
  'true',
  '"2013-05-02T10:40:15.000Z"',
  '{"type":"Buffer","data":[0,1]}',
  '"66:0"',
  '"</3/0>"',
  '{"0":"9007199254740993","1":5}',
  undefined,
]
/** `{v: value, w: 1}` as JSON. */
export const WRAPPED = JSON_TEXTS.map((text) =>
  text === undefined ? '{"w":1}' : `{"v":${text},"w":1}`,
)
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const xml = (value: string): string =>
  `string ${XML}<root>${value === '' ? '<v/>' : `<v>${value}</v>`}<w>1</w></root>`

const func = (body: string) => ({ type: 'function', func: body, outputs: 1 })
export const WRAP = func('msg.payload = {v: msg.payload, w: 1}\nreturn msg')
const change = (rules: readonly object[]) => ({ type: 'change', rules })
const set = (to: string, toType: string, from: string, fromType: string) =>
  change([{ t: 'set', p: to, pt: toType, to: from, tot: fromType }])

export const COLUMNS: { readonly [name: string]: Column } = {
  payload: { found: UNCHANGED, nodes: [] },
  records: {
    found: JSON_TEXTS.map((text, at) => recordsText(ROWS[at] as Row, text)),
    nodes: [
      set('payload', 'msg', 'lwm2m.records', 'msg'),
      { type: 'json', property: 'payload', action: 'str' },
    ],
  },
  json: {
    found: [
      'string OMA',
      'string 42',
      'string 9007199254740993',
      'string -9223372036854775808',
      'string 21.5',
      'string null',
      'string null',
      'string 0',
      'string true',
      'string "2013-05-02T10:40:15.000Z"',
      'Buffer 0001',
      'string 66:0',
      'string </3/0>',
      'string {"0":"9007199254740993","1":5}',
      'undefined undefined',
    ],
    nodes: [{ type: 'json', property: 'payload', action: 'str' }],
  },
  csv: {
    found: [
      'OMA',
      '42',
      '9007199254740993',
      '-9223372036854775808',
      '21.5',
      'NaN',
      'Infinity',
      '0',
      'true',
      '"""2013-05-02T10:40:15.000Z"""',
      '\u0000\u0001',
      '66:0',
      '</3/0>',
      '"{""0"":""9007199254740993"",""1"":5}"',
      '',
    ].map((text) => `string ${text},1\n`),
    nodes: [WRAP, { type: 'csv', temp: 'v,w', sep: ',', hdrout: 'none', ret: '\\n', spec: 'rfc' }],
  },
  yaml: {
    found: [
      'v: OMA\n',
      'v: 42\n',
      "v: '9007199254740993'\n",
      "v: '-9223372036854775808'\n",
      'v: 21.5\n',
      'v: .nan\n',
      'v: .inf\n',
      'v: -0.0\n',
      'v: true\n',
      'v: 2013-05-02T10:40:15.000Z\n',
      'v: !!binary AAE=\n',
      "v: '66:0'\n",
      'v: </3/0>\n',
      "v:\n  '0': '9007199254740993'\n  '1': 5\n",
      '',
    ].map((text) => `string ${text}w: 1\n`),
    nodes: [WRAP, { type: 'yaml', property: 'payload' }],
  },
  xml: {
    found: [
      ...[
        'OMA',
        '42',
        '9007199254740993',
        '-9223372036854775808',
        '21.5',
        'NaN',
        'Infinity',
        '0',
        'true',
      ].map(xml),
      // The xml node of Node-RED has no form for a Date, nor element names for bytes and instance ids.
      xml(''),
      'error Error: Invalid character in name',
      xml('66:0'),
      xml('&lt;/3/0&gt;'),
      'error Error: Invalid character in name',
      xml(''),
    ],
    nodes: [WRAP, { type: 'xml', property: 'payload', attr: '', chr: '' }],
  },
  'split-join': {
    found: UNCHANGED,
    nodes: [
      WRAP,
      { type: 'split', splt: '\\n', arraySplt: 1, addname: '', property: 'payload' },
      {
        type: 'join',
        mode: 'auto',
        build: 'object',
        property: 'payload',
        propertyType: 'msg',
        key: 'topic',
        joiner: '',
        reduceRight: false,
      },
      set('payload', 'msg', 'payload.v', 'msg'),
    ],
  },
  memory: {
    found: UNCHANGED,
    nodes: [set('kept', 'flow', 'payload', 'msg'), set('payload', 'msg', 'kept', 'flow')],
  },
  localfilesystem: {
    found: UNCHANGED,
    nodes: [
      func('msg.key = "v" + msg.path.replace(/\\W/g, "_")\nreturn msg'),
      set('#:(file)::last', 'flow', 'payload', 'msg'),
      func('flow.set(msg.key, {v: msg.payload}, "file")\nreturn msg'),
      set('payload', 'msg', '#:(file)::last', 'flow'),
    ],
  },
  switch: {
    found: UNCHANGED,
    nodes: [
      {
        type: 'switch',
        property: 'payload',
        propertyType: 'msg',
        rules: [{ t: 'nnull' }, { t: 'else' }],
        checkall: 'false',
        outputs: 2,
      },
    ],
  },
  template: {
    found: [
      'OMA',
      '42',
      '9007199254740993',
      '-9223372036854775808',
      '21.5',
      'NaN',
      'Infinity',
      '0',
      'true',
      new Date(1_367_491_215_000).toString(),
      '\u0000\u0001',
      '66:0',
      '</3/0>',
      '[object Object]',
      '',
    ].map((text) => `string [${text}]`),
    nodes: [
      {
        type: 'template',
        field: 'payload',
        fieldType: 'msg',
        format: 'handlebars',
        syntax: 'mustache',
        template: '[{{{payload}}}]',
        output: 'str',
      },
    ],
  },
  debug: {
    found: UNCHANGED,
    nodes: [
      {
        type: 'debug',
        active: true,
        tosidebar: true,
        console: true,
        complete: 'true',
        targetType: 'full',
      },
    ],
  },
  file: {
    found: WRAPPED.map((text) => `object ${text}`),
    nodes: [
      WRAP,
      {
        type: 'file',
        filename: 'out.txt',
        filenameType: 'str',
        appendNewline: true,
        overwriteFile: 'false',
      },
    ],
  },
  'http response': {
    found: [
      'OMA',
      '42',
      '9007199254740993',
      '-9223372036854775808',
      '21.5',
      'NaN',
      'Infinity',
      '0',
      // Node-RED refuses a boolean as a body, whoever made it.
      /^error .*Received type boolean/.source,
      '"2013-05-02T10:40:15.000Z"',
      '\u0000\u0001',
      '66:0',
      '</3/0>',
      '{"0":"9007199254740993","1":5}',
      '',
    ],
    nodes: [],
    raw: true,
  },
}

/** Nodes without an output: the message goes past them. */
const ENDS: ReadonlySet<string> = new Set(['debug', 'mqtt out'])

/** The flow of a column: HTTP in, read, its nodes, HTTP out; an error is the answer, too. */
export function flowOf(name: string, { nodes, raw }: Column): FlowNode[] {
  const id = (part: string | number): string => `${name}-${part}`
  const chain: NodePart[] = [
    { type: 'http in', url: `/${encodeURIComponent(name)}`, method: 'get' },
    func('msg.path = msg.req.query.path\nreturn msg'),
    {
      type: 'lwm2m-read',
      server: 'server',
      endpoint: 'dev+#1',
      endpointType: 'str',
      path: '',
      pathType: 'str',
      integers: 'text',
    },
    ...nodes,
    ...(raw === true ? [] : [func(DESCRIBE)]),
    { type: 'http response' },
  ]
  const answer = id(chain.length - 1)
  return [
    { id: id('tab'), type: 'tab', label: name },
    ...chain.map((node, at) => {
      const next = at + 1 < chain.length ? id(at + 1) : undefined
      const past =
        ENDS.has(chain[at + 1]?.type ?? '') && next !== undefined
          ? [next, id(at + 2)]
          : next === undefined
            ? []
            : [next]
      const wires = ENDS.has(node.type) ? [] : node.type === 'switch' ? [past, past] : [past]
      return { ...node, id: id(at), z: id('tab'), wires } as FlowNode
    }),
    {
      id: id('catch'),
      type: 'catch',
      z: id('tab'),
      scope: null,
      uncaught: false,
      wires: [[id('failed')]],
    },
    {
      ...func('msg.statusCode = 500\nmsg.payload = "error " + msg.error.message\nreturn msg'),
      id: id('failed'),
      z: id('tab'),
      wires: [[answer]],
    },
  ]
}

/** What `msg.lwm2m.records` says of a row, as JSON. */
function recordsText({ path }: Row, text: string | undefined): string {
  const { object, resource } = Path.parse(path)
  const found =
    builtinModel()
      .object(object ?? -1, '1.0')
      ?.resources.get(resource ?? -1) ??
    builtinModel()
      .object(object ?? -1)
      ?.resources.get(resource ?? -1)
  const one = (at: string, value: string): string => {
    const known = found === undefined ? {} : { name: found.name, type: found.type }
    const units = found?.units === undefined ? {} : { units: found.units }
    return JSON.stringify({ path: at, ...known, ...units, value: JSON.parse(value) as unknown })
  }
  const values =
    text?.startsWith('{"0"') === true ? Object.entries(JSON.parse(text) as object) : undefined
  if (values !== undefined) {
    return `string [${values.map(([id, value]) => one(`${path}/${id}`, JSON.stringify(value))).join(',')}]`
  }
  return `string [${text === undefined ? '' : one(path, text)}]`
}
