import assert from 'node:assert/strict'
import { CredentialStore } from '../../../src/server/credentials'
import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import type { ServerWarning } from '../../../src/server/types'
import type { HostileClientOptions } from '../../dtls/support/hostile-client'
import { FakeClock } from '../../support/fake-clock'
import { ACK, Opt } from '../../support/raw-coap'
import { POST, SecureDevice as Device, until } from './support/secure-device'

const KEY = '00112233445566778899aabbccddeeff'
const OTHER_KEY = 'ffeeddccbbaa99887766554433221100'
const update = (location: readonly string[]) => ({
  code: POST,
  options: location.map((segment) => [Opt.URI_PATH, segment] as const),
})

describe('a credential that is removed or changed', () => {
  let clock: FakeClock
  let server: Lwm2mServer
  let credentials: CredentialStore
  let port = 0
  const devices: Device[] = []
  const warnings: ServerWarning[] = []

  beforeEach(async () => {
    clock = new FakeClock()
    credentials = new CredentialStore()
    await credentials.setList([{ endpoint: 'witness', identity: 'id-w', key: KEY }])
    await credentials.add({ endpoint: 'a', identity: 'id-a', key: KEY })
    server = new Lwm2mServer({
      coap: false,
      coaps: { host: '127.0.0.1', port: 0 },
      credentials,
      clock,
    })
    warnings.length = 0
    server.on('warning', (warning) => warnings.push(warning))
    port = (await server.start()).coaps?.port ?? 0
  })
  afterEach(async () => {
    for (const device of devices.splice(0)) device.close()
    await server.stop()
  })

  async function open(options: HostileClientOptions = {}): Promise<Device> {
    const device = await Device.open(port, {
      identity: Buffer.from('id-a'),
      psk: Buffer.from(KEY, 'hex'),
      ...options,
    })
    devices.push(device)
    return device
  }
  async function connected(options: HostileClientOptions = {}): Promise<Device> {
    const device = await open(options)
    await device.connect()
    return device
  }
  /** All that was sent before has arrived when this has been answered: they share a socket. */
  async function afterAnswerToOthers(): Promise<void> {
    const witness = await connected({ identity: Buffer.from('id-w') })
    await witness.register(['lwm2m=1.1'])
  }
  async function readsFrom(device: Device): Promise<void> {
    const read = server.read('a', '/3/0/0')
    const { mid, token } = await device.message()
    const options = [[Opt.CONTENT_FORMAT, 0]] as const
    device.send({ type: ACK, code: 0x45, mid, token, options, payload: 'ACME' })
    assert.equal((await read).records[0]?.value, 'ACME')
  }
  const dtls = () => server.statistics.dtls ?? assert.fail('no DTLS')

  for (const connectionId of [undefined, Buffer.alloc(0)]) {
    const how = connectionId === undefined ? 'without' : 'with'
    it(`drops the device at once, is deaf to it until it is provisioned again (${how} Connection ID)`, async () => {
      const device = await connected({ connectionId })
      const location = await device.register(['ep=a', 'lwm2m=1.1'])
      await readsFrom(device)

      assert.equal(await credentials.remove({ endpoint: 'a' }), 1)
      assert.deepEqual([dtls().associations, dtls().sessions], [0, 0])
      await assert.rejects(server.read('a', '/3/0/0'), { code: 'peer-gone' })
      await until(() => device.client.alerts.length > 0)
      assert.deepEqual(device.client.alerts, [{ level: 1, description: 0, epoch: 1 }])

      // As a device does that missed the close_notify.
      const heard = device.client.datagrams.length
      device.send(update(location))
      await afterAnswerToOthers()
      // An alert in plaintext, which says that there is no association: not a message.
      const told = device.client.datagrams.slice(heard)
      assert.ok(told.length <= 1 && told.every((datagram) => datagram[0] === 21))
      const reason = connectionId === undefined ? 'no-association' : 'unknown-connection-id'
      assert.equal(dtls().dropped[reason], 1)

      // A new handshake does not help, nor does the session of the old one.
      const resuming = await open({ connectionId, session: device.client.session })
      const again = resuming.connect()
      again.catch(() => {})
      await until(() => warnings.length > 0)
      const [warning] = warnings
      assert.equal(warning?.code, 'unknown-identity')
      assert.equal(warning?.endpoint, undefined)
      assert.equal(warning?.sender?.identity, 'PSK identity "id-a"')
      assert.equal(warning?.sender?.address, '127.0.0.1')
      assert.equal(dtls().resumptions, 0)
      await afterAnswerToOthers()
      assert.equal(resuming.client.serverFinished, false)
      assert.deepEqual(resuming.client.alerts, [])
      resuming.close()

      await credentials.add({ endpoint: 'a', identity: 'id-a', key: KEY })
      const back = await connected({ connectionId })
      assert.equal((await back.ask(update(location))).code, 0x44)
      await readsFrom(back)
    })
  }

  it('a changed key: the old one is out at once, its use is told, the new one is in', async () => {
    const device = await connected()
    const location = await device.register(['ep=a', 'lwm2m=1.1'])
    await credentials.replace({ endpoint: 'a', identity: 'id-a', key: OTHER_KEY })
    assert.equal(dtls().associations, 0)
    await until(() => device.client.alerts.length > 0)

    const stale = await open()
    stale.connect().catch(() => {})
    await until(() => dtls().dropped.forged !== undefined)
    assert.equal(warnings.length, 0)
    clock.advance(1000)
    const [warning] = warnings
    assert.equal(warning?.code, 'wrong-key')
    assert.equal(warning?.endpoint, 'a')
    assert.match(warning?.message ?? '', /127\.0\.0\.1 port \d+ \(PSK identity "id-a"\)/)
    assert.equal(stale.client.serverFinished, false)
    stale.close()

    const renewed = await connected({ psk: Buffer.from(OTHER_KEY, 'hex') })
    assert.equal((await renewed.ask(update(location))).code, 0x44)
    await readsFrom(renewed)
  })

  it('while its handshake is under way, too', async () => {
    const device = await open()
    const { client } = device
    client.send(client.hello())
    await until(() => client.cookie.length > 0)
    client.send(client.hello({ cookie: client.cookie }))
    await until(() => client.flight.some(({ type }) => type === 14))
    client.send(client.clientKeyExchange())
    await afterAnswerToOthers()
    assert.equal(dtls().halfOpen, 1)
    await credentials.remove({ endpoint: 'a' })
    assert.equal(dtls().halfOpen, 0)
    assert.equal(warnings[0]?.code, 'credential-removed')
    client.send(client.changeCipherSpec(), client.finished())
    await afterAnswerToOthers()
    assert.equal(client.serverFinished, false)
  })
})
