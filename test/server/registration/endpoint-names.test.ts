import assert from 'node:assert/strict'
import { CON, Opt, type RawMessage } from '../../support/raw-coap'
import { endpointProblem, quoteName } from '../../../src/server/endpoint-name'
import { Harness, POST, register } from './support/harness'

/** Register with an ep of any bytes. */
function registerAs(name: Uint8Array): Omit<RawMessage, 'mid'> {
  const message = register(['lwm2m=1.1'])
  const ep = Buffer.concat([Buffer.from('ep='), name])
  return { ...message, type: CON, options: [...(message.options ?? []), [Opt.URI_QUERY, ep]] }
}

describe('endpoint names at Register', () => {
  let harness: Harness
  before(async () => {
    harness = await Harness.start()
  })
  after(() => harness.stop())

  const REFUSED: [what: string, name: string | Uint8Array][] = [
    ['a blank before', ' room-1'],
    ['a blank after', 'room-1 '],
    ['a no-break space after', 'room-1\u00a0'],
    ['a byte-order mark', '\ufeffroom-1'],
    ['a tab within', 'room\t1'],
    ['a control character of C1', 'room-\u009b1'],
    ['a bidi override', 'room-\u202e1'],
    ['a bidi isolate', 'room-\u20661'],
    ['a line separator', 'room\u20281'],
    ['a byte that is not valid UTF-8', Buffer.from([0x78, 0xe4])],
    ['an overlong encoding', Buffer.from([0x78, 0xc0, 0xaf])],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['nothing', ''],
  ]
  for (const [what, name] of REFUSED) {
    it(`rejects ${what} with 4.00 and a warning`, async () => {
      const device = await harness.device()
      const count = harness.named('warning').length
      const answer = await device.request(registerAs(Buffer.from(name)))
      assert.equal(answer.code, 0x80)
      const [warning] = await harness.seen('warning', count + 1)
      assert.equal(warning.code, 'registration-refused')
      assert.match(warning.message, /4\.00/)
      assert.equal(warning.endpoint, undefined)
      // eslint-disable-next-line no-control-regex -- what a log must not be given
      assert.doesNotMatch(warning.message, /[\u0000-\u001f\u007f-\u009f\u2028\u202e\u2066\ufeff]/)
      assert.equal(harness.server.registrations.size, 0)
    })
  }

  it('rejects a name of more than 255 bytes, takes one of 250', async () => {
    assert.equal(endpointProblem('ä'.repeat(128)), 'is longer than 255 bytes')
    const device = await harness.device()
    const name = 'x'.repeat(250)
    assert.equal((await device.request(registerAs(Buffer.from(name)))).code, 0x41)
    assert.ok(harness.server.registrations.get(name))
  })

  it('takes names of other scripts, with inner blanks and with emoji', async () => {
    for (const name of ['raum 1', '设备-1', 'größe/ü', 'thermometer🌡️', '..']) {
      const device = await harness.device()
      assert.equal((await device.request(registerAs(Buffer.from(name)))).code, 0x41, name)
      assert.ok(harness.server.registrations.get(name), name)
    }
  })

  it('shows a refused name escaped and cut', () => {
    assert.equal(quoteName('a\u202e\u009b"\n\ufeff'), '"a\\u202e\\u009b\\"\\n\\ufeff"')
    assert.equal(quoteName('x'.repeat(100)), `"${'x'.repeat(64)}…"`)
    assert.equal(quoteName('ä设'), '"ä设"')
  })

  it('the registration of old NB-IoT modules is answered 4.04, with advice', async () => {
    const device = await harness.device()
    const count = harness.named('warning').length
    const answer = await device.request({
      type: CON,
      code: POST,
      options: [
        [Opt.URI_PATH, 't'],
        [Opt.URI_PATH, 'r'],
        [Opt.URI_QUERY, 'ep=863703030000000'],
      ],
    })
    assert.equal(answer.code, 0x84)
    const [warning] = await harness.seen('warning', count + 1)
    assert.equal(warning.code, 'legacy-registration')
    assert.equal(warning.endpoint, '863703030000000')
    assert.match(warning.message, /AT\+QREGSWT.*\/rd/)
  })
})
