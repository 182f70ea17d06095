import assert from 'node:assert/strict'
import { Lwm2mClient } from '../../src/client/lwm2m-client'
import { NodeRed } from '../support/node-red'
import { moveExample, nodeOf } from './support/examples'
import { EventStream } from './support/event-stream'

const DEVICE = 'rest-2'
const TOKEN = 'a token of the test'
const ok = { valid: true, success: true, failure: false }

describe('the example rest-gateway, over HTTP', function () {
  this.timeout(120_000)
  let red: NodeRed
  let device: Lwm2mClient
  let server: string

  before(async () => {
    red = await NodeRed.start()
    const { flow, port } = await moveExample('rest-gateway', {
      tab: { env: [{ name: 'LWM2M_API_TOKEN', value: TOKEN, type: 'str' }] },
      'lwm2m-server': { ackTimeout: '0.4', maxRetransmit: '2' },
    })
    server = `coap://127.0.0.1:${port(56932)}`
    await red.deploy(flow)
    device = new Lwm2mClient({
      endpoint: DEVICE,
      server,
      lifetime: 300,
      objects: {
        3: { 0: { 0: 'Works', 4: null, 6: [1, 5], 14: '+00:00', 15: 'UTC' } },
        19: { 0: { 0: { value: ['AP8='], operations: 'RW' } } },
        3303: { 0: { 5700: 21.5, 5701: 'Cel', 5605: null, 5601: 21.5, 5602: 21.5 } },
        3306: { 0: { 5850: false, 5851: 20, 5852: 0, 5853: 'idle' } },
      },
    })
    const registered = new Promise<void>((resolve) => device.on('registered', () => resolve()))
    await device.start()
    await registered
  })

  after(async () => {
    await device?.stop()
    await red?.stop()
  })

  /** `[status, body]` of a request with the token; a body that is no text goes as JSON. */
  async function ask(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
    const response = await fetch(`${red.url}/api/${path}`, {
      method,
      signal: AbortSignal.timeout(20_000),
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined
          ? {}
          : { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' }),
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return [response.status, await response.json()]
  }
  const at = (path: string): string => `clients/${DEVICE}${path}`
  const changed = { status: 'CHANGED(204)', ...ok }
  const valueOf = (path: string): unknown => device.records(path)[0]?.value

  it('refuses who has no token, or a wrong one', async () => {
    const headersOf = (authorization?: string): { [name: string]: string } =>
      authorization === undefined ? {} : { authorization }
    for (const headers of [undefined, 'Bearer wrong', TOKEN].map(headersOf)) {
      for (const path of ['clients', at('/3/0/0'), 'event']) {
        const response = await fetch(`${red.url}/api/${path}`, { headers })
        assert.equal(response.status, 401)
        assert.equal(response.headers.get('www-authenticate'), 'Bearer')
        assert.ok('error' in ((await response.json()) as object))
      }
    }
    const written = await fetch(`${red.url}/api/${at('/3/0/15')}`, { method: 'PUT', body: 'CET' })
    assert.equal(written.status, 401)
    assert.equal(valueOf('/3/0/15'), 'UTC')
  })

  it('lists the devices, and tells of one', async () => {
    const [status, list] = await ask('GET', 'clients')
    assert.equal(status, 200)
    const found = (list as { endpoint: string }[]).find(({ endpoint }) => endpoint === DEVICE)
    const [one, client] = await ask('GET', `clients/${DEVICE}`)
    assert.equal(one, 200)
    assert.deepEqual(client, found)
    const { registrationDate, lastUpdate, address, objectLinks, ...rest } = client as {
      [name: string]: unknown
    }
    assert.ok(Date.parse(String(registrationDate)) <= Date.parse(String(lastUpdate)))
    assert.match(String(address), /127\.0\.0\.1:\d+$/)
    assert.ok(Array.isArray(objectLinks))
    assert.deepEqual(
      objectLinks.filter(({ url }: { url: string }) => url.split('/').length === 3),
      ['/1/0', '/3/0', '/19/0', '/3303/0', '/3306/0'].map((url) => ({ url, attributes: {} })),
    )
    assert.deepEqual(rest, {
      endpoint: DEVICE,
      lwM2mVersion: '1.1',
      lifetime: 300,
      bindingMode: 'U',
      queuemode: false,
      sleeping: false,
      rootPath: '/',
      secure: false,
      additionalRegistrationAttributes: {},
    })
  })

  for (const [path, content] of [
    ['/3/0/0', { kind: 'singleResource', id: 0, type: 'STRING', value: 'Works' }],
    ['/3/0/6', { kind: 'multiResource', id: 6, type: 'INTEGER', values: { 0: 1, 1: 5 } }],
    ['/3/0/6/1', { kind: 'resourceInstance', id: 1, type: 'INTEGER', value: 5 }],
    ['/19/0/0', { kind: 'multiResource', id: 0, type: 'OPAQUE', values: { 0: '00ff' } }],
    [
      '/3306/0',
      {
        kind: 'instance',
        id: 0,
        resources: [
          { kind: 'singleResource', id: 5850, type: 'BOOLEAN', value: false },
          { kind: 'singleResource', id: 5851, type: 'INTEGER', value: 20 },
          { kind: 'singleResource', id: 5852, type: 'INTEGER', value: 0 },
          { kind: 'singleResource', id: 5853, type: 'STRING', value: 'idle' },
        ],
      },
    ],
  ] as const) {
    it(`GET reads ${path}`, async () => {
      const [status, body] = await ask('GET', at(path))
      assert.equal(status, 200)
      assert.deepEqual(body, { status: 'CONTENT(205)', ...ok, content })
    })
  }

  it('GET reads an object', async () => {
    const [, body] = await ask('GET', at('/3306'))
    const { content } = body as { content: { kind: string; id: number; instances: object[] } }
    assert.deepEqual([content.kind, content.id, content.instances.length], ['obj', 3306, 1])
  })

  it('GET takes the format to read in', async () => {
    for (const format of ['TLV', 'SENML_JSON', 'SENML_CBOR']) {
      const [status, body] = await ask('GET', at(`/3306/0/5851?format=${format}`))
      assert.deepEqual([status, (body as { content: { value: number } }).content.value], [200, 20])
    }
    const [status] = await ask('GET', at('/3306/0/5851?format=morse'))
    assert.equal(status, 400)
  })

  for (const [what, path, body, value] of [
    [
      'Leshan’s words',
      '/3/0/15',
      { id: 15, kind: 'singleResource', type: 'STRING', value: 'Europe/Paris' },
      'Europe/Paris',
    ],
    ['text', '/3306/0/5853', 'busy', 'busy'],
    ['quoted text', '/3306/0/5853', '"22"', '22'],
    ['a number', '/3306/0/5851', '42', 42],
    ['a boolean', '/3306/0/5850', 'true', true],
    [
      'an integer as text',
      '/3306/0/5852',
      { id: 5852, kind: 'singleResource', type: 'INTEGER', value: '9007199254740993' },
      9007199254740993n,
    ],
  ] as const) {
    it(`PUT writes a value: ${what}`, async () => {
      assert.deepEqual(await ask('PUT', at(path), body), [200, changed])
      assert.equal(valueOf(path), value)
    })
  }

  it('PUT writes bytes in hex', async () => {
    const body = { id: 0, kind: 'multiResource', type: 'OPAQUE', values: { 0: 'c0ffee' } }
    assert.deepEqual(await ask('PUT', at('/19/0/0'), body), [200, changed])
    assert.equal(Buffer.from(valueOf('/19/0/0/0') as Uint8Array).toString('hex'), 'c0ffee')
  })

  it('PUT ?replace=false and POST write a part of an instance, PUT all of it', async () => {
    assert.deepEqual(await ask('PUT', at('/3306/0?replace=false'), { 5851: 1 }), [200, changed])
    assert.equal(valueOf('/3306/0/5853'), '22')
    const resources = [{ id: 5851, kind: 'singleResource', type: 'INTEGER', value: 2 }]
    assert.deepEqual(await ask('POST', at('/3306/0'), { id: 0, kind: 'instance', resources }), [
      200,
      changed,
    ])
    assert.deepEqual([valueOf('/3306/0/5851'), valueOf('/3306/0/5853')], [2, '22'])
    const all = { 5850: false, 5851: 3, 5853: 'whole' }
    assert.deepEqual(await ask('PUT', at('/3306/0'), all), [200, changed])
    assert.deepEqual([valueOf('/3306/0/5851'), valueOf('/3306/0/5853')], [3, 'whole'])
  })

  it('POST executes', async () => {
    const seen: unknown[] = []
    const stop = device.on('executed', ({ path, args }) => seen.push([String(path), ...args]))
    assert.deepEqual(await ask('POST', at('/3303/0/5605')), [200, changed])
    assert.deepEqual(await ask('POST', at('/3303/0/5605'), "0='a'"), [200, changed])
    assert.deepEqual(await ask('POST', at('/3303/0/5605'), { 1: 'b' }), [200, changed])
    stop()
    assert.deepEqual(seen, [
      ['/3303/0/5605'],
      ['/3303/0/5605', [0, 'a']],
      ['/3303/0/5605', [1, 'b']],
    ])
  })

  it('POST creates, DELETE deletes', async () => {
    const [status, body] = await ask('POST', at('/3306'), {
      id: 7,
      resources: [{ id: 5850, kind: 'singleResource', type: 'BOOLEAN', value: true }],
    })
    assert.equal(status, 200)
    assert.deepEqual(body, { status: 'CREATED(201)', ...ok, location: '/3306/7' })
    assert.equal(valueOf('/3306/7/5850'), true)
    const [, chosen] = await ask('POST', at('/3306'), { 5850: false })
    const { location } = chosen as { location: string }
    assert.match(location, /^\/3306\/\d+$/)
    for (const path of ['/3306/7', location]) {
      assert.deepEqual(await ask('DELETE', at(path)), [200, { status: 'DELETED(202)', ...ok }])
    }
    assert.deepEqual(device.records('/3306/7'), [])
  })

  it('writes attributes and discovers them', async () => {
    const written = await ask('PUT', at('/3303/0/5700/attributes?pmin=10&pmax=60&gt=30.5'))
    assert.deepEqual(written, [200, changed])
    const [status, body] = await ask('GET', at('/3303/0/5700/discover'))
    assert.equal(status, 200)
    assert.deepEqual(body, {
      status: 'CONTENT(205)',
      ...ok,
      objectLinks: [{ url: '/3303/0/5700', attributes: { pmin: 10, pmax: 60, gt: 30.5 } }],
    })
    await ask('PUT', at('/3303/0/5700/attributes?pmin=&pmax=&gt='))
    const [, after] = await ask('GET', at('/3303/0/discover'))
    const { objectLinks } = after as { objectLinks: { url: string; attributes: object }[] }
    assert.equal(objectLinks.length, 6)
    assert.ok(objectLinks.every(({ attributes }) => Object.keys(attributes).length === 0))
  })

  it('reads, writes and observes several paths at once', async () => {
    const [status, read] = await ask('GET', at('/composite?paths=/3/0/0,/3306/0/5851'))
    assert.equal(status, 200)
    assert.deepEqual((read as { content: unknown }).content, {
      '/3/0/0': { kind: 'singleResource', id: 0, type: 'STRING', value: 'Works' },
      '/3306/0/5851': { kind: 'singleResource', id: 5851, type: 'INTEGER', value: 3 },
    })
    const written = await ask('PUT', at('/composite'), {
      '/3/0/14': { id: 14, kind: 'singleResource', type: 'STRING', value: '+02:00' },
      '/3306/0/5851': 4,
    })
    assert.deepEqual(written, [200, changed])
    assert.deepEqual([valueOf('/3/0/14'), valueOf('/3306/0/5851')], ['+02:00', 4])
    const paths = '?paths=/3/0/14,/3306/0/5851'
    const [, observed] = await ask('POST', at(`/composite/observe${paths}`))
    assert.equal((observed as { success: boolean }).success, true)
    assert.equal(device.observations.length, 1)
    const [cancelled] = await ask('DELETE', at(`/composite/observe${paths}`))
    assert.equal(cancelled, 200)
  })

  it('streams registrations, updates and notifications, of all or of one device', async () => {
    const all = await EventStream.open(`${red.url}/api/event`, TOKEN)
    const other = await EventStream.open(`${red.url}/api/event?ep=nobody`, TOKEN)
    const one = await EventStream.open(`${red.url}/api/event?ep=${DEVICE}`, TOKEN)
    const path = '/3306/0/5851'
    const [, observed] = await ask('POST', at(`${path}/observe`))
    assert.deepEqual(observed, {
      status: 'CONTENT(205)',
      ...ok,
      content: { kind: 'singleResource', id: 5851, type: 'INTEGER', value: 4 },
    })
    device.set(path, 5)
    for (const stream of [all, one]) {
      const { data } = await stream.next('NOTIFICATION')
      const { ep, res, records } = data as { ep: string; res: string; records: { value: number }[] }
      assert.deepEqual([ep, res, records[0]?.value], [DEVICE, path, 5])
    }
    const [cancelled] = await ask('DELETE', at(`${path}/observe`))
    assert.equal(cancelled, 200)
    const [again, reason] = await ask('DELETE', at(`${path}/observe`))
    assert.deepEqual([again, (reason as { code: string }).code], [404, 'not-observed'])
    await device.update()
    assert.equal(((await one.next('UPDATED')).data as { ep: string }).ep, DEVICE)

    const passing = new Lwm2mClient({ endpoint: 'passing', server })
    // Only a device that knows of its registration says good-bye.
    const registered = new Promise((resolve) => passing.once('registered', resolve))
    await passing.start()
    await registered
    assert.equal(((await all.next('REGISTRATION')).data as { ep: string }).ep, 'passing')
    await passing.stop()
    assert.equal(((await all.next('DEREGISTRATION')).data as { ep: string }).ep, 'passing')
    assert.deepEqual(one.names, ['NOTIFICATION', 'UPDATED'])
    assert.deepEqual(other.names, [])
    for (const stream of [all, one, other]) stream.close()
  })

  it('tells what the device refused with success false', async () => {
    for (const [method, path, status, body] of [
      ['GET', '/3306/9', 'NOT_FOUND(404)'],
      ['PUT', '/3303/0/5700', 'METHOD_NOT_ALLOWED(405)', '7'],
      ['POST', '/3/0/0', 'METHOD_NOT_ALLOWED(405)'],
      ['DELETE', '/3/0', 'METHOD_NOT_ALLOWED(405)'],
      ['POST', '/3306/9/1/observe', 'NOT_FOUND(404)'],
    ] as const) {
      const [code, answer] = await ask(method, at(path), body)
      const { errormessage, ...rest } = answer as { errormessage: string }
      assert.equal(code, 200, `${method} ${path}: ${JSON.stringify(answer)}`)
      assert.deepEqual(rest, { status, valid: true, success: false, failure: true })
      assert.notEqual(errormessage, '')
    }
  })

  for (const [what, method, path, status, body] of [
    ['a device that is not there', 'GET', 'clients/nobody', 404],
    ['a value of a device that is not there', 'GET', 'clients/nobody/3/0/0', 404],
    ['a pattern for a device', 'GET', 'clients/rest-*', 404],
    ['a path that is none', 'GET', at('/3/x'), 400],
    ['a path that is too long', 'GET', at('/3/0/0/0/0'), 400],
    ['a route that is none', 'GET', 'clientsX', 404],
    ['a change of the list', 'POST', 'clients', 405],
    ['a change of a device', 'DELETE', at(''), 405],
    ['a write without a value', 'PUT', at('/3/0/15'), 400],
    ['a write of a wrong type', 'PUT', at('/3306/0/5851'), 400, '"much"'],
    ['an attribute that is none', 'PUT', at('/3303/0/5700/attributes?often=1'), 400],
    ['an attribute that is not a number', 'PUT', at('/3303/0/5700/attributes?pmin=x'), 400],
    ['a time-out that is not a number', 'GET', at('/3/0/0?timeout=x'), 400],
    ['composite without paths', 'GET', at('/composite'), 400],
    ['composite of a text', 'PUT', at('/composite'), 400, 'x'],
    ['composite by POST', 'POST', at('/composite?paths=/3'), 405],
    ['composite discover', 'GET', at('/composite/discover?paths=/3'), 404],
    ['a deletion of several', 'DELETE', at('/composite?paths=/3306/0'), 405],
    ['GET of observe', 'GET', at('/3/0/0/observe'), 405],
  ] as const) {
    it(`answers ${status} to ${what}`, async () => {
      const [code, answer] = await ask(method, path, body)
      assert.equal(code, status, JSON.stringify(answer))
      assert.equal(typeof (answer as { error: string }).error, 'string')
    })
  }

  it('answers 415 to a form', async () => {
    const response = await fetch(`${red.url}/api/${at('/3/0/15')}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: new URLSearchParams({ value: 'x' }),
    })
    assert.equal(response.status, 415)
  })

  it('answers 504 when a device is silent', async () => {
    const mute = new Lwm2mClient({ endpoint: 'mute', server })
    const registered = new Promise<void>((resolve) => mute.on('registered', () => resolve()))
    await mute.start()
    await registered
    await mute.stop({ deregister: false })
    const [status, answer] = await ask('GET', 'clients/mute/3/0/0')
    assert.deepEqual([status, (answer as { code: string }).code], [504, 'timeout'])
  })

  it('answers 413 to a large body', async () => {
    assert.equal((await ask('PUT', at('/3/0/15'), 'x'.repeat(2_000_000)))[0], 413)
  })

  it('generates a token where none is given, prints it once and keeps its hash', async () => {
    const { flow } = await moveExample('rest-gateway')
    const { id } = nodeOf(flow, 'function', 'authenticate')
    assert.equal(await red.status(id, () => true), 'token: LWM2M_API_TOKEN')
    await red.deploy(flow)
    assert.equal(await red.status(id, (text) => /see the log/.test(text)), 'token: see the log')
    const token = /API token, shown only now: (\S+)/.exec(red.output)?.[1] ?? ''
    const statusFor = async (bearer: string): Promise<number> =>
      (await fetch(`${red.url}/api/clients`, { headers: { authorization: `Bearer ${bearer}` } }))
        .status
    assert.equal(await statusFor(token), 200)
    assert.equal(await statusFor(TOKEN), 401)
    const context = await fetch(`${red.url}/context/flow/${String(nodeOf(flow, 'tab').id)}`)
    assert.ok(!(await context.text()).includes(token))
  })

  it('logs no error of its own', () => {
    assert.doesNotMatch(red.output, /\[error\]|TypeError|ReferenceError/)
  })
})
