import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { rmSync } from 'node:fs'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { NodeRed, newUserDir } from '../support/node-red'
import { moveExample, nodeOf } from './support/examples'
import { Receiver } from './support/receiver'

const DEVICE = 'hook-2'
const PATH = '/3303/0/5700'
const TOKEN = 'a token of the test'

interface Subscription {
  readonly id: string
  readonly [name: string]: unknown
}

describe('the example webhooks, with a receiver over HTTP', function () {
  this.timeout(120_000)
  const userDir = newUserDir()
  let red: NodeRed
  let receiver: Receiver
  let device: Lwm2mClient
  let server: string

  before(async () => {
    receiver = await Receiver.start()
    red = await NodeRed.start({ userDir })
    const { flow, port } = await moveExample('webhooks', {
      tab: {
        env: [
          { name: 'LWM2M_API_TOKEN', value: TOKEN, type: 'str' },
          { name: 'LWM2M_WEBHOOK_HOSTS', value: '127.0.0.1, *.example.com', type: 'str' },
        ],
      },
    })
    server = `coap://127.0.0.1:${port(56933)}`
    await red.deploy(flow)
    device = newDevice()
    await register(device)
  })

  after(async () => {
    await device?.stop({ deregister: false })
    await red?.stop()
    await receiver?.stop()
    rmSync(userDir, { recursive: true, force: true })
  })

  function newDevice(): Lwm2mClient {
    return new Lwm2mClient({
      endpoint: DEVICE,
      server,
      lifetime: 300,
      objects: { 3: { 0: { 0: 'Works' } }, 3303: { 0: { 5700: 20, 5701: 'Cel' } } },
    })
  }

  async function register(client: Lwm2mClient): Promise<void> {
    const registered = new Promise<void>((resolve) => client.on('registered', () => resolve()))
    await client.start()
    await registered
  }

  async function ask(
    method: string,
    body?: unknown,
    id = '',
    token = TOKEN,
  ): Promise<[number, unknown]> {
    const response = await fetch(`${red.url}/webhooks${id === '' ? '' : `/${id}`}`, {
      method,
      signal: AbortSignal.timeout(20_000),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return [response.status, await response.json()]
  }

  /** Subscribes a path of the receiver. */
  async function subscribe(path: string, subscription: object): Promise<Subscription> {
    const [status, made] = await ask('POST', { url: receiver.url(path), ...subscription })
    assert.equal(status, 201, JSON.stringify(made))
    return made as Subscription
  }

  async function unsubscribe({ id }: Subscription): Promise<void> {
    const [status, gone] = await ask('DELETE', undefined, id)
    assert.deepEqual([status, (gone as Subscription).id], [200, id])
  }

  /** Observed paths of the device; settles after what was asked before has reached it. */
  function observed(): string[] {
    return device.observations.map(String)
  }

  it('refuses who has no token', async () => {
    assert.equal((await ask('GET', undefined, '', 'wrong'))[0], 401)
    assert.equal((await ask('POST', {}, '', 'wrong'))[0], 401)
    assert.equal((await ask('DELETE', undefined, 'x', 'wrong'))[0], 401)
  })

  for (const [what, body] of [
    ['no url', { path: PATH }],
    ['a url of another kind', { url: 'file:///etc/passwd', path: PATH }],
    ['neither path nor event', { url: 'http://127.0.0.1/' }],
    ['both path and event', { url: 'http://127.0.0.1/', path: PATH, event: 'connected' }],
    ['an event that is none', { url: 'http://127.0.0.1/', event: 'exploded' }],
    ['a path that is none', { url: 'http://127.0.0.1/', path: '3303' }],
    ['a host that is not listed', { url: 'http://example.org/', path: PATH }],
    ['a url with credentials', { url: 'http://a:b@127.0.0.1/', path: PATH }],
    ['a short secret', { url: 'http://127.0.0.1/', path: PATH, secret: 'short' }],
    [
      'an endpoint that is too long',
      { url: 'http://127.0.0.1/', path: PATH, endpoint: '*'.repeat(256) },
    ],
    ['an empty endpoint', { url: 'http://127.0.0.1/', path: PATH, endpoint: '' }],
    ['criteria that are none', { url: 'http://127.0.0.1/', path: PATH, criteria: { often: 1 } }],
    ['a limit that is text', { url: 'http://127.0.0.1/', path: PATH, criteria: { gt: '1' } }],
    ['criteria of an event', { url: 'http://127.0.0.1/', event: 'updated', criteria: { gt: 1 } }],
  ] as const) {
    it(`answers 400 to ${what}`, async () => {
      const [status, answer] = await ask('POST', body)
      assert.deepEqual([status, typeof (answer as { error: string }).error], [400, 'string'])
      assert.deepEqual(await ask('GET'), [200, []])
    })
  }

  it('delivers the values of a resource; several subscribers share one observation', async () => {
    const all = await subscribe('/all', { path: PATH, endpoint: DEVICE })
    const first = await receiver.next('/all')
    assert.equal(typeof first['time'], 'number')
    assert.deepEqual(
      { ...first, time: 0 },
      { subscription: all.id, endpoint: DEVICE, path: PATH, value: 20, time: 0 },
    )
    const pattern = await subscribe('/pattern', { path: PATH, endpoint: 'hook-*' })
    await receiver.next('/pattern')
    const limits = await subscribe('/limits', {
      path: PATH,
      endpoint: DEVICE,
      criteria: { gt: 25 },
    })
    const steps = await subscribe('/steps', { path: PATH, endpoint: DEVICE, criteria: { st: 3 } })
    const other = await subscribe('/other', { path: PATH, endpoint: 'somebody' })
    const [, list] = await ask('GET')
    assert.deepEqual(
      (list as Subscription[]).map(({ id }) => id),
      [all, pattern, limits, steps, other].map(({ id }) => id),
    )

    const seen: { [path: string]: unknown[] } = {}
    for (const value of [21, 22, 26, 27, 19]) {
      device.set(PATH, value)
      await receiver.value('/all', value)
      await receiver.value('/pattern', value)
      if ([21, 26, 19].includes(value)) await receiver.value('/limits', value)
      if ([21, 26, 19].includes(value)) await receiver.value('/steps', value)
    }
    assert.deepEqual(observed(), [PATH], 'one relation for all of them')
    for (const path of ['/pattern', '/limits', '/steps']) {
      seen[path] = receiver.deliveries
        .filter((one) => one.path === path && one.body['endpoint'] === DEVICE)
        .map(({ body }) => body['value'])
    }
    // The first value always; then what the criteria say.
    assert.deepEqual(seen['/limits']?.slice(-3), [21, 26, 19])
    assert.deepEqual(seen['/steps']?.slice(-3), [21, 26, 19])
    assert.deepEqual(seen['/pattern']?.slice(-5), [21, 22, 26, 27, 19])
    assert.equal(receiver.count('/other'), 0)

    for (const one of [pattern, limits, steps, other]) await unsubscribe(one)
    assert.deepEqual(observed(), [PATH])
    device.set(PATH, 23)
    await receiver.value('/all', 23)
    assert.ok(
      !receiver.deliveries.some((one) => one.path === '/pattern' && one.body['value'] === 23),
    )
    await unsubscribe(all)
  })

  it('tells 404 of a subscription that is not there', async () => {
    assert.equal((await ask('DELETE', undefined, 'nothing'))[0], 404)
  })

  it('delivers the coming and going of devices', async () => {
    const subscriptions: Subscription[] = []
    for (const event of ['connected', 'updated', 'disconnected', 'expired']) {
      subscriptions.push(await subscribe(`/${event}`, { event, endpoint: 'guest-?' }))
    }
    const guest = new Lwm2mClient({ endpoint: 'guest-1', server, lifetime: 60 })
    await register(guest)
    const connected = await receiver.next('/connected')
    assert.deepEqual(
      [connected['subscription'], connected['endpoint'], connected['event']],
      [subscriptions[0]?.id, 'guest-1', 'connected'],
    )
    assert.equal((connected['device'] as { lifetime: number }).lifetime, 60)
    await guest.update()
    assert.equal((await receiver.next('/updated'))['event'], 'updated')
    await guest.stop()
    assert.equal((await receiver.next('/disconnected'))['event'], 'disconnected')
    const brief = new Lwm2mClient({ endpoint: 'guest-2', server, lifetime: 1 })
    await register(brief)
    await brief.stop({ deregister: false })
    assert.equal((await receiver.next('/expired'))['endpoint'], 'guest-2')
    assert.equal(receiver.count('/disconnected'), 1)
    for (const one of subscriptions) await unsubscribe(one)
  })

  it('tries again what is refused or not answered', async () => {
    receiver.refusals.set('/flaky', [500])
    const flaky = await subscribe('/flaky', { path: PATH, endpoint: DEVICE })
    const refused = await receiver.next('/flaky')
    assert.deepEqual(await receiver.next('/flaky'), refused, 'the same, once more')
    await unsubscribe(flaky)
  })

  it('keeps subscriptions and observations when Node-RED is killed', async () => {
    const { secret, ...kept } = await subscribe('/kept', { path: PATH, endpoint: DEVICE })
    assert.equal(typeof secret, 'string')
    await receiver.next('/kept')
    await red.stop('SIGKILL')
    const before = receiver.count('/kept')
    red = await NodeRed.start({ userDir })
    const [, list] = await ask('GET')
    assert.deepEqual(list, [kept])
    await device.stop({ deregister: false })
    device = newDevice()
    await register(device)
    const delivery = await receiver.next('/kept')
    assert.deepEqual([delivery['subscription'], delivery['value']], [kept.id, 20])
    assert.ok(receiver.count('/kept') > before)
    await unsubscribe(kept)
    const [, none] = await ask('GET')
    assert.deepEqual(none, [])
  })

  it('signs what it delivers with the secret that only the subscriber was told', async () => {
    const given = 'a secret of the receiver'
    const own = await subscribe('/signed', { path: PATH, endpoint: DEVICE, secret: given })
    const generated = await subscribe('/generated', { path: PATH, endpoint: DEVICE })
    for (const { id, secret } of [own, generated]) {
      const path = id === own.id ? '/signed' : '/generated'
      if (path === '/generated') device.set(PATH, 31)
      await receiver.next(path)
      const delivery = receiver.deliveries.find((one) => one.path === path)
      const expected = createHmac('sha256', String(secret)).update(delivery?.text ?? '')
      assert.equal(delivery?.headers['x-signature-256'], `sha256=${expected.digest('hex')}`)
    }
    assert.equal(own['secret'], given)
    const [, list] = await ask('GET')
    assert.doesNotMatch(JSON.stringify(list), /secret/)
    for (const one of [own, generated]) await unsubscribe(one)
  })

  it('matches any pattern in linear time', async () => {
    const slow = await subscribe('/slow', { event: 'connected', endpoint: `${'*a'.repeat(60)}b` })
    const fast = await subscribe('/fast', { event: 'connected', endpoint: 'aaa*' })
    const guest = new Lwm2mClient({ endpoint: 'a'.repeat(120), server, lifetime: 60 })
    await register(guest)
    assert.equal((await receiver.next('/fast'))['endpoint'], 'a'.repeat(120))
    assert.equal(receiver.count('/slow'), 0)
    await guest.stop()
    for (const one of [slow, fast]) await unsubscribe(one)
  })

  it('answers 413 to a large body', async () => {
    assert.equal((await ask('POST', { url: 'x'.repeat(20_000) }))[0], 413)
  })

  it('generates a token where none is given, prints it once and keeps its hash', async () => {
    const { flow } = await moveExample('webhooks')
    const { id } = nodeOf(flow, 'function', 'authenticate')
    assert.equal(await red.status(id, () => true), 'token: LWM2M_API_TOKEN')
    assert.doesNotMatch(red.output, /API token/)
    await red.deploy(flow)
    assert.equal(await red.status(id, (text) => /see the log/.test(text)), 'token: see the log')
    const token = /API token, shown only now: (\S+)/.exec(red.output)?.[1] ?? ''
    const statusFor = async (bearer: string): Promise<number> =>
      (await fetch(`${red.url}/webhooks`, { headers: { authorization: `Bearer ${bearer}` } }))
        .status
    assert.equal(await statusFor(token), 200)
    assert.equal(await statusFor(TOKEN), 401)
    const context = await fetch(`${red.url}/context/flow/${String(nodeOf(flow, 'tab').id)}`)
    assert.ok(!(await context.text()).includes(token))
    await red.deploy(flow)
    assert.equal(await statusFor(token), 200, 'the same after a deploy')
    assert.equal(red.output.split('API token').length, 2, 'printed once')
  })

  for (const host of [
    '127.0.0.1',
    'localhost',
    '0x7f000001',
    '[::1]',
    '[::ffff:10.0.0.1]',
    '169.254.169.254',
    '192.168.1.1',
    '[fe80::1]',
  ]) {
    it(`does not call ${host} unless it is listed`, async () => {
      const token = /API token, shown only now: (\S+)/.exec(red.output)?.[1] ?? ''
      const [status, answer] = await ask('POST', { url: `http://${host}/`, path: PATH }, '', token)
      assert.equal(status, 400)
      assert.match((answer as { error: string }).error, /not public/)
    })
  }

  it('logs no error of its own', () => {
    assert.doesNotMatch(red.output, /\[error\]|TypeError|ReferenceError/)
  })
})
