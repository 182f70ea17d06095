import assert from 'node:assert/strict'
import { CredentialStore } from '../../../src/server/credentials'
import type { AuthorizationRequest } from '../../../src/server/credentials'
import { Harness, register, toLocation } from '../registration/support/harness'
import { SecureDevice } from './support/secure-device'

const KEY = '00112233445566778899aabbccddeeff'

describe('unknown devices that a flow decides about', () => {
  let credentials: CredentialStore
  let harness: Harness
  let requests: AuthorizationRequest[]
  let decide: (request: AuthorizationRequest) => void

  beforeEach(async () => {
    requests = []
    decide = () => {}
    harness = new Harness()
    credentials = new CredentialStore({ clock: harness.clock, authorization: { timeout: 5_000 } })
    harness = new Harness({ credentials, coaps: { host: '127.0.0.1', port: 0 } }, harness.clock)
    harness.port = (await harness.server.start()).coap?.port ?? 0
    credentials.on('request', (request) => {
      requests.push(request)
      decide(request)
    })
  })
  afterEach(() => harness.stop())

  it('an endpoint without security registers when it is accepted, each time it asks', async () => {
    decide = ({ id }) => credentials.decide(id, true)
    const device = await harness.device()
    const answer = await device.request(register(['ep=new', 'lwm2m=1.1']))
    assert.equal(answer.code, 0x41)
    const [request] = requests
    assert.deepEqual(
      [request?.kind, request?.security, request?.endpoint, request?.port],
      ['register', 'none', 'new', device.port],
    )
    const id = harness.server.registrations.get('new')?.id ?? ''
    assert.equal((await device.request(toLocation(id))).code, 0x44)
    assert.equal(requests.length, 1, 'an Update is not asked about')
    await device.request(register(['ep=new', 'lwm2m=1.1']))
    assert.equal(requests.length, 2)
  })

  it('is answered 4.03 when it is refused, with a warning', async () => {
    decide = ({ id }) => credentials.decide(id, false)
    const device = await harness.device()
    assert.equal((await device.request(register(['ep=new', 'lwm2m=1.1']))).code, 0x83)
    assert.equal((await harness.seen('warning'))[0].code, 'refused')
    assert.equal(harness.server.registrations.size, 0)
  })

  it('and when nobody decides in time', async () => {
    const device = await harness.device()
    const asked = device.request(register(['ep=new', 'lwm2m=1.1']))
    while (requests.length === 0) await new Promise(setImmediate)
    assert.equal(credentials.pending.length, 1)
    await harness.clock.run(5_100, 100)
    assert.equal((await asked).code, 0x83)
    assert.equal((await harness.seen('warning'))[0].code, 'undecided')
    assert.deepEqual(credentials.pending, [])
    assert.equal(credentials.decide(requests[0]?.id ?? '', true), false)
  })

  it('at once where no flow listens', async () => {
    const quiet = new CredentialStore({ authorization: {} })
    const other = await Harness.start({ credentials: quiet })
    try {
      const device = await other.device()
      assert.equal((await device.request(register(['ep=new', 'lwm2m=1.1']))).code, 0x83)
    } finally {
      await other.stop()
    }
  })

  it('an endpoint that has a credential is not asked about', async () => {
    await credentials.add({ endpoint: 'known', key: KEY })
    const device = await harness.device()
    assert.equal((await device.request(register(['ep=known', 'lwm2m=1.1']))).code, 0x80)
    assert.deepEqual(requests, [])
  })

  it('the handshake of an unknown identity goes on with the credential that is added', async () => {
    decide = ({ id, identity }) => {
      void credentials
        .add({ endpoint: 'fresh', identity, key: KEY })
        .then(() => credentials.decide(id, true))
    }
    const port = harness.server.addresses.coaps?.port ?? 0
    const device = await SecureDevice.open(port, {
      identity: Buffer.from('serial-7'),
      psk: Buffer.from(KEY, 'hex'),
    })
    try {
      await device.connect()
      await device.register(['ep=fresh', 'lwm2m=1.1'])
      const [request] = requests
      assert.deepEqual(
        [request?.kind, request?.security, request?.identity],
        ['handshake', 'psk', 'serial-7'],
      )
      assert.equal(requests.length, 1)
    } finally {
      device.close()
    }
  })
})
