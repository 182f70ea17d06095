import assert from 'node:assert/strict'
import { dialogOf } from '../support/node-files'

type Validate = (this: object, value: unknown) => boolean

describe('the dialog of a virtual device', () => {
  let validate: Validate

  before(async () => {
    const { defaults } = await dialogOf('lwm2m-device')
    validate = (defaults['uri'] as { validate: Validate }).validate
  })

  for (const uri of [
    'coap://localhost',
    'coaps://lwm2m.example:5684',
    'coap://[::1]:5683',
    'coap://[fe80::1%25eth0]',
  ]) {
    it(`takes ${uri} for a server`, () => assert.equal(validate.call({}, uri), true))
  }

  for (const uri of [
    'localhost',
    'http://localhost',
    'coap://',
    'coap://host/path',
    'coap://:::5683',
  ]) {
    it(`does not take ${uri}`, () => assert.equal(validate.call({}, uri), false))
  }

  it('needs no server where there is a bootstrap server', () => {
    assert.equal(validate.call({ bootstrapUri: 'coap://bs' }, ''), true)
    assert.equal(validate.call({ bootstrapUri: '' }, ''), false)
  })
})
