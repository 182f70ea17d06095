import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskStore } from '../../../src/storage/disk-store'
import { FakeClock } from '../../support/fake-clock'
import { seededRandom } from '../../support/random'
import { FailingDisk } from '../../storage/support/failing-level'
import { Harness, locationOf, OBJECTS, register, toLocation } from '../registration/support/harness'

const CODES = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS']
const DEVICES = 3
const REQUESTS = 14
const [CREATED, DELETED, CHANGED, FAILED] = [0x41, 0x42, 0x44, 0xa0]
const DELETE = 4

/** What a device knows of its registration; `unsure` after 5.00. */
interface Known {
  id: string | undefined
  lifetime: number
  unsure: boolean
}

describe('a disk that fails for a while, below a server', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lwm2m-failing-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function session(place: number): Promise<void> {
    const random = seededRandom(place)
    const below = (n: number): number => Math.floor(random() * n)
    const disk = new FailingDisk()
    const clock = new FakeClock()
    const path = join(folder, String(place))
    const store = new DiskStore(path, { clock, level: disk.level })
    const harness = await Harness.start({ store }, clock)
    const peer = await harness.device()
    const devices = Array.from({ length: DEVICES }, (): Known => {
      return { id: undefined, lifetime: 0, unsure: false }
    })
    const first = below(10)
    const last = first + below(4)
    const code = CODES[place % CODES.length] as string
    const when = place % 8 < 4 ? 'before' : 'after'
    disk.fail = (write) => (write >= first && write <= last ? { code, when } : undefined)
    for (let i = 0; i < REQUESTS; i++) {
      const n = below(DEVICES)
      const device = devices[n] as Known
      const lifetime = 1000 + i
      const kind = device.id === undefined ? 'register' : ['update', 'renew', 'delete'][below(3)]
      const query = [`ep=d${n}`, 'lwm2m=1.1', `lt=${lifetime}`]
      const id = device.id ?? ''
      const answer = await peer.request(
        kind === 'register'
          ? register(query, OBJECTS)
          : kind === 'delete'
            ? toLocation(id, [], '', DELETE)
            : toLocation(id, kind === 'update' ? [`lt=${lifetime}`] : []),
      )
      if (answer.code === FAILED) device.unsure = true
      else {
        assert.ok([CREATED, CHANGED, DELETED].includes(answer.code))
        if (kind === 'register') device.id = locationOf(answer)[1]
        if (kind === 'delete') device.id = undefined
        else if (kind !== 'renew') device.lifetime = lifetime
        // A renewal says that the registration is there, not what an earlier failure left of it.
        device.unsure = false
      }
      clock.advance(below(2) * 20_000)
    }
    // Stopping writes nothing: what is there is what kill -9 leaves.
    await harness.stop()
    const again = await Harness.start({ store: new DiskStore(path) }, clock)
    for (const [n, device] of devices.entries()) {
      if (device.unsure) continue
      const found = again.server.registrations.get(`d${n}`)
      assert.equal(found?.id, device.id, `place ${place}, d${n}`)
      if (found !== undefined) assert.equal(found.lifetime, device.lifetime, `place ${place}`)
    }
    await again.stop()
  }

  it('what was answered 2.01, 2.02 or 2.04 is so after kill -9, at 200 random places', async () => {
    for (let place = 0; place < 200; place++) await session(place)
  }).timeout(120_000)

  it('an Update after a failed de-registration that took place on disk is written again', async () => {
    const disk = new FailingDisk()
    const clock = new FakeClock()
    const store = new DiskStore(join(folder, 'store'), { clock, level: disk.level })
    const harness = await Harness.start({ store }, clock)
    const [device, id] = await harness.registered(['ep=a', 'lwm2m=1.1', 'lt=300'])
    clock.advance(100_000)
    assert.equal((await device.request(toLocation(id))).code, CHANGED)
    disk.fail = (write) => (write === 2 ? { code: 'EIO', when: 'after' } : undefined)
    assert.equal((await device.request(toLocation(id, [], '', DELETE))).code, FAILED)
    assert.equal((await device.request(toLocation(id))).code, CHANGED)
    await harness.stop()
    const again = await Harness.start({ store: new DiskStore(join(folder, 'store')) }, clock)
    assert.equal(again.server.registrations.get('a')?.id, id)
    await again.stop()
  })
})
