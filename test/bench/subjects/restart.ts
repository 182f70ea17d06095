import { Lwm2mServer } from '../../../src/server/lwm2m-server'
import { RegistrationJournal } from '../../../src/server/persistence/registration-journal'
import {
  DeviceRegistration,
  newRegistrationId,
} from '../../../src/server/registration/device-registration'
import { ObjectLists } from '../../../src/server/registration/object-lists'
import { parseRegister } from '../../../src/server/registration/parameters'
import { DiskStore } from '../../../src/storage/disk-store'
import { NO_IDENTITY } from '../../../src/transport/transport'
import { temporaryFolder } from './disk'
import { LoopDelay } from './loop-delay'
import type { Figures, Subject } from './subject'

const DEVICES = 100_000
const LIFETIME = 86_400

/** Writes what a server keeps of devices that registered with it. */
async function fill(folder: string): Promise<void> {
  const store = new DiskStore(folder)
  await store.open()
  const journal = new RegistrationJournal(store, (error) => {
    throw error
  })
  const lists = new ObjectLists()
  const list = lists.parseText('</>;rt="oma.lwm2m";ct=112,</1/0>,</3/0>,</3303/0>', '1.1')
  const now = Date.now()
  let writes: Promise<void>[] = []
  for (let i = 0; i < DEVICES; i++) {
    const endpoint = `device-${i}`
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
    const registration = new DeviceRegistration(
      newRegistrationId(),
      endpoint,
      { id: `udp:${address}:5683`, address, port: 5683, secure: false, identity: NO_IDENTITY },
      list,
      parseRegister([`ep=${endpoint}`, `lt=${LIFETIME}`, 'lwm2m=1.1', 'b=U']),
      LIFETIME,
      now,
    )
    const durableUntil = now + LIFETIME * 1000
    writes.push(journal.put(registration, Object.assign(registration, { durableUntil })))
    if (writes.length === 1000) {
      await Promise.all(writes)
      writes = []
    }
  }
  await store.close()
}

/** Starts a server whose store holds 100,000 registrations. */
export function restartSubject(): Promise<Subject> {
  return Promise.resolve({ port: 0, count: 0, figures })
}

async function figures(): Promise<Figures> {
  const folder = temporaryFolder()
  await fill(folder)
  globalThis.gc?.()
  const server = new Lwm2mServer({ coap: { port: 0 }, store: new DiskStore(folder) })
  const delay = new LoopDelay()
  const begin = performance.now()
  await server.start()
  const seconds = (performance.now() - begin) / 1000
  const { max } = delay.stop()
  const found = server.registrations.size
  await server.stop()
  if (found !== DEVICES) throw new Error(`${found} registrations were restored`)
  return { seconds, block: max }
}
