import { CodedError } from '../../base/coded-error'
import { TypedEmitter } from '../../base/events'
import type { Scheduler } from '../../base/scheduler'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { Level } from '../../lwm2m/path'
import { pathsOf } from '../registration/object-lists'
import type { Registration, RegistrationChange, ServerWarning, ValueReport } from '../types'
import { EndDevice } from './end-device'
import {
  type EndDeviceEntry,
  endDeviceEntries,
  endDeviceObjects,
  endDeviceProblem,
  isGateway,
} from './gateway'

/** What a gateway can make the server hold. */
export const END_DEVICE_LIMITS = {
  /** Devices of one gateway. */
  perGateway: 1_000,
  /** Devices of all gateways. */
  all: 10_000,
  /** Characters of the object list of one. */
  objects: 8_192,
} as const

/** How reading the end devices may end without a warning. */
const NO_FAULT: ReadonlySet<string> = new Set(['cancelled', 'peer-gone', '4.04'])

export interface GatewayEvents {
  /** An end device is there, or its gateway registered anew (`again`). */
  registered: [device: EndDevice, again: boolean]
  updated: [device: EndDevice, change: RegistrationChange]
  deregistered: [device: EndDevice]
}

interface Gateway {
  registration: Registration
  readonly entries: Map<number, EndDeviceEntry>
  readonly devices: Map<number, EndDevice>
}

/**
 * The devices behind gateways. The object of a gateway is read when it registers and when its list of
 * objects changes; whatever else is read or observed of it counts too.
 */
export class GatewayInventory extends TypedEmitter<GatewayEvents> {
  private readonly gateways = new Map<string, Gateway>()
  private readonly devices = new Map<string, EndDevice>()

  /** @param read reads the object of a gateway; its values come back by {@link onValues} */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly read: (gateway: Registration) => Promise<unknown>,
    private readonly warn: (warning: ServerWarning) => void,
  ) {
    super()
  }

  get size(): number {
    return this.devices.size
  }

  get(endpoint: string): EndDevice | undefined {
    return this.devices.get(endpoint)
  }

  [Symbol.iterator](): IterableIterator<EndDevice> {
    return this.devices.values()
  }

  /** The end devices of a gateway. */
  behind(gateway: Registration): Iterable<EndDevice> {
    return this.gateways.get(gateway.endpoint)?.devices.values() ?? []
  }

  /** A device registered, or is there since before a restart, and may be asked. */
  onRegistered(registration: Registration): void {
    const known = this.gateways.get(registration.endpoint)
    if (!isGateway(registration)) return this.onGone(registration)
    if (known === undefined) {
      const gateway = { registration, entries: new Map(), devices: new Map() }
      this.gateways.set(registration.endpoint, gateway)
    } else {
      known.registration = registration
      for (const device of known.devices.values()) {
        device.via = registration
        this.emit('registered', device, true)
      }
    }
    this.ask(registration)
  }

  /** The list of objects of a device has changed. */
  onUpdated(registration: Registration): void {
    if (!isGateway(registration)) this.onGone(registration)
    else if (this.gateways.has(registration.endpoint)) this.ask(registration)
    else this.onRegistered(registration)
  }

  /** A device is not registered any more, or no gateway any more. */
  onGone({ endpoint }: Registration): void {
    const gateway = this.gateways.get(endpoint)
    if (gateway === undefined) return
    this.gateways.delete(endpoint)
    for (const instance of [...gateway.devices.keys()]) this.remove(gateway, instance)
  }

  /** Values that left a device: those of a gateway's object say which end devices it has. */
  onValues(report: ValueReport): void {
    const { path, records, registration } = report
    if (path.level > Level.ROOT && path.object !== ObjectId.GATEWAY) return
    const gateway = this.gateways.get(registration.endpoint)
    if (gateway?.registration !== registration) return
    const entries = endDeviceEntries(records)
    if (path.level === Level.OBJECT && report.cause !== 'send') {
      for (const instance of [...gateway.entries.keys()]) {
        if (entries.has(instance)) continue
        gateway.entries.delete(instance)
        this.remove(gateway, instance)
      }
    }
    for (const [instance, entry] of entries) this.merge(gateway, instance, entry, report.time)
  }

  private ask(registration: Registration): void {
    this.scheduler.detach(
      'reading the end devices of a gateway',
      this.read(registration).catch((error: unknown) => {
        // A new registration, another address or the stop of the server ended it; or there are no instances.
        if (error instanceof CodedError && NO_FAULT.has(error.code)) return
        this.complain(registration, `the end devices could not be read: ${String(error)}`)
      }),
    )
  }

  private merge(gateway: Gateway, instance: number, said: EndDeviceEntry, now: number): void {
    const before = gateway.entries.get(instance)
    const entry = { ...before, ...said }
    const { id, prefix, objects = '' } = entry
    if (before === undefined && gateway.entries.size >= END_DEVICE_LIMITS.perGateway) {
      return this.complain(gateway.registration, 'it has more end devices than are taken')
    }
    gateway.entries.set(instance, entry)
    if (objects.length > END_DEVICE_LIMITS.objects) {
      gateway.entries.set(instance, { ...entry, objects: '' })
      return this.complain(
        gateway.registration,
        `the objects of end device ${instance} are too many`,
      )
    }
    const device = gateway.devices.get(instance)
    const isSame = device?.deviceId === id && device?.gateway.prefix === prefix
    if (device !== undefined && isSame) {
      if (before?.objects !== entry.objects) this.change(device, entry, now)
      return
    }
    this.remove(gateway, instance)
    // What was read one by one is not complete yet.
    if (id === undefined || prefix === undefined) return
    this.add(gateway, instance, { ...entry, id, prefix }, now)
  }

  private add(
    gateway: Gateway,
    instance: number,
    entry: EndDeviceEntry & { readonly id: string; readonly prefix: string },
    now: number,
  ): void {
    const { registration } = gateway
    const objects = endDeviceObjects(entry, registration.version)
    const device = new EndDevice(registration, instance, entry.id, entry.prefix, objects, now)
    const problem =
      endDeviceProblem(entry) ??
      (this.devices.has(device.endpoint) ? 'another one has its Device ID' : undefined) ??
      (this.devices.size >= END_DEVICE_LIMITS.all ? 'there are too many' : undefined)
    if (problem !== undefined) {
      return this.complain(registration, `end device ${instance} is left out: ${problem}`)
    }
    gateway.devices.set(instance, device)
    this.devices.set(device.endpoint, device)
    this.emit('registered', device, false)
  }

  private change(device: EndDevice, entry: EndDeviceEntry, now: number): void {
    const before = pathsOf({ root: '', contentFormats: [], objects: device.objects })
    device.objects = endDeviceObjects(entry, device.version)
    device.updatedAt = now
    const after = pathsOf({ root: '', contentFormats: [], objects: device.objects })
    this.emit('updated', device, {
      address: false,
      lifetime: false,
      binding: false,
      objects: true,
      added: [...after].filter((path) => !before.has(path)),
      removed: [...before].filter((path) => !after.has(path)),
    })
  }

  private remove(gateway: Gateway, instance: number): void {
    const device = gateway.devices.get(instance)
    if (device === undefined) return
    gateway.devices.delete(instance)
    this.devices.delete(device.endpoint)
    this.emit('deregistered', device)
  }

  private complain({ endpoint }: Registration, message: string): void {
    this.warn({ code: 'end-devices', message: `${endpoint}: ${message}`, endpoint })
  }
}
