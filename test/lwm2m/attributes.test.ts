import assert from 'node:assert/strict'
import {
  AttributeError,
  type AttributeSet,
  type AttributeTarget,
  checkAttributes,
  formatAttributeQuery,
  parseAttributeQuery,
} from '../../src/lwm2m/attributes'
import { Level } from '../../src/lwm2m/path'

const target: AttributeTarget = { version: '1.2', level: Level.RESOURCE }

function refused(attributes: object, message: RegExp, at: AttributeTarget = target): void {
  assert.throws(
    () => checkAttributes(attributes as AttributeSet, at),
    (error) =>
      error instanceof AttributeError &&
      error.code === 'invalid-attributes' &&
      message.test(error.message),
  )
}

describe('notification attributes (Core §5.1.2)', () => {
  it('are formatted as one query each, in a fixed order', () => {
    const attributes = { st: 10, gt: 45.5, pmax: 60, pmin: 0, lt: -3.25, con: 1, hqmax: 7 }
    assert.deepEqual(formatAttributeQuery(attributes), [
      'pmin=0',
      'pmax=60',
      'gt=45.5',
      'lt=-3.25',
      'st=10',
      'con=1',
      'hqmax=7',
    ])
  })

  it('are unset by their bare name', () => {
    assert.deepEqual(formatAttributeQuery({ pmin: null, gt: null, st: undefined }), ['pmin', 'gt'])
  })

  it('are formatted without exponents, which the ABNF does not have', () => {
    assert.deepEqual(formatAttributeQuery({ gt: 1.5e-7, lt: -2e-10 }), [
      'gt=0.00000015',
      'lt=-0.0000000002',
    ])
    assert.deepEqual(formatAttributeQuery({ gt: 1.25e21 }), ['gt=1250000000000000000000'])
  })

  it('are parsed from queries', () => {
    assert.deepEqual(parseAttributeQuery(['pmin=10', 'gt=-42.5', 'st', 'epmax=', 'edge=0']), {
      pmin: 10,
      gt: -42.5,
      st: null,
      epmax: null,
      edge: 0,
    })
    assert.deepEqual(parseAttributeQuery([]), {})
    assert.deepEqual(parseAttributeQuery(['', 'pmin=10', '']), { pmin: 10 })
  })

  for (const query of ['pmin=-1', 'pmin=1.5', 'gt=abc', 'gt=0x10', 'gt=1=2', 'edge=2', 'foo=1']) {
    it(`rejects ?${query}`, () => {
      assert.throws(() => parseAttributeQuery([query]), AttributeError)
    })
  }

  it('rejects a repeated attribute', () => {
    assert.throws(() => parseAttributeQuery(['pmin=1', 'pmin=2']), /occurs twice/)
    assert.throws(() => parseAttributeQuery(['pmin', 'pmin=2']), /occurs twice/)
  })

  it('are not confused by names of Object.prototype', () => {
    assert.throws(() => parseAttributeQuery(['constructor=1']), AttributeError)
    assert.throws(() => parseAttributeQuery(['__proto__=1']), AttributeError)
  })

  it('accept the examples of the specification', () => {
    checkAttributes({ gt: 45, st: 10 }, target)
    checkAttributes({ lt: 20, gt: 85, st: 10 }, target)
    checkAttributes({ pmin: 10, pmax: 10 }, target)
    checkAttributes({ pmin: 10, pmax: 0 }, target)
    checkAttributes({ pmin: null, gt: null }, target)
  })

  it('reject thresholds that contradict each other', () => {
    refused({ lt: 20, gt: 20 }, /lt \(20\) must be less than gt \(20\)/)
    refused({ lt: 30, gt: 20 }, /less than gt/)
    refused({ lt: 20, gt: 40, st: 10 }, /lt \+ 2·st \(40\)/)
    checkAttributes({ lt: 20, gt: 40.5, st: 10 }, target)
  })

  it('reject periods that contradict each other', () => {
    refused({ pmin: 10, pmax: 9 }, /pmax \(9\) is less than pmin \(10\)/)
    refused({ epmin: 5, epmax: 5 }, /epmax/)
  })

  it('reject values of the wrong kind', () => {
    refused({ pmin: 1.5 }, /whole number of seconds/)
    refused({ pmax: -1 }, /whole number of seconds/)
    refused({ hqmax: 0.5 }, /whole number/)
    refused({ st: -1 }, /distance/)
    refused({ edge: 2 }, /0 or 1/)
    refused({ con: -1 }, /0 or 1/)
    refused({ gt: NaN }, /number or null/)
    refused({ gt: '5' }, /number or null, not "5"/)
    refused({ period: 5 }, /unknown attribute period/)
  })

  it('are supported since the version that introduced them', () => {
    const at = (version: string): AttributeTarget => ({ version, level: Level.RESOURCE })
    refused({ epmin: 5 }, /since LwM2M 1\.1; this is 1\.0/, at('1.0'))
    checkAttributes({ epmin: 5 }, at('1.1'))
    for (const name of ['edge', 'con', 'hqmax']) {
      refused({ [name]: 1 }, /since LwM2M 1\.2; this is 1\.1/, at('1.1'))
      checkAttributes({ [name]: 1 }, at('1.2'))
    }
  })

  it('on values are allowed only for resources, but may be unset at any level', () => {
    const instance = { version: '1.2', level: Level.INSTANCE }
    for (const name of ['gt', 'lt', 'st', 'edge']) {
      refused({ [name]: 1 }, /belongs to a resource/, instance)
      checkAttributes({ [name]: null }, instance)
    }
    checkAttributes({ pmin: 1, pmax: 2, epmin: 1, epmax: 2, con: 1 }, instance)
  })
})
