import assert from 'node:assert/strict'
import { CoapEndpoint } from '../../../src/coap/endpoint'
import { AwakeWindows } from '../../../src/server/channel/awake-window'
import { budgetLimits, RegistrationBudgets } from '../../../src/server/registration/budgets'
import {
  DeviceRegistration,
  newRegistrationId,
} from '../../../src/server/registration/device-registration'
import { ObjectLists } from '../../../src/server/registration/object-lists'
import { parseRegister } from '../../../src/server/registration/parameters'
import { RegistrationLifecycle } from '../../../src/server/registration/registration-lifecycle'
import type { RegistrationEvents } from '../../../src/server/registration/registration-events'
import { RegistrationPeers } from '../../../src/server/registration/registration-peers'
import { CachedRegistrations } from '../../../src/server/registration/repository'
import { TypedEmitter } from '../../../src/base/events'
import { NO_IDENTITY, type Peer } from '../../../src/transport/transport'
import { UdpTransport } from '../../../src/transport/udp'
import { Scheduler } from '../../../src/base/scheduler'
import { FakeClock } from '../../support/fake-clock'
import { OPEN_AUTHORITY } from '../../../src/server/registration/registration-authority'
import { seededRandom } from '../../support/random'
import { OBJECTS, register, Harness, toLocation } from './support/harness'
import { Opt } from '../../support/raw-coap'
import { cpuTime } from '../../support/cpu-time'

/** Registrations without sockets. */
class Fleet {
  readonly table = new CachedRegistrations()
  readonly clock = new FakeClock()
  readonly scheduler = new Scheduler(this.clock, (error) => this.errors.push(error))
  readonly errors: unknown[] = []
  readonly expired: string[] = []
  private readonly coap = new CoapEndpoint(new UdpTransport({ port: 0 }), { clock: this.clock })
  private readonly lists = new ObjectLists()
  private readonly events = new TypedEmitter<RegistrationEvents>()
  readonly lifecycle = new RegistrationLifecycle(
    this.scheduler,
    this.table,
    new RegistrationPeers(
      this.scheduler,
      this.table,
      { of: () => this.coap },
      OPEN_AUTHORITY,
      true,
      this.events,
      () => {},
    ),
    new AwakeWindows(this.scheduler, 1000, [], () => {}),
    new RegistrationBudgets(budgetLimits(), this.lists, this.clock),
    { grace: 0, renewOnReports: false },
    this.events,
    () => {},
  )

  constructor() {
    this.events.on('removed', ({ endpoint }, why) => {
      if (why === 'expired') this.expired.push(endpoint)
    })
  }

  register(index: number, address = index): DeviceRegistration {
    const host = `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`
    const peer: Peer = {
      id: `udp:${host}:5683`,
      identity: NO_IDENTITY,
      address: host,
      port: 5683,
      secure: false,
    }
    const registration = new DeviceRegistration(
      newRegistrationId(),
      `device-${index}`,
      peer,
      this.lists.parse(Buffer.from(OBJECTS), '1.1'),
      parseRegister(['lwm2m=1.1']),
      600,
      this.clock.now(),
    )
    void this.lifecycle.register(registration, this.table.get(registration.endpoint))
    return registration
  }
}

describe('many devices', () => {
  it('registering anew and de-registering cost the same with 100,000 as with few', function () {
    this.timeout(120_000)
    const fleet = new Fleet()
    /** The best of several rounds, ms: what else the machine does only ever adds. */
    const cost = (): number => {
      let best = Infinity
      for (let round = 0; round < 7; round++) {
        const took = cpuTime(() => {
          for (let i = 0; i < 500; i++) {
            fleet.register(i, 200_000 + i)
            const registration = fleet.register(i)
            void fleet.lifecycle.deregister(registration)
            fleet.register(i)
          }
        })
        best = Math.min(best, took)
      }
      return best
    }
    for (let i = 0; i < 500; i++) fleet.register(i)
    cost()
    const few = cost()
    for (let i = 500; i < 100_000; i++) fleet.register(i)
    const many = cost()
    assert.equal(fleet.table.size, 100_000)
    // Linear cost would be two hundred times as much; caches make some difference.
    assert.ok(many < few * 8, `${few.toFixed(2)} ms with 500, ${many.toFixed(2)} ms with 100,000`)
  })

  it('100,000 that fall silent together expire once each, in portions', function () {
    this.timeout(120_000)
    const fleet = new Fleet()
    for (let i = 0; i < 100_000; i++) fleet.register(i)
    fleet.clock.advance(599_000)
    assert.equal(fleet.expired.length, 0)
    fleet.clock.advance(1_000)
    assert.equal(fleet.expired.length, 100_000)
    assert.equal(new Set(fleet.expired).size, 100_000)
    assert.equal(fleet.table.size, 0)
  })

  it('registration ids are unguessable and do not repeat', () => {
    const ids = new Set(Array.from({ length: 10_000 }, newRegistrationId))
    assert.equal(ids.size, 10_000)
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{16}$/)
  })

  it('indexes never tell two stories, whatever comes, moves and goes', () => {
    const fleet = new Fleet()
    const random = seededRandom(3)
    const current = new Map<number, DeviceRegistration>()
    for (let step = 0; step < 20_000; step++) {
      const index = Math.floor(random() * 40)
      const address = Math.floor(random() * 30)
      const known = current.get(index)
      const choice = random()
      if (known === undefined || choice < 0.3) {
        current.set(index, fleet.register(index, address))
      } else if (choice < 0.6) {
        const { peer } = fleet.register(99, address)
        const other = fleet.table.get('device-99')
        if (other !== undefined) void fleet.lifecycle.deregister(other)
        void fleet.lifecycle.change(known, { peer })
      } else if (choice < 0.8) {
        void fleet.lifecycle.deregister(known)
        current.delete(index)
      } else {
        void fleet.lifecycle.renew(known)
      }
      assert.equal(fleet.table.size, current.size)
      const owners = new Map<string, DeviceRegistration>()
      for (const registration of current.values()) {
        assert.equal(fleet.table.byId(registration.id), registration)
        if (!registration.bound) continue
        // An address is at most one device's.
        assert.equal(owners.get(registration.peer.id), undefined)
        owners.set(registration.peer.id, registration)
        assert.equal(fleet.table.byPeer(registration.peer), registration)
      }
    }
  })

  it('random queries and lists are always answered, never with 5.00', async function () {
    this.timeout(120_000)
    const harness = await Harness.start()
    const random = seededRandom(11)
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
    const names = ['ep', 'lt', 'lwm2m', 'b', 'Q', 'sms', 'pid', '', 'x', '__proto__', 'toString']
    const values = [
      '',
      '=',
      '=a',
      '=1.1',
      '=1.2',
      '=U',
      '=UQ',
      '=60',
      '=-1',
      '=6:ab',
      '=\u0000',
      '=\uffff',
    ]
    const pieces = [
      '<',
      '>',
      '/',
      '1',
      '0',
      ';',
      ',',
      '=',
      '"',
      'rt',
      'oma.lwm2m',
      ' ',
      '\\',
      'é',
      '</3/0>',
    ]
    try {
      const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.2'])
      for (let i = 0; i < 3_000; i++) {
        const query = Array.from(
          { length: Math.floor(random() * 6) },
          () => pick(names) + pick(values),
        )
        if (random() < 0.5) query.push('ep=z', 'lwm2m=1.2')
        const noise = Array.from({ length: Math.floor(random() * 12) }, () => pick(pieces)).join('')
        const list = random() < 0.3 ? '</3/0>' : noise
        const message = random() < 0.5 ? register(query, list) : toLocation(id, query, list)
        const answer = await device.request({
          ...message,
          options: [...(message.options ?? [])].filter(([n]) => n !== Opt.CONTENT_FORMAT),
        })
        assert.ok(answer.code >> 5 === 2 || answer.code >> 5 === 4, `${query.join('&')} ${list}`)
        harness.clock.advance(1)
      }
      assert.ok(harness.named('registered').length > 10)
      assert.ok(harness.named('updated').length > 10)
    } finally {
      await harness.stop()
    }
  })
})
