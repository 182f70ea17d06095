/**
 * Fuzzes every decoder of `src/lwm2m` with mutated and with random input: no
 * throw but the typed error, results that make sense, bounded time. Throws at the first finding,
 * which names the decoder, the seed and the bytes.
 */
import assert from 'node:assert/strict'
import { AttributeError, parseAttributeQuery } from '../../src/lwm2m/attributes'
import { ExecuteArgumentError, parseExecuteArguments } from '../../src/lwm2m/execute-arguments'
import {
  ContentFormat,
  decode,
  DecodeError,
  encode,
  EncodeError,
  formatName,
} from '../../src/lwm2m/formats'
import { LinkFormatError } from '../../src/lwm2m/link-format'
import { ModelFileError, parseModelXml } from '../../src/lwm2m/model/xml'
import { parseBootstrapInventory, parseObjectList } from '../../src/lwm2m/object-links'
import { Path } from '../../src/lwm2m/path'
import type { Record } from '../../src/lwm2m/record'
import { ObjectLink } from '../../src/lwm2m/value'
import { resourceId, TYPES, typedContext } from '../lwm2m/support/types'
import { seededRandom } from '../support/random'
import { cpuTime } from '../support/cpu-time'

/** No input of this size may take longer, ms of processor time. */
const SLOWEST = 1000

const INSTANCE = Path.parse('/9999/0')
const RECORDS: readonly Record[] = [
  ...TYPES.map((type) => ({ path: INSTANCE.child(resourceId(type)), value: sample(type) })),
  ...TYPES.flatMap((type) =>
    [0, 300].map((id) => ({
      path: INSTANCE.child(resourceId(type, true)).child(id),
      value: sample(type),
    })),
  ),
]

function sample(type: (typeof TYPES)[number]): NonNullable<Record['value']> {
  switch (type) {
    case 'Integer':
      return -123456789012n
    case 'Unsigned Integer':
      return 18446744073709551615n
    case 'Float':
      return 21.4
    case 'Boolean':
      return true
    case 'Opaque':
      return Buffer.from('00ffab', 'hex')
    case 'Time':
      return new Date(1_700_000_000_000)
    case 'Objlnk':
      return new ObjectLink(3, 0)
    default:
      return 'Zoë </3/0>'
  }
}

/** Pieces that parsers take for structure. */
const PIECES: readonly Buffer[] = [
  ...[
    'ff',
    '80',
    '9f',
    'bf',
    '5f',
    '7f',
    '1bffffffffffffffff',
    'c48220182d',
    'c2480102030405060708',
  ],
  ...['d81b', 'f97c00', 'fb7ff0000000000000', 'f6', 'f7', 'a0', '9affffffff', '5bffffffffffffffff'],
  ...['c1', '3bffffffffffffffff', '0000', '60', '40', '21', '22', '08ffff', '8a', '2800', '1800ff'],
].map((bytes) => Buffer.from(bytes, 'hex'))
const TEXTS: readonly Buffer[] = [
  ...['[', ']', '{', '}', '"', ',', ':', 'null', 'true', '1e999', '-0', '18446744073709551616'],
  ...[
    '"bn":',
    '"n":',
    '"v":',
    '"vd":"',
    '"t":-1e308',
    '/65535/',
    '//',
    '/../',
    '\\u0000',
    '\\ud800',
  ],
  ...[
    '<',
    '>',
    '</',
    ';',
    '=',
    '="',
    '\\"',
    "='",
    "'",
    ';ver=',
    '<!DOCTYPE x>',
    '&#x0;',
    '<Item ID="',
  ],
].map((text) => Buffer.from(text))

class Mutator {
  private readonly random: () => number

  constructor(
    seed: number,
    private readonly corpus: readonly Buffer[],
    private readonly pieces: readonly Buffer[],
  ) {
    this.random = seededRandom(seed)
  }

  next(): Buffer {
    if (this.random() < 0.1) return this.noise(this.below(40))
    let bytes: Buffer = Buffer.from(this.pick(this.corpus))
    for (let count = 1 + this.below(4); count > 0; count--) bytes = this.mutated(bytes)
    return bytes
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  private noise(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }

  private mutated(bytes: Buffer): Buffer {
    const at = this.below(bytes.length + 1)
    switch (this.below(8)) {
      case 0:
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << this.below(8))
        return bytes
      case 2:
        if (at < bytes.length) bytes[at] = this.below(256)
        return bytes
      case 3:
        return bytes.subarray(0, at)
      case 4:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + this.below(8))])
      case 5:
        return Buffer.concat([bytes.subarray(0, at), this.pick(this.pieces), bytes.subarray(at)])
      case 6: {
        const other = this.pick(this.corpus)
        return Buffer.concat([bytes.subarray(0, at), other.subarray(this.below(other.length))])
      }
      default: {
        // A part again, some times over: depth and counts.
        const part = bytes.subarray(at, at + 1 + this.below(12))
        const times = this.random() < 0.02 ? 1000 : 1 + this.below(3)
        const repeated: Buffer[] = Array.from({ length: times }, () => part)
        return Buffer.concat([bytes.subarray(0, at), ...repeated, bytes.subarray(at)])
      }
    }
  }
}

interface Target {
  readonly name: string
  readonly corpus: readonly Buffer[]
  readonly pieces: readonly Buffer[]
  /** Throws where something is wrong, not where the input is. */
  check(bytes: Buffer, turn: number): void
}

const BASES = ['/9999/0', '/9999', '/', '/9999/0/1', '/9999/0/301', '/9999/0/301/7'].map((text) =>
  Path.parse(text),
)

function checkFormat(format: number, bytes: Buffer, base: Path, root: string): void {
  const context = typedContext(base, { root })
  let records: readonly Record[]
  try {
    records = decode(format, bytes, context)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    assert.equal(error.raw, bytes, 'the error has not the raw bytes')
    return
  }
  for (const { path, value, time } of records) {
    assert.ok(base.contains(path), `${path} is not within ${base}`)
    assert.ok(time === undefined || Number.isSafeInteger(time), `time ${time}`)
    if (typeof value === 'bigint') {
      assert.ok(!Number.isSafeInteger(Number(value)), `${value} should be a number`)
    }
  }
  try {
    encode(format, records, typedContext(base))
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error
  }
}

function formatTarget(format: number, isText: boolean, corpus: readonly Buffer[]): Target {
  return {
    name: formatName(format),
    corpus,
    pieces: isText ? TEXTS : PIECES,
    check: (bytes, turn) =>
      checkFormat(format, bytes, BASES[turn % BASES.length] as Path, turn % 5 === 0 ? 'lwm2m' : ''),
  }
}

/** Input for a format that holds everything: what it says of several bases. */
function trees(format: number): Buffer[] {
  const bases = format === ContentFormat.TLV ? [INSTANCE, INSTANCE.at(1)] : [INSTANCE, Path.ROOT]
  const whole = bases.map((base) => encode(format, RECORDS, typedContext(base)))
  const single = RECORDS.map((record) => encode(format, [record], typedContext(record.path)))
  return [...whole, ...single]
}

function singles(format: number): Buffer[] {
  return RECORDS.map((record) => encode(format, [record], typedContext(record.path)))
}

function allowing(
  parse: (bytes: Buffer) => unknown,
  expected: abstract new (...args: never[]) => Error,
): (bytes: Buffer) => void {
  return (bytes) => {
    try {
      parse(bytes)
    } catch (error) {
      if (!(error instanceof expected)) throw error
    }
  }
}

const LINKS = [
  '</>;rt="oma.lwm2m";ct="110 112",</1>;ver=1.1,</1/0>,</3/0>,</5>,</3303/0>',
  '</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>;title="a\\"<b>,;"',
  'lwm2m="1.0",</0/0>;ssid=101;uri="coaps://a.example",</3/0>;pmin=10;gt=-42.2',
]
const XML =
  '<?xml version="1.0" encoding="utf-8"?><LWM2M><Object><Name>A &amp; B</Name><ObjectID>4000</ObjectID>' +
  '<ObjectVersion>1.1</ObjectVersion><Resources><Item ID="0"><Name>X</Name><Operations>RW</Operations>' +
  '<Type>Integer</Type><RangeEnumeration>0..9</RangeEnumeration></Item></Resources></Object></LWM2M>'

function targets(): Target[] {
  const { TEXT, OCTET_STREAM, CBOR, SENML_JSON, SENML_CBOR, SENML_ETCH_JSON } = ContentFormat
  const { SENML_ETCH_CBOR, TLV, LWM2M_JSON, LWM2M_CBOR } = ContentFormat
  const links = LINKS.map((text) => Buffer.from(text))
  const text = (
    name: string,
    corpus: readonly Buffer[],
    check: (bytes: Buffer) => void,
  ): Target => ({
    name,
    corpus,
    pieces: TEXTS,
    check,
  })
  return [
    formatTarget(TEXT, true, singles(TEXT)),
    formatTarget(OCTET_STREAM, false, [Buffer.from('00ffab', 'hex')]),
    formatTarget(CBOR, false, singles(CBOR)),
    formatTarget(SENML_JSON, true, trees(SENML_JSON)),
    formatTarget(SENML_CBOR, false, trees(SENML_CBOR)),
    formatTarget(SENML_ETCH_JSON, true, trees(SENML_ETCH_JSON)),
    formatTarget(SENML_ETCH_CBOR, false, trees(SENML_ETCH_CBOR)),
    formatTarget(TLV, false, trees(TLV)),
    formatTarget(LWM2M_JSON, true, trees(LWM2M_JSON)),
    formatTarget(LWM2M_CBOR, false, trees(LWM2M_CBOR)),
    text('object-list', links, allowing(parseObjectList, LinkFormatError)),
    text('bootstrap-inventory', links, allowing(parseBootstrapInventory, LinkFormatError)),
    text(
      'execute-arguments',
      ["0='a',1", "7,0='https://www.oma.org',1"].map((args) => Buffer.from(args)),
      allowing((bytes) => parseExecuteArguments(bytes.toString()), ExecuteArgumentError),
    ),
    text(
      'attributes',
      ['pmin=10&pmax=60&gt=-4.5&st', 'con=1&edge=0&hqmax=5'].map((query) => Buffer.from(query)),
      allowing((bytes) => parseAttributeQuery(bytes.toString().split('&')), AttributeError),
    ),
    text(
      'model-xml',
      [Buffer.from(XML)],
      allowing((bytes) => parseModelXml(bytes, 'fuzz.xml'), ModelFileError),
    ),
  ]
}

/** @param iterations inputs per decoder */
export function fuzzFormats(iterations: number, seed: number): void {
  for (const { name, corpus, pieces, check } of targets()) {
    const mutator = new Mutator(seed, corpus, pieces)
    for (let turn = 0; turn < iterations; turn++) {
      const bytes = mutator.next()
      const copy = Buffer.from(bytes)
      try {
        const took = cpuTime(() => check(bytes, turn))
        assert.ok(bytes.equals(copy), 'the input was changed')
        assert.ok(took < SLOWEST, `took ${Math.round(took)} ms`)
      } catch (cause) {
        const shown = bytes.toString('hex').slice(0, 4000)
        throw new Error(`${name}, seed ${seed}, input ${turn}: ${String(cause)}\n${shown}`, {
          cause,
        })
      }
    }
  }
}
