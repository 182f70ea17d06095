import assert from 'node:assert/strict'
import { type NodeRed, NodeRed as Runtime } from '../support/node-red'
import type { DeviceDetail, DeviceList, ObjectInfo, ServerInfo } from '../../nodes/admin/contract'
import { NotifyingDevice } from '../nodes/support/notifying-device'
import { freeUdpPort } from '../support/ports'
import { demoFlow } from './support/flow'

const PASSWORD = 'a password of these tests'
/** bcrypt of it, as Node-RED's settings want it. */
const HASH = '$2b$04$MBYblHhrtemdhs3UKNBUCuToDgrBqkFE5Xt2gE5UatwdX3WiG8C.G'
const KEY = '00112233445566778899aabbccddeeff'

describe('admin HTTP API', function () {
  this.timeout(120_000)
  let red: NodeRed
  let port: number
  const tokens: { [user: string]: string } = {}

  /** With nobody's, the reader's or the writer's token. */
  function ask(path: string, user?: string, body?: object): Promise<Response> {
    return fetch(`${red.url}/lwm2m/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(user === undefined ? {} : { authorization: `Bearer ${tokens[user] ?? ''}` }),
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  async function get<T>(path: string, status = 200): Promise<T> {
    const response = await ask(path, 'reader')
    assert.equal(response.status, status, path)
    return (await response.json()) as T
  }

  before(async () => {
    const password = HASH
    port = await freeUdpPort()
    const flows = demoFlow(port).map((node) =>
      node.id === 'server'
        ? {
            ...node,
            devices: [{ id: 'entry', endpoint: 'other', mode: 'psk', identity: 'other' }],
            credentials: { keys: JSON.stringify({ entry: KEY }) },
          }
        : node,
    )
    red = await Runtime.start({
      settings: {
        httpAdminRoot: '/admin',
        adminAuth: {
          type: 'credentials',
          users: [
            { username: 'reader', password, permissions: 'read' },
            { username: 'writer', password, permissions: '*' },
          ],
        },
      },
    })
    for (const user of ['reader', 'writer']) {
      const response = await fetch(`${red.url}/auth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          client_id: 'node-red-admin',
          grant_type: 'password',
          scope: user === 'reader' ? 'read' : '*',
          username: user,
          password: PASSWORD,
        }),
      })
      assert.equal(response.status, 200)
      tokens[user] = ((await response.json()) as { access_token: string }).access_token
    }
    const deployed = await fetch(`${red.url}/flows`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens['writer'] ?? ''}`,
        'content-type': 'application/json',
        'Node-RED-API-Version': 'v2',
      },
      body: JSON.stringify({ flows }),
    })
    assert.equal(deployed.status, 200)
    const deadline = Date.now() + 60_000
    const registered = async (): Promise<number> => {
      const response = await ask('server/devices', 'reader')
      return response.ok ? ((await response.json()) as DeviceList).total : 0
    }
    while ((await registered()) < 2) {
      assert.ok(Date.now() < deadline, 'the devices did not register')
    }
  })
  after(() => red?.stop())

  it('answers nobody without a token', async () => {
    const paths = ['servers', 'server/devices', 'server/devices/room-1', 'server/model']
    for (const path of [...paths, 'server/model/3', 'server/search?q=x', 'server/traffic']) {
      assert.equal((await ask(path)).status, 401, path)
    }
    for (const path of ['server/devices/room-1/request', 'server/devices/room-1/watch']) {
      assert.equal((await ask(path, undefined, {})).status, 401, path)
    }
  })

  it('lets a reader look, and change nothing', async () => {
    const [server] = await get<ServerInfo[]>('servers')
    assert.equal(server?.state, 'running')
    assert.equal(server?.devices, 2)
    const body = { operation: 'write', path: '/3311/0/5851', value: 1 }
    assert.equal((await ask('server/devices/room-1/request', 'reader', body)).status, 401)
    const watch = { watcher: 'w', paths: ['/3/0/9'] }
    assert.equal((await ask('server/devices/room-1/watch', 'reader', watch)).status, 401)
    assert.equal((await ask('generate-key', 'reader', {})).status, 401)
  })

  it('lets a writer read and write', async () => {
    const write = { operation: 'write', path: '/3311/0/5851', value: '12' }
    const written = await ask('server/devices/room-1/request', 'writer', write)
    assert.equal(written.status, 200)
    assert.equal(((await written.json()) as { code: string }).code, '2.04')
    const read = { operation: 'read', path: '/3311/0/5851' }
    const answer = await ask('server/devices/room-1/request', 'writer', read)
    const outcome = (await answer.json()) as { values: { name: string; value: unknown }[] }
    assert.deepEqual(
      outcome.values.map(({ name, value }) => [name, value]),
      [['Dimmer', 12]],
    )
  })

  it('changes nothing by GET', async () => {
    for (const path of ['server/devices/room-1/request', 'server/devices/room-1/watch']) {
      assert.equal((await ask(path, 'writer')).status, 404, path)
    }
  })

  it('lists devices by name, no more than asked for', async () => {
    const list = await get<DeviceList>('server/devices?q=ROOM&limit=1')
    assert.deepEqual([list.devices.length, list.matching, list.total], [1, 2, 2])
    const device = await get<DeviceDetail>('server/devices/room-1')
    assert.equal(device.state, 'online')
    assert.deepEqual(device.pending, [])
    assert.deepEqual(
      device.objects
        .filter(({ id }) => id === 3303)
        .map(({ name, instances }) => [name, instances]),
      [['Temperature', [0, 1]]],
    )
  })

  it('knows the object model', async () => {
    const { name, resources } = await get<ObjectInfo>('server/model/3')
    assert.equal(name, 'Device')
    const battery = resources.find(({ id }) => id === 9)
    assert.deepEqual(battery?.operations, 'R')
    assert.equal((await get<ObjectInfo>('-/model/3')).name, 'Device')
  })

  it('answers errors as JSON with a code', async () => {
    const of = async (response: Promise<Response>): Promise<[number, string]> => {
      const { status, ...rest } = await response.then(async (found) => ({
        status: found.status,
        body: (await found.json()) as { code: string; message: string },
      }))
      assert.equal(typeof rest.body.message, 'string')
      return [status, rest.body.code]
    }
    assert.deepEqual(await of(ask('nobody/devices', 'reader')), [404, 'unknown-server'])
    assert.deepEqual(await of(ask('server/devices/none', 'reader')), [404, 'unknown-endpoint'])
    assert.deepEqual(await of(ask('server/model/31999', 'reader')), [404, 'unknown-object'])
    const room = 'server/devices/room-1'
    assert.deepEqual(await of(ask(`${room}/watch`, 'writer', {})), [400, 'invalid-argument'])
    assert.deepEqual(
      await of(ask(`${room}/request`, 'writer', { operation: 'format', path: '/3' })),
      [400, 'invalid-argument'],
    )
    assert.deepEqual(
      await of(ask(`${room}/request`, 'writer', { operation: 'read', path: '/31999/0/1' })),
      [422, '4.04'],
    )
    assert.deepEqual(await of(ask(`${room}/values?watcher=none`, 'reader')), [
      404,
      'unknown-watcher',
    ])
  })

  const ODD = { toString: 1 }
  for (const [route, body] of [
    ['request', []],
    ['request', { operation: 'read', path: ODD }],
    ['request', { operation: ODD, path: '/3' }],
    ['request', { operation: 'read' }],
    ['request', { operation: 'write', path: '/3311/0/5850' }],
    ['request', { operation: 'write', path: '/3311/0', value: { 5850: [[[[[[1]]]]]] } }],
    ['request', { operation: 'execute', path: '/3/0/4', value: { toString: 1 } }],
    ['request', { operation: 'write-attributes', path: '/3/0/9', value: ODD }],
    ['request', { operation: 'write-attributes', path: '/3/0/9', value: 'pmin' }],
    ['watch', { watcher: ODD, paths: ['/3/0/9'] }],
    ['watch', { watcher: 'w', paths: [ODD] }],
    ['watch', { watcher: 'w', paths: '/3/0/9' }],
  ] as const) {
    it(`answers 400 to ${route} with ${JSON.stringify(body)}`, async () => {
      const response = await ask(`server/devices/room-1/${route}`, 'writer', body)
      assert.equal(response.status, 400)
      assert.equal(((await response.json()) as { code: string }).code, 'invalid-argument')
    })
  }

  it('answers 400 to a body that is not valid JSON', async () => {
    for (const route of ['request', 'watch']) {
      const response = await fetch(`${red.url}/lwm2m/server/devices/room-1/${route}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens['writer'] ?? ''}` },
        body: 'operation=read',
      })
      assert.equal(response.status, 400, route)
    }
  })

  it('takes odd values of a query', async () => {
    for (const query of ['?limit=NaN&q[]=x', '?limit=-5', '?limit=1e99', '?q=%00&q=y']) {
      await get<DeviceList>(`server/devices${query}`)
      await get<object>(`server/traffic${query}&since=x`)
    }
    await get<object>('server/model/3?version=x')
    await get<object>('server/model/NaN', 404)
  })

  it('reaches endpoints that are called like folders', async () => {
    for (const name of ['.', '..', '~x']) {
      const device = await NotifyingDevice.open(name, port)
      await device.register()
      const detail = await get<DeviceDetail>(`server/devices/~${encodeURIComponent(name)}`)
      assert.equal(detail.endpoint, name)
      device.close()
    }
  })

  it('never tells a key', async () => {
    const paths = ['servers', 'server/devices', 'server/devices/room-1', 'server/traffic']
    for (const path of paths) {
      const text = await (await ask(path, 'writer')).text()
      assert.ok(!text.includes(KEY), path)
    }
    const flows = await fetch(`${red.url}/flows`, {
      headers: { authorization: `Bearer ${tokens['writer'] ?? ''}` },
    })
    assert.ok(!(await flows.text()).includes(KEY))
    const kept = await fetch(`${red.url}/credentials/lwm2m-server/server`, {
      headers: { authorization: `Bearer ${tokens['writer'] ?? ''}` },
    })
    assert.equal(kept.status, 200)
    assert.ok(!(await kept.text()).includes(KEY))
  })
})
