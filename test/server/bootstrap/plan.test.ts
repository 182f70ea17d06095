import assert from 'node:assert/strict'
import { builtinModel } from '../../../src/lwm2m/model/object-model'
import { readDiscovery } from '../../../src/server/bootstrap/discovery'
import { planBootstrap, type Plan } from '../../../src/server/bootstrap/plan'
import { resolveConfiguration } from '../../../src/server/bootstrap/resolve-configuration'
import type { BootstrapConfiguration } from '../../../src/server/bootstrap/configuration'

const model = builtinModel()

type Partial = Omit<BootstrapConfiguration, 'endpoint' | 'servers'> & {
  servers?: BootstrapConfiguration['servers']
}

const server = { uri: 'coap://s', shortServerId: 101 }

function plan(configuration: Partial, links?: string, version?: string): Plan {
  const resolved = resolveConfiguration(
    { endpoint: 'dev1', servers: [server], ...configuration },
    'dev1',
    model,
  )
  const state = links === undefined ? undefined : readDiscovery(Buffer.from(links))
  return planBootstrap(resolved, state, version ?? state?.version, new Map())
}

const steps = (of: Plan): string[] => of.steps.map((step) => `${step.operation} ${step.path}`)

function written(of: Plan, path: string): Record<string, unknown> {
  const step = of.steps.find((one) => one.operation === 'write' && String(one.path) === path)
  assert.ok(step?.operation === 'write', `nothing written to ${path}`)
  return Object.fromEntries(
    step.records.map((one) => [
      String(one.path),
      one.value instanceof Uint8Array ? Buffer.from(one.value).toString() : String(one.value),
    ]),
  )
}

describe('the plan of a bootstrap', () => {
  it('deletes, writes /0, /1, /2, /21, the rest, and finishes', () => {
    const found = plan({
      servers: [
        { ...server, oscore: { 0: Buffer.from('master') } },
        { uri: 'coaps://t', shortServerId: 102, security: 'psk', key: '00' },
      ],
      resources: {
        '/3/0/15': 'Europe/Paris',
        '/2/0': { 0: 3, 1: 0, 2: { 101: 15 }, 3: 101 },
        '/16/0/0': { 0: 'value' },
      },
      read: ['/1', '/2/0'],
    })
    assert.deepEqual(steps(found), [
      'read /1',
      'read /2/0',
      'delete /0',
      'delete /1',
      'write /0/1',
      'write /0/2',
      'write /1/0',
      'write /1/1',
      'write /2/0',
      'write /21/0',
      'write /3/0/15',
      'write /16/0/0',
      'finish /',
    ])
  })

  it('writes all that Security and Server must have', () => {
    const found = plan({
      servers: [
        {
          ...server,
          uri: 'coaps://{endpoint}.example:5684',
          security: 'psk',
          identity: 'id-{endpoint}',
          key: 'k',
          keyFormat: 'text',
          lifetime: 300,
          minPeriod: 1,
          maxPeriod: 60,
          notificationStoring: false,
          securityResources: { 11: 5 },
          serverResources: { 5: 3600, 23: true },
        },
      ],
    })
    assert.deepEqual(written(found, '/0/1'), {
      '/0/1/0': 'coaps://dev1.example:5684',
      '/0/1/1': 'false',
      '/0/1/2': '0',
      '/0/1/3': 'id-dev1',
      '/0/1/4': '',
      '/0/1/5': 'k',
      '/0/1/10': '101',
      '/0/1/11': '5',
    })
    assert.deepEqual(written(found, '/1/0'), {
      '/1/0/0': '101',
      '/1/0/1': '300',
      '/1/0/2': '1',
      '/1/0/3': '60',
      '/1/0/6': 'false',
      '/1/0/7': 'U',
      '/1/0/5': '3600',
      '/1/0/23': 'true',
    })
  })

  it('links an OSCORE account to its /21', () => {
    const found = plan(
      { servers: [{ ...server, oscore: { 0: Buffer.from('s'), 1: Buffer.from('c') } }] },
      '</>;lwm2m=1.1,</0/0>,</21/0>',
    )
    assert.equal(written(found, '/0/1')['/0/1/17'], '21:1')
    assert.deepEqual(written(found, '/21/1'), { '/21/1/0': 's', '/21/1/1': 'c' })
  })

  describe('queue mode', () => {
    const binding = (configured: string, version: string | undefined) =>
      written(
        plan(
          { servers: [{ ...server, binding: configured, queueMode: true }] },
          undefined,
          version,
        ),
        '/1/0',
      )['/1/0/7']

    it('is in the binding of 1.0, and of devices that do not say their version', () => {
      assert.equal(binding('U', '1.0'), 'UQ')
      assert.equal(binding('US', '1.0'), 'UQS')
      assert.equal(binding('S', undefined), 'SQ')
    })

    it('is left to devices of 1.1 and later', () => {
      assert.equal(binding('U', '1.1'), 'U')
      assert.equal(binding('UT', '1.2'), 'UT')
    })
  })

  describe('respects the bootstrap account', () => {
    it('skips its id, wherever it is', () => {
      const three = [101, 102, 103, 104].map((shortServerId) => ({ ...server, shortServerId }))
      const found = plan(
        { servers: three },
        '</>;lwm2m=1.1,</0/0>;ssid=9,</0/3>,</1/0>;ssid=9,</3/0>',
      )
      assert.deepEqual(steps(found), [
        'delete /0/0',
        'delete /1',
        'write /0/0',
        'write /0/1',
        'write /0/2',
        'write /0/4',
        'write /1/0',
        'write /1/1',
        'write /1/2',
        'write /1/3',
        'finish /',
      ])
    })

    it('even where the configuration names its id', () => {
      const found = plan(
        { servers: [{ ...server, securityInstance: 1 }], delete: ['/0/1', '/0/2'] },
        '</0/1>,</0/2>;ssid=5,</0/3>;ssid=6',
      )
      assert.deepEqual(steps(found), ['delete /0/2', 'write /0/0', 'write /1/0', 'finish /'])
      assert.deepEqual(found.notes, [
        '/0/1 is not deleted: it is the bootstrap account',
        '/0/1 is the bootstrap account: server 101 uses another instance',
      ])
    })

    it('takes 0 and 65535, which are not server ids, for it', () => {
      for (const reserved of [0, 65535]) {
        const found = plan({}, `</0/0>;ssid=${reserved},</0/1>;ssid=5`)
        assert.deepEqual(steps(found), ['delete /0/1', 'write /0/1', 'write /1/0', 'finish /'])
      }
    })

    it('lets the device spare it where several could be it', () => {
      const found = plan({}, '</0/0>,</0/1>,</0/2>;ssid=5,</1/0>')
      assert.deepEqual(steps(found), [
        'delete /0',
        'delete /1',
        'write /0/2',
        'write /1/0',
        'finish /',
      ])
      assert.match(found.notes[0] ?? '', /several Security instances have no short server id/)
    })

    it('takes /0/0 for it where the device hides it, unless that is another', () => {
      for (const links of ['</>;lwm2m=1.1,</1>,</3/0>', '</0/1>;ssid=5,</3/0>']) {
        assert.deepEqual(steps(plan({}, links)).slice(-3), ['write /0/1', 'write /1/0', 'finish /'])
      }
      const shown = steps(plan({}, '</0/0>;ssid=5,</3/0>'))
      assert.deepEqual(shown, ['delete /0/0', 'write /0/0', 'write /1/0', 'finish /'])
    })

    it('takes /0/0 for it where the device says nothing', () => {
      const found = plan({ delete: ['/0/0', '/0/1', '/5/0'] })
      assert.deepEqual(steps(found), ['delete /5/0', 'write /0/1', 'write /1/0', 'finish /'])
      assert.equal(found.notes.length, 2)
    })

    it('unless the configuration insists on that id for such devices', () => {
      const found = plan({ servers: [{ ...server, securityInstance: 0, serverInstance: 7 }] })
      assert.deepEqual(steps(found).slice(2), ['write /0/0', 'write /1/7', 'finish /'])
    })
  })

  describe('deletes', () => {
    it('nothing that is not there', () => {
      const fresh = '</>;lwm2m=1.1,</0/0>,</1>,</3/0>'
      assert.deepEqual(steps(plan({}, fresh)), ['write /0/1', 'write /1/0', 'finish /'])
      const asked = plan(
        { delete: ['/3303', '/4/0', '/3300/1'] },
        '</0/0>,</3303>,</4/1>,</3300/1>',
      )
      assert.deepEqual(steps(asked).slice(0, 2), ['delete /3300/1', 'write /0/1'])
    })

    it('everything but the Device object and the bootstrap account for /', () => {
      const found = plan(
        { delete: ['/', '/1/0'] },
        '</0/0>,</0/1>;ssid=5,</1/0>,</2/0>,</3/0>,</5>,</3303/0>,</3303/1>',
      )
      assert.deepEqual(steps(found), [
        'delete /0/1',
        'delete /1',
        'delete /2',
        'delete /3303',
        'write /0/1',
        'write /1/0',
        'finish /',
      ])
      assert.deepEqual(steps(plan({ delete: ['/', '/5'] })).slice(0, 2), ['delete /', 'write /0/1'])
    })

    it('nothing by choice: accounts of the same server are overwritten, others kept', () => {
      const found = plan(
        { delete: [] },
        '</0/0>,</0/1>;ssid=5,</0/7>;ssid=101,</1/2>;ssid=101,</1/0>;ssid=5',
      )
      assert.deepEqual(steps(found), ['write /0/7', 'write /1/2', 'finish /'])
      assert.deepEqual(steps(plan({ delete: [] }, '</0/0>,</0/1>;ssid=5,</1/0>;ssid=5')), [
        'write /0/2',
        'write /1/1',
        'finish /',
      ])
    })
  })

  it('gives deleted accounts’ ids away again, and leaves explicit ones to whom they belong', () => {
    assert.deepEqual(steps(plan({}, '</0/0>,</0/7>;ssid=101,</1/3>;ssid=101')), [
      'delete /0/7',
      'delete /1',
      'write /0/1',
      'write /1/0',
      'finish /',
    ])
    const servers = [
      server,
      { ...server, shortServerId: 102, securityInstance: 1, serverInstance: 0 },
    ]
    assert.deepEqual(steps(plan({ servers }, '</0/0>')), [
      'write /0/2',
      'write /0/1',
      'write /1/1',
      'write /1/0',
      'finish /',
    ])
  })

  it('writes the resources of an instance that is not there as one instance', () => {
    const resources = {
      '/4/0/0': 1,
      '/16/0/0': { 0: 'a' },
      '/16/1/0': { 0: 'b' },
      '/2/0/3': 101,
      '/2/0/0': 3,
    }
    const found = plan({ resources }, '</0/0>,</2/0>,</3/0>,</4/0>,</16/1>')
    assert.deepEqual(steps(found).slice(2), [
      'write /2/0/3',
      'write /2/0/0',
      'write /4/0/0',
      'write /16/0',
      'write /16/1/0',
      'finish /',
    ])
    const afterDelete = plan({ resources, delete: ['/2'] }, '</0/0>,</2/0>,</4/0>')
    assert.deepEqual(written(afterDelete, '/2/0'), { '/2/0/3': '101', '/2/0/0': '3' })
  })

  it('knows resources by their names', () => {
    const found = plan({ resources: { '/3/0': { Timezone: 'Europe/Paris' } } }, '</0/0>,</3/0>')
    assert.deepEqual(written(found, '/3/0'), { '/3/0/15': 'Europe/Paris' })
  })

  it('understands the discovery replies of 1.0 and of odd devices', () => {
    const state = readDiscovery(
      Buffer.from('lwm2m="1.0",</0/0>,</0/1>;ssid="5",</1>,</1/0>;ssid=5'),
    )
    assert.equal(state.version, '1.0')
    assert.deepEqual(state.security, [
      { instance: 0, shortServerId: undefined },
      { instance: 1, shortServerId: 5 },
    ])
    assert.deepEqual([...state.servers], [[5, 0]])
    assert.deepEqual(
      [
        ...readDiscovery(Buffer.from('</>;lwm2m="1.2",</0/0>,</0/0>,</3>,</x/y>,</dev1/5/0>'))
          .objects,
      ],
      [
        [0, [0]],
        [3, []],
      ],
    )
    assert.throws(() => readDiscovery(Buffer.from('</0/0')), { name: 'LinkFormatError' })
  })
})
